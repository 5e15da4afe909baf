"""Write docs/reference/providers.md from the provider files, or compare it with ``--check``."""

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tokenbudget.capture import registry  # noqa: E402 (found by the line above)
from tokenbudget.capture.instrument.api_spec import Api  # noqa: E402
from tokenbudget.capture.instrument.sdk_spec import Sdk  # noqa: E402
from tokenbudget.core.providers import PROVIDERS  # noqa: E402
from tokenbudget.core.usage import Usage  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "providers.md"
HEAD = """# Providers

<!-- Written by docs/generate_providers.py from tokenbudget/capture/providers. -->

`tb.wrap(client)` measures one of the clients in this table; `tb.patch()` measures all of them. Each call is one event,
whether it completes, is left early (`aborted`, tokens `estimated`), or fails (`error`, not charged unless the provider
states usage).

| SDK | Clients | Supported ways to call them | Tested with |
|---|---|---|---|
"""
NOTES = """
## What is recorded of each API

Input tokens include cached tokens, and output tokens include reasoning tokens; the other counts are parts of these two.
A field is recorded if the response states it. Every event also has the provider, the requested model and the model that
answered, time, latency, time to the first token of a stream, status, and tags.

"""
UNMEASURED = """## Not measured

These calls are billed but not measured. If an observed client makes one, no figure includes it. `tb.status()` states
their number, and the first one is logged, or raises a Python warning if logging is not configured.

| SDK | Call | Why |
|---|---|---|
"""
END = """
## Who bills a call

The host of a client's base URL decides who bills its calls, so a server that speaks OpenAI's protocol is billed at its
own prices. For an unknown host, the SDK's own provider is assumed; set another with `tb.wrap(client, provider="...")`.

| `provider` | Provider | Hosts |
|---|---|---|
{hosts}

A subdomain belongs to the host that it ends in, e.g. `*.openai.azure.com`. Ports 11434 and 1234 of this machine are
Ollama and LM Studio. Bedrock and Vertex are recognized by their regional hosts, and the region is recorded.
`google-genai` is `google` with an API key and `vertex` with a project. On Bedrock, the requested model or inference
profile decides the price.

## Good to know

- Bedrock: if the body of an answer states no tokens, they are taken from the `x-amzn-bedrock-…-token-count` headers.
  boto3 drops response fields that are newer than itself: 1.36 does not show cached tokens of Converse, so use 1.38 or
  newer.
- A call made inside another one (a guard in an HTTP hook, a judge in a LiteLLM callback, a tool run by an SDK, a task
  started in the meantime) is recorded separately. Only calls that an SDK makes in order to make its own are part of it
  ([why](../decisions/0008-calls-inside-calls.md)).
- OpenAI's Realtime sessions: each response is an event with its tokens by modality, and so is each transcript of the
  input, with the model that wrote it. If the session closes in the middle of a response, that event is aborted and has
  no cost. A Live session is one event with its seconds, plus one for each response or decision that it delegates.
  Gemini's sessions have one event per turn. A session that a browser opened is recorded once, where it is joined
  (`connect(call_id=...)`, `live.sideband`).
- A video is recorded once, when it is first seen finished, by its seconds and size. Veo's operations state neither, so
  its videos are recorded by the process that requested them, and have no price if the request had no duration.
- Cohere: billed units are recorded, not the `tokens` beside them. AWS's own hosts are billed by Bedrock.
- Batch results: each line is one event at the batch price, however often and in whichever process it is read. A file
  that `google-genai` writes to `destination=` is read, too. Batches on Vertex AI are in your own bucket and are not
  recorded; neither are files of embeddings, whose lines do not state the model.
- Chat models for search (`gpt-4o-search-preview`, `gpt-5-search-api`): each answer costs one web search, which is
  counted.
- Server tools are billed separately and are in `tools`, each with the fee of the provider's price list. If a tool has
  no known fee, the call has no price. OpenAI's searches are those that the answer states as billable; their fee
  depends on the tool (`web_search` or `web_search_preview`). Images and SVG in a response are passes of their own
  models. xAI's tools are taken from its counts, Groq's from the tools that it lists; no answer states how long Groq's
  code ran.
- Containers (code interpreter, hosted shell) are billed by their memory for twenty minutes at a time, however many
  answers use them: the first recorded answer carries the fee. Each process tracks this separately, so if several
  processes share a container, each counts it. No answer states the memory of a container that you created yourself:
  such a call has no price.
- A total shows what input and output leave out (reasoning beside the answer, audio beside the prompt, an output that is
  not stated). If it contradicts them, the event's `warnings` say so.
- Google: a call with automatic function calling makes several requests, and each is an event. Retries of an interaction
  are separate events; retries of all other calls are one event.
- LiteLLM: wrap the module before you import names from it (`from litellm import completion` keeps the unwrapped
  function). If a provider states no usage, LiteLLM counts it. Answers from LiteLLM's cache and mocks are not recorded.
  With `fallbacks`, each model that is tried is an event. `anthropic_messages`, `google_genai` and `interactions` of a
  model that does not support them are recorded as the completions and responses that LiteLLM makes instead. Calls made
  by LiteLLM's Rust core (an option of 1.106) are not recorded. Cohere's completions have no cost, because LiteLLM
  passes on Cohere's tokens but not the billed units. For Gemini's completions, the requested tier is assumed.
- Runs of assistants, and responses made in the background, are recorded once, when they are first seen finished. A run
  does not state what its tools cost in addition to its tokens. Gemini's interactions do not state that they ran in the
  background, so those are recorded only in the process that started them.
- Streams of OpenAI's protocol: unless a server states usage by default, TokenBudget requests it, and hides the
  additional chunk if you did not request it yourself; this includes the bytes and lines of raw responses. If an
  unknown server always sends a chunk of usage without choices, request usage yourself to see that chunk
  ([why](../decisions/0007-asking-for-usage.md)).
- In your tests, `tb.wrap` returns mocks and hand-written doubles of a client unchanged and does not measure them.
  Requests to respx, pytest-httpx and vcr are the same as without TokenBudget.

## Frameworks

| Framework | Handler, in `tokenbudget.integrations` | Where to add it | Tested with |
|---|---|---|---|
| LangChain | `langchain.TokenBudgetCallbackHandler` | `callbacks` | langchain-core 1.7.2 |
| LlamaIndex | `llamaindex.TokenBudgetEventHandler` | the root dispatcher | llama-index-core 0.14.25 |

Answers that a framework passes on are read by the provider's own rules. For complete answers, LangChain's classes keep
the provider's usage, except for Gemini, Bedrock, Cohere and Perplexity; for streams, they keep only LangChain's own
counts. These do not distinguish Gemini's audio input and image output, or Cohere's billed units: such a call has no
cost, and states the reason. Neither framework passes on Gemini's service tier, or the passes of Anthropic's compaction
and advisor in streams. For these, wrap the client or use `tb.patch()`, which read the original answer.

A call that also goes through a wrapped client is recorded once, by the client. Record all other calls with
`tb.record(provider=..., model=..., usage=...)`.
"""


def _sdks() -> dict[str, Sdk]:
    """Return each SDK by its name."""
    return {sdk.name: sdk for sdk in sorted(registry.packages().values(), key=lambda sdk: sdk.name)}


def _of_one_kind() -> dict[str, Sdk]:
    """Return the SDKs by their names, once where several packages are measured alike (boto3's and aioboto3's)."""
    kinds: dict[tuple[Api, ...], list[Sdk]] = {}
    for sdk in _sdks().values():
        kinds.setdefault(sdk.apis, []).append(sdk)
    return {", ".join(sdk.name for sdk in alike): alike[0] for alike in kinds.values()}


def _fields(api: Api) -> str:
    names = {name for name in (*api.read.places, *api.adds) if name in Usage.__struct_fields__}
    ordered = [name for name in Usage.__struct_fields__ if name in names]
    beside = [name for name in ("service_tier", "speed", "region") if name in api.read.places]
    return ", ".join(f"`{name}`" for name in [*ordered, *beside])


def page() -> str:
    """Return the text of the page."""
    rows = []
    for name, sdk in _sdks().items():
        clients = ", ".join(f"`{client}`" for client in sdk.clients) or f"the module `{name}`"
        rows.append(f"| `{name}` | {clients} | {sdk.guide.calls} | {sdk.guide.checked_with} |")
    tables = ""
    for names, sdk in _of_one_kind().items():
        lines = [f"| `{api.operation}` | {_fields(api)} |" for api in sdk.apis]
        tables += f"### {names}\n\n| Operation | Fields |\n|---|---|\n" + "\n".join(dict.fromkeys(lines)) + "\n\n"
    unmeasured = "\n".join(
        f"| `{names}` | `{what.call}` | {what.reason} |"
        for names, sdk in _of_one_kind().items()
        for what in sdk.unmeasured
    )
    known = "\n".join(
        f"| `{name}` | {one.title} | {', '.join(f'`{host}`' for host in one.hosts)} |"
        for name, one in sorted(PROVIDERS.items())
        if one.hosts
    )
    return HEAD + "\n".join(rows) + "\n" + NOTES + tables + UNMEASURED + unmeasured + "\n" + END.format(hosts=known)


def main(args: Sequence[str]) -> int:
    """Write the page, or compare it."""
    text = page()
    if "--check" not in args:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == text:
        return 0
    print(f"{PAGE.relative_to(ROOT)} is out of date. What to do: python3 dev.py docs")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
