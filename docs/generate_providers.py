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

`tb.wrap(client)` measures the clients in this table; `tb.patch()` measures all of them. Every call is one event,
however it ends: read to the end, left early (`aborted`, tokens `estimated`), or failed (`error`, never charged unless
the provider states usage).

| SDK | Clients | How they can be called | Checked with |
|---|---|---|---|
"""
NOTES = """
## What is read of each API

Input tokens include cached ones, output tokens include reasoning ones; the other counts are parts of these two. A
field is there where the response states it. Every event has the provider, the model asked for and the model that
answered, time, latency, time to the first token of a stream, status, and tags.

"""
UNMEASURED = """## Not measured

These calls are billed and not measured. One that an observed client makes is in no figure; `tb.status()` counts it, and
the first one is said in the log, or as a warning where nobody listens to that.

| SDK | Call | Why |
|---|---|---|
"""
END = """
## Who bills a call

The address of a client says who bills it, so any server that speaks OpenAI's protocol is priced by its own prices. An
address that is not known is taken for the SDK's own provider; name another with `tb.wrap(client, provider="...")`.

| `provider` | Provider | Hosts |
|---|---|---|
{hosts}

`*.openai.azure.com` and other subdomains belong to the host they end in. Ports 11434 and 1234 of this machine are
Ollama and LM Studio. Bedrock and Vertex are told by their regional hosts, and the region is kept. `google-genai` is
`google` with an API key and `vertex` with a project; on Bedrock the requested model or inference profile decides the
price.

## Good to know

- Bedrock: an answer whose body counts no tokens is counted by its `x-amzn-bedrock-…-token-count` headers. boto3 drops
  response fields that are newer than itself: 1.36 does not show cached tokens of Converse, so use 1.38 or newer.
- A call made inside another one (a guard in an HTTP hook, a judge in a callback of LiteLLM's, a tool that an SDK runs,
  a task begun meanwhile) is a call of its own. Part of a call is only what its SDK itself does to make it
  ([why](../decisions/0008-calls-inside-calls.md)).
- Realtime sessions of OpenAI's: each response is an event with its tokens by modality, and each transcript of what was
  said one of the model that wrote it; a session closed in the middle of a response leaves an aborted one without a
  cost. Live sessions are one event with their seconds, and one for each response or decision they delegate; Gemini's
  are one event for each turn. Sessions that a browser opens are seen where they are joined (`connect(call_id=...)`,
  `live.sideband`), and once.
- Videos are recorded once, when they are first seen made, by their seconds and size. An operation of Veo's states
  neither, so its videos are recorded by the process that asked for them, and without a price where it asked for no
  duration.
- Cohere: billed units are recorded, not the `tokens` beside them. AWS's own hosts are billed by Bedrock.
- Batch results: each line is an event at the batch's price, whenever and however often it is read, in this process or
  another; a file that `google-genai` writes to `destination=` is read along. Batches on Vertex AI are in a bucket of
  yours and are not seen; neither are files of embeddings, whose lines do not say which model made them.
- Chat models made for search (`gpt-4o-search-preview`, `gpt-5-search-api`): every answer cost one web search, which is
  counted.
- Tools that a server runs are billed apart and are in `tools`, each with the fee of its provider's price list; one
  without a fee leaves the call without a price. OpenAI's searches are those that the answer states as billable, and
  what they cost depends on the tool (`web_search`, or `web_search_preview`). Images and SVG that a response makes are
  passes of their own models. xAI's tools are taken from its counts, Groq's from the tools that it lists; how long
  Groq's code ran no answer says.
- Containers (code interpreter, hosted shell) are billed by their memory for twenty minutes at a time, however many
  answers use them: the answer that is seen first carries the fee. That is remembered by each process for itself, so
  several processes that share a container each count it. The memory of a container that you made yourself no answer
  says: such a call has no price.
- A total proves what input and output leave out (reasoning beside the answer, sound beside the prompt, an output that
  is not stated); one that contradicts them is in the event's `warnings`.
- Google: a call that runs functions by itself makes several requests, and each is an event. Retries of an interaction
  are events of their own; retries of everything else are one event.
- LiteLLM: wrap the module before names are imported from it (`from litellm import completion` keeps what it found). A
  provider that states no usage is counted by LiteLLM itself. Answers from its cache and mocks are not recorded. With
  `fallbacks` each model that is tried is an event. `anthropic_messages`, `google_genai` and `interactions` of a model
  that does not speak these are recorded as the completions and responses they are made of; those that LiteLLM's own
  Rust core makes when asked to (an option of 1.106) are not seen. Cohere's completions have no cost, because LiteLLM
  hands on Cohere's tokens and not the billed units, and Gemini's are taken to be served in the tier they asked for.
- Runs of assistants, and responses made in the background, are recorded once: when they are first seen done. What a
  run's tools cost beside its tokens it does not state. Gemini's interactions do not say that they were made in the
  background, so those are recorded where the process that fetches them is the one that saw them begin.
- Streams of OpenAI's protocol: usage is asked for where a server does not state it unasked, and the chunk that brings
  it is hidden from a caller who did not ask. Raw responses, too: who reads their bytes or lines gets those that would
  have come. A server unknown to us that always sends a chunk of usage without choices needs to be asked for it by
  you, or you do not see it ([why](../decisions/0007-asking-for-usage.md)).
- In your tests, mocks of a client and hand-written doubles pass through `tb.wrap` as they are and are not measured.
  respx, pytest-httpx and vcr get the requests that would have been made without it.

## Frameworks

| Framework | Handler, in `tokenbudget.integrations` | Where it goes | Checked with |
|---|---|---|---|
| LangChain | `langchain.TokenBudgetCallbackHandler` | `callbacks` | langchain-core 1.7.2 |
| LlamaIndex | `llamaindex.TokenBudgetEventHandler` | the root dispatcher | llama-index-core 0.14.25 |

What a framework hands on is read by the provider's own rules. LangChain's classes keep the provider's usage of answers
that come whole, but for Gemini's, Bedrock's, Cohere's and Perplexity's, and of streams only their own. There sound that
Gemini heard, images it made, and Cohere's billed units are not told apart: such a call has no cost, and says why. The
service tier of Gemini is not handed on by either framework, nor are the passes of Anthropic's compaction and advisor in
streams: for these, wrap the client (or `tb.patch()`), which sees the answer as it came.

A call that goes through a wrapped client as well is recorded once, by the client. Anything else:
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
