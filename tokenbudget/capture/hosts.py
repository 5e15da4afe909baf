"""Who bills a call: the provider behind a host name."""

from __future__ import annotations

import re
from functools import lru_cache

SUFFIXES = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure",
    "openai.azure.cn": "azure_cn",
    "cognitiveservices.azure.cn": "azure_cn",
    "services.ai.azure.com": "azure",
    "cognitiveservices.azure.com": "azure",
    "inference.ai.azure.com": "azure_ai",
    "models.ai.azure.com": "azure_ai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "google",
    "aiplatform.googleapis.com": "vertex",
    "rep.googleapis.com": "vertex",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "xai",
    "api.mistral.ai": "mistral",
    "codestral.mistral.ai": "mistral",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
    "api.together.xyz": "together",
    "api.together.ai": "together",
    "openrouter.ai": "openrouter",
    "api.perplexity.ai": "perplexity",
    "api.cerebras.ai": "cerebras",
    "api.fireworks.ai": "fireworks",
    "api.moonshot.ai": "moonshot",
    "api.moonshot.cn": "moonshot_cn",
    "dashscope.aliyuncs.com": "dashscope_cn",
    "dashscope-intl.aliyuncs.com": "dashscope",
    "dashscope-us.aliyuncs.com": "dashscope",
    "api.z.ai": "zai",
    "open.bigmodel.cn": "zai_cn",
    "api.minimax.io": "minimax",
    "api.minimaxi.com": "minimax_cn",
    "api.deepinfra.com": "deepinfra",
    "api.sambanova.ai": "sambanova",
    "api.hyperbolic.xyz": "hyperbolic",
    "api.novita.ai": "novita",
    "api.studio.nebius.ai": "nebius",
    "api.studio.nebius.com": "nebius",
    "api.tokenfactory.nebius.com": "nebius",
    "integrate.api.nvidia.com": "nvidia_nim",
    "router.huggingface.co": "huggingface",
    "models.github.ai": "github",
    "ai-gateway.vercel.sh": "vercel_ai_gateway",
    "inference.baseten.co": "baseten",
    "api.inference.wandb.ai": "wandb",
    "api.featherless.ai": "featherless_ai",
    "api.lambda.ai": "lambda_ai",
    "api.llama.com": "meta_llama",
    "api.ai21.com": "ai21",
    "api.voyageai.com": "voyage",
    "api.jina.ai": "jina",
    "api.friendli.ai": "friendliai",
    "api.gmi-serving.com": "gmi",
    "inference.api.nscale.com": "nscale",
    "api.morphllm.com": "morph",
    "api.v0.dev": "v0",
    "api.publicai.co": "publicai",
    "api.inceptionlabs.ai": "inception",
    "inference.heroku.com": "heroku",
    "cloud.databricks.com": "databricks",
    "azuredatabricks.net": "databricks",
    "snowflakecomputing.com": "snowflake",
    "ollama.com": "ollama",
}
STATE_USAGE_UNASKED = frozenset({"deepseek", "fireworks", "groq", "mistral", "openrouter", "perplexity", "together"})
"""Providers whose streams state their usage without ``stream_options.include_usage``."""
_BEDROCK = re.compile(r"bedrock[a-z-]*\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)")
_LOCAL = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "host.docker.internal"}  # noqa: S104 (compared, not bound)
_LOCAL_PORTS = {11434: "ollama", 1234: "lm_studio"}
_REGIONS = {"api.openai.com", "api.x.ai"}


@lru_cache(256)
def provider_at(host: str, port: int | None = None) -> tuple[str | None, str | None]:
    """Find the provider and the region that an address belongs to.

    Returns
    -------
    (str or None, str or None)
        Provider and region; None for a host that nobody is known by (a company's own gateway, a test server).

    Examples
    --------
    >>> provider_at("api.groq.com")
    ('groq', None)
    >>> provider_at("eu.api.openai.com")
    ('openai', 'eu')
    >>> provider_at("bedrock-runtime.us-east-1.amazonaws.com")
    ('bedrock', 'us-east-1')
    >>> provider_at("bedrock-mantle.eu-west-1.api.aws")
    ('bedrock_mantle', 'eu-west-1')
    >>> provider_at("localhost", 11434)
    ('ollama', None)
    >>> provider_at("api.moonshot.cn")  # bills in yuan, api.moonshot.ai in dollars
    ('moonshot_cn', None)
    """
    host = host.lower().rstrip(".")
    if host in _LOCAL:
        return _LOCAL_PORTS.get(port or 0), None
    if match := _BEDROCK.fullmatch(host):
        return _bedrock(host), match["region"]
    if host.endswith("-aiplatform.googleapis.com"):
        return "vertex", host.removesuffix("-aiplatform.googleapis.com")
    labels = host.split(".")
    for cut in range(len(labels) - 1):
        suffix = ".".join(labels[cut:])
        if suffix in SUFFIXES:
            region = ".".join(labels[:cut]) if suffix in _REGIONS else ""
            return SUFFIXES[suffix], region or None
    return None, None


def _bedrock(host: str) -> str:
    """Name the price list of an address of Bedrock: its newer endpoint has one of its own."""
    if host.endswith(".cn"):
        return "bedrock_cn"
    return "bedrock_mantle" if host.startswith("bedrock-mantle.") else "bedrock"


def billed_by(made_for: str | None, found: str | None) -> str | None:
    """Choose between whom a client is made for and who is at its address.

    Azure's client behind a company's gateway, or any other address, is Azure's; at an address of Azure China it is who
    bills there.

    Examples
    --------
    >>> billed_by("azure", None), billed_by("azure", "azure_cn"), billed_by(None, "groq")
    ('azure', 'azure_cn', 'groq')
    """
    return found if made_for is None or (found or "").startswith(f"{made_for}_") else made_for
