"""Responses in the shapes of providers other than OpenAI and Anthropic, written for these tests."""

from tests.integration.capture.bodies import CHAT_STREAM_WITH_USAGE, MESSAGE, MESSAGE_STREAM, but, sse
from tests.integration.capture.local_server import aws_event


def _text(text, finish=None, **more):
    candidate = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}} | more
    return candidate | ({"finishReason": finish} if finish else {})


GEMINI_USAGE = {
    "promptTokenCount": 1000,
    "toolUsePromptTokenCount": 60,
    "candidatesTokenCount": 200,
    "thoughtsTokenCount": 50,
    "cachedContentTokenCount": 400,
    "totalTokenCount": 1310,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 700}, {"modality": "AUDIO", "tokenCount": 300}],
    "toolUsePromptTokensDetails": [{"modality": "IMAGE", "tokenCount": 40}],
    "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 100}],
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 120}],
    "serviceTier": "flex",
}
_GROUNDED = {"groundingMetadata": {"webSearchQueries": ["one", "two", "one"]}}
GEMINI = {
    "candidates": [_text("Hello there.", "STOP", **_GROUNDED)],
    "usageMetadata": GEMINI_USAGE,
    "modelVersion": "gemini-3-flash-preview",
    "responseId": "gemini-1",
}
_HEAD = {"modelVersion": "gemini-3-flash-preview", "responseId": "gemini-1"}
GEMINI_STREAM = sse(
    {"candidates": [_text("Hello ")], "usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 2}} | _HEAD,
    {"candidates": [_text("there.")], "usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 4}} | _HEAD,
    GEMINI,
)
GEMINI_FIELDS = {
    "input_tokens": 1060,
    "output_tokens": 250,
    "cache_read_tokens": 400,
    "cache_read_audio_tokens": 100,
    "tool_prompt_tokens": 60,
    "input_audio_tokens": 300,
    "input_image_tokens": 40,
    "output_image_tokens": 120,
    "reasoning_tokens": 50,
    "tools": {"google_search_queries": 2},
}
VERTEX = but(GEMINI, usageMetadata__serviceTier=None, usageMetadata__trafficType="ON_DEMAND_FLEX")
GEMINI_EMBEDDING = {"embeddings": [{"values": [0.5]}], "usageMetadata": {"promptTokenCount": 7}}
INTERACTION = {
    "id": "interaction-1",
    "object": "interaction",
    "status": "completed",
    "model": "gemini-3-flash-preview",
    "created": "2026-11-01T10:00:00Z",
    "updated": "2026-11-01T10:00:01Z",
    "steps": [{"type": "model_output", "content": [{"type": "text", "text": "Hello there."}]}],
    "usage": {
        "total_input_tokens": 300,
        "input_tokens_by_modality": [{"modality": "text", "tokens": 200}, {"modality": "image", "tokens": 100}],
        "total_cached_tokens": 30,
        "total_output_tokens": 20,
        "total_tool_use_tokens": 10,
        "total_thought_tokens": 5,
        "total_tokens": 335,
    },
}
INTERACTION_STREAM = sse(
    (
        "interaction.created",
        {
            "event_type": "interaction.created",
            "interaction": {
                "id": "interaction-1",
                "object": "interaction",
                "status": "in_progress",
                "model": "gemini-3-flash-preview",
            },
        },
    ),
    ("step.start", {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}}),
    ("step.delta", {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": "Hello "}}),
    ("step.delta", {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": "there."}}),
    ("interaction.completed", {"event_type": "interaction.completed", "interaction": INTERACTION}),
)
INTERACTION_FIELDS = {
    "input_tokens": 310,
    "output_tokens": 25,
    "cache_read_tokens": 30,
    "tool_prompt_tokens": 10,
    "input_image_tokens": 100,
    "reasoning_tokens": 5,
}

CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello there."}]}},
    "stopReason": "end_turn",
    "metrics": {"latencyMs": 9},
    "serviceTier": {"type": "flex"},
    "usage": {
        "inputTokens": 10,
        "outputTokens": 90,
        "totalTokens": 2400,
        "cacheReadInputTokens": 2000,
        "cacheWriteInputTokens": 300,
        "cacheDetails": [{"ttl": "5m", "inputTokens": 100}, {"ttl": "1h", "inputTokens": 200}],
    },
}
CONVERSE_FIELDS = {
    "input_tokens": 2310,
    "output_tokens": 90,
    "cache_read_tokens": 2000,
    "cache_write_tokens": 300,
    "cache_write_5m_tokens": 100,
    "cache_write_1h_tokens": 200,
}
CONVERSE_STREAM = [
    aws_event("messageStart", {"role": "assistant"}),
    aws_event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello "}}),
    aws_event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "there."}}),
    aws_event("contentBlockStop", {"contentBlockIndex": 0}),
    aws_event("messageStop", {"stopReason": "end_turn"}),
    aws_event("metadata", {name: CONVERSE[name] for name in ("metrics", "serviceTier", "usage")}),
]
CLAUDE_ON_BEDROCK = but(MESSAGE, usage__inference_geo=None, usage__service_tier=None)
CLAUDE_FIELDS = {
    "input_tokens": 2310,
    "output_tokens": 90,
    "cache_read_tokens": 2000,
    "cache_write_tokens": 300,
    "cache_write_5m_tokens": 100,
    "cache_write_1h_tokens": 200,
    "reasoning_tokens": 30,
    "tools": {"web_search": 2},
}


def invoked(stream):
    """Put the events of a provider's own stream into chunks of an invoked model's."""
    from base64 import b64encode

    datas = [part.partition(b"data: ")[2].strip() for part in stream]
    return [aws_event("chunk", {"bytes": b64encode(data).decode()}) for data in datas]


CLAUDE_STREAM_ON_BEDROCK = invoked(MESSAGE_STREAM)
INVOKED = {
    "titan": ({"embedding": [0.5], "inputTextTokenCount": 8}, {"input_tokens": 8, "output_tokens": 0}),
    "titan text": (
        {"inputTextTokenCount": 8, "results": [{"tokenCount": 5, "outputText": "Hello"}]},
        {"input_tokens": 8, "output_tokens": 5},
    ),
    "nova": (
        {"usage": {"inputTokens": 10, "outputTokens": 4, "cacheReadInputTokenCount": 30}},
        {"input_tokens": 40, "output_tokens": 4, "cache_read_tokens": 30},
    ),
    "llama": (
        {"generation": "Hello", "prompt_token_count": 9, "generation_token_count": 3},
        {"input_tokens": 9, "output_tokens": 3},
    ),
    "gpt-oss": (
        {"usage": {"prompt_tokens": 20, "completion_tokens": 6, "prompt_tokens_details": {"cached_tokens": 5}}},
        {"input_tokens": 20, "output_tokens": 6, "cache_read_tokens": 5},
    ),
    "only headers": ({"outputs": [{"text": "Hello"}]}, {"input_tokens": 12, "output_tokens": 7}),
}
COUNTS = {"x-amzn-bedrock-input-token-count": "12", "x-amzn-bedrock-output-token-count": "7"}

MISTRAL = {
    "id": "mistral-1",
    "object": "chat.completion",
    "created": 1_790_000_000,
    "model": "mistral-small-latest",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello there."}}],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 16},
        "service_tier": "standard",
    },
}
_CHUNK = {name: MISTRAL[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
MISTRAL_STREAM = sse(
    _CHUNK | {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hello "}, "finish_reason": None}]},
    _CHUNK | {"choices": [{"index": 0, "delta": {"content": "there."}, "finish_reason": None}]},
    _CHUNK | {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}], "usage": MISTRAL["usage"]},
    "[DONE]",
)
MISTRAL_FIELDS = {"input_tokens": 100, "output_tokens": 20, "cache_read_tokens": 16}
MISTRAL_OCR = {"model": "mistral-ocr-latest", "pages": [], "usage_info": {"pages_processed": 3}}

COHERE_USAGE = {"billed_units": {"input_tokens": 21, "output_tokens": 40}, "tokens": {"input_tokens": 500}}
COHERE = {
    "id": "cohere-1",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "Hello there."}]},
    "usage": COHERE_USAGE,
}
COHERE_STREAM = sse(
    {"type": "message-start", "id": "cohere-1", "delta": {"message": {"role": "assistant", "content": []}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hello "}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "there."}}}},
    {"type": "content-end", "index": 0},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": COHERE_USAGE}},
)
COHERE_FIELDS = {"input_tokens": 21, "output_tokens": 40}
RERANKED = {"id": "rerank-1", "results": [], "meta": {"billed_units": {"search_units": 2}}}
COHERE_EMBEDDING = {
    "id": "embed-1",
    "response_type": "embeddings_by_type",
    "embeddings": {"float": [[0.5]]},
    "texts": ["hi"],
    "meta": {"billed_units": {"input_tokens": 3}},
}
GROQ_STREAM = CHAT_STREAM_WITH_USAGE
