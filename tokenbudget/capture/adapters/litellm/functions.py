"""LiteLLM's functions that are observed, and what each of them calls."""

from __future__ import annotations

from tokenbudget.capture.adapters.litellm import usage as rules
from tokenbudget.capture.providers import cohere, mistral, openai
from tokenbudget.capture.providers.openai.server_tools import server_tools
from tokenbudget.capture.usage.totals import stated_total

_DETAILS = "usage.prompt_tokens_details"
_READ = openai.CHAT.read.but(
    cache_read_tokens=(f"{_DETAILS}.cached_tokens", "usage.cache_read_input_tokens"),
    cache_write_5m_tokens=f"{_DETAILS}.cache_creation_token_details.ephemeral_5m_input_tokens",
    cache_write_1h_tokens=f"{_DETAILS}.cache_creation_token_details.ephemeral_1h_input_tokens",
    cache_created=(f"{_DETAILS}.cache_creation_tokens", "usage.cache_creation_input_tokens"),
    searches=("usage.server_tool_use.web_search_requests", f"{_DETAILS}.web_search_requests"),
    tool_prompt_tokens=f"{_DETAILS}.tool_use_tokens",
    iterations="usage.iterations",
)
RETRYING = "_with_retries"
CHAT = openai.CHAT.derive(
    read=_READ,
    rules=(
        rules.own_estimate,
        rules.grounded,
        *openai.CHAT.rules,
        rules.other_names,
        rules.passes,
        rules.asked_tier,
        rules.unbilled,
    ),
)
COMPLETIONS = openai.COMPLETIONS.derive(
    read=_READ, rules=(rules.own_estimate, *openai.COMPLETIONS.rules, rules.other_names)
)
# The cost in a response's usage is no bill here: LiteLLM writes its own estimate there.
RESPONSES = openai.RESPONSES.derive(rules=(stated_total, server_tools))
FETCHED_RESPONSES = RESPONSES.derive(skip=openai.FETCHED_RESPONSES.skip)
COMPACT = openai.COMPACT.derive(rules=(stated_total,))
IMAGES = openai.IMAGES.derive(rules=(rules.image_tokens, *openai.IMAGES.rules))
FUNCTIONS = {
    "completion": CHAT,
    f"completion{RETRYING}": CHAT,
    "text_completion": COMPLETIONS,
    "responses": RESPONSES,
    f"responses{RETRYING}": RESPONSES,
    "get_responses": FETCHED_RESPONSES,
    "compact_responses": COMPACT,
    "embedding": openai.EMBEDDINGS.derive(rules=(rules.own_estimate, *openai.EMBEDDINGS.rules)),
    "image_generation": IMAGES,
    "image_edit": IMAGES,
    "image_variation": IMAGES,
    "transcription": openai.TRANSCRIPTIONS,
    "speech": openai.SPEECH,
    "rerank": cohere.RERANK,
    "ocr": mistral.OCR,
    "video_generation": openai.VIDEOS,
    "video_edit": openai.VIDEOS,
    "video_extension": openai.EXTENSIONS,
    "video_remix": openai.VIDEOS,
    "video_status": openai.VIDEOS,
}
"""Each has an asynchronous twin with an ``a`` in front."""
TWINS = {
    "text_completion": "acompletion",
    "image_generation": "aimg_generation",
    "image_edit": "async_call",
    "image_variation": "async_call",
    **dict.fromkeys((name for name in FUNCTIONS if name.startswith("video_")), "async_call"),
}
"""How a function is told that its asynchronous twin calls it, where not by the twin's name."""
FALLING_BACK = (CHAT, COMPLETIONS)
FETCHING = {"retrieve_batch": "/batches/{}", "file_content": "/files/{}/content"}
"""Functions that fetch a batch or its results -> where they are fetched; with twins as well."""
UNMEASURED = {
    "_arealtime": "sessions are passed on unchanged",
    "search": "searches are billed by the provider of the search",
    "create_fine_tuning_job": "training is billed while it runs",
    "run_thread": "a run goes on on the server",
}
"""Functions that are billed and not measured -> why; with twins as well."""
HANDING_ON = (
    *("main", "utils", "images", "ocr", "rerank_api", "batches", "files", "completion_extras"),
    *("responses.main", "responses.dispatch", "responses.litellm_completion_transformation"),
)
"""Modules whose calls of an observed function are but another way to make the call around.

Others make a request of their own: to embed a prompt for a cache, to ask again with a tool's result.
"""
