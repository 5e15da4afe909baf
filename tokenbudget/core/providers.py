"""Providers: one record each, with every name and address that means it, and the look-ups by these.

A provider that has no record is known by the name it is given, in lower case, and its bills are in US dollars.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import msgspec

DOLLAR = "USD"


class Provider(msgspec.Struct, frozen=True):
    """Who bills calls.

    Attributes
    ----------
    name : str
        TokenBudget's name of it, as in events.
    title : str
        The name that people read.
    aliases : tuple of str
        Other names, lower case: OpenTelemetry's current and older ones, LiteLLM's and frameworks' spellings.
    litellm, langchain : tuple of str
        Names that mean it in LiteLLM (``custom_llm_provider``) or in LangChain (``ls_provider``) alone.
    llamaindex : tuple of str
        Parts of the names of LlamaIndex's classes, lower case.
    hosts : tuple of str
        Host names; their subdomains belong to it as well.
    host_patterns : tuple of str
        Regular expressions of whole host names, whose group ``region`` is the region.  They count before `hosts`.
    local_port : int or None
        Port of this machine where it listens, for servers that people run themselves.
    states_usage_unasked : bool
        Whether its streams state their usage without ``stream_options.include_usage``.
    currency : str
        Of its bills.  The price table is in US dollars: no row of it prices a bill in another currency.
    """

    name: str
    title: str
    aliases: tuple[str, ...] = ()
    litellm: tuple[str, ...] = ()
    langchain: tuple[str, ...] = ()
    llamaindex: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    host_patterns: tuple[str, ...] = ()
    local_port: int | None = None
    states_usage_unasked: bool = False
    currency: str = DOLLAR


_AWS = r"\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com|api\.aws)"
_RECORDS = (
    # Those who serve other makers' models come first: the names of LlamaIndex's classes for them may name the maker as
    # well, and the first record counts.
    Provider(
        "azure",
        "Azure OpenAI",
        aliases=("az.ai.openai", "azure.ai.openai", "azure_openai"),
        litellm=("azure_text",),
        llamaindex=("azure",),
        hosts=("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
    ),
    Provider(
        "azure_ai",
        "Azure AI Foundry",
        aliases=("azure.ai.inference", "az.ai.inference"),
        hosts=("inference.ai.azure.com", "models.ai.azure.com"),
    ),
    Provider(
        "bedrock",
        "Amazon Bedrock",
        aliases=("aws.bedrock", "aws_bedrock", "amazon_bedrock", "amazon-bedrock"),
        litellm=("bedrock_converse",),
        langchain=("anthropic-bedrock", "anthropic_bedrock"),
        llamaindex=("bedrock",),
        host_patterns=(rf"bedrock(?!-mantle\.)[a-z-]*{_AWS}",),
    ),
    Provider("bedrock_mantle", "Amazon Bedrock (Mantle)", host_patterns=(rf"bedrock-mantle{_AWS}",)),
    Provider(
        "vertex",
        "Google Vertex AI",
        aliases=("gcp.vertex_ai", "vertex_ai", "google.vertex", "google-vertex"),
        litellm=("vertex_ai_beta",),
        langchain=("google_vertexai",),
        llamaindex=("vertex",),
        hosts=("aiplatform.googleapis.com", "rep.googleapis.com"),
        host_patterns=(r"(?P<region>.+)-aiplatform\.googleapis\.com",),
    ),
    Provider("databricks", "Databricks", hosts=("cloud.databricks.com", "azuredatabricks.net")),
    Provider("snowflake", "Snowflake Cortex", hosts=("snowflakecomputing.com",)),
    Provider("watsonx", "IBM watsonx", aliases=("ibm.watsonx.ai",)),
    # Hosts of other makers' models, and gateways.
    Provider("groq", "Groq", llamaindex=("groq",), hosts=("api.groq.com",), states_usage_unasked=True),
    Provider(
        "together",
        "Together AI",
        aliases=("together_ai", "togetherai"),
        hosts=("api.together.xyz", "api.together.ai"),
        states_usage_unasked=True,
        host_patterns=(r"(?P<region>us|ca)-api\.together\.ai",),
    ),
    Provider(
        "fireworks", "Fireworks AI", aliases=("fireworks_ai",), hosts=("api.fireworks.ai",), states_usage_unasked=True
    ),
    Provider("openrouter", "OpenRouter", hosts=("openrouter.ai",), states_usage_unasked=True),
    Provider("baseten", "Baseten", hosts=("inference.baseten.co",)),
    Provider("cerebras", "Cerebras", hosts=("api.cerebras.ai",)),
    Provider("deepinfra", "DeepInfra", hosts=("api.deepinfra.com",)),
    Provider("featherless_ai", "Featherless", hosts=("api.featherless.ai",)),
    Provider("friendliai", "FriendliAI", hosts=("api.friendli.ai",)),
    Provider("github", "GitHub Models", hosts=("models.github.ai",)),
    Provider("gmi", "GMI Cloud", hosts=("api.gmi-serving.com",)),
    Provider("heroku", "Heroku", hosts=("inference.heroku.com",)),
    Provider("huggingface", "Hugging Face", hosts=("router.huggingface.co",)),
    Provider("hyperbolic", "Hyperbolic", hosts=("api.hyperbolic.xyz",)),
    Provider("lambda_ai", "Lambda", hosts=("api.lambda.ai",)),
    Provider(
        "nebius", "Nebius", hosts=("api.studio.nebius.ai", "api.studio.nebius.com", "api.tokenfactory.nebius.com")
    ),
    Provider("novita", "Novita AI", hosts=("api.novita.ai",)),
    Provider("nscale", "Nscale", hosts=("inference.api.nscale.com",)),
    Provider("nvidia_nim", "NVIDIA NIM", hosts=("integrate.api.nvidia.com",)),
    Provider("publicai", "Public AI", hosts=("api.publicai.co",)),
    Provider("sambanova", "SambaNova", hosts=("api.sambanova.ai",)),
    Provider("vercel_ai_gateway", "Vercel AI Gateway", hosts=("ai-gateway.vercel.sh",)),
    Provider("wandb", "Weights & Biases", hosts=("api.inference.wandb.ai",)),
    # Servers that people run themselves.
    Provider(
        "ollama", "Ollama", litellm=("ollama_chat",), llamaindex=("ollama",), hosts=("ollama.com",), local_port=11434
    ),
    Provider("lm_studio", "LM Studio", local_port=1234),
    # Makers of models.
    Provider(
        "openai",
        "OpenAI",
        litellm=("text-completion-openai",),
        langchain=("openai-compatible",),
        llamaindex=("openai",),
        hosts=("api.openai.com",),
        host_patterns=(r"(?P<region>.+)\.api\.openai\.com",),
    ),
    Provider("anthropic", "Anthropic", llamaindex=("anthropic",), hosts=("api.anthropic.com",)),
    Provider(
        "google",
        "Google Gemini",
        aliases=("gcp.gemini", "gcp.gen_ai", "gemini", "google_genai", "google-genai", "google.generative-ai"),
        llamaindex=("gemini", "google", "genai"),
        hosts=("generativelanguage.googleapis.com",),
    ),
    Provider(
        "mistral",
        "Mistral",
        aliases=("mistral_ai", "mistralai"),
        llamaindex=("mistral",),
        hosts=("api.mistral.ai", "codestral.mistral.ai"),
        states_usage_unasked=True,
    ),
    Provider(
        "cohere", "Cohere", aliases=("cohere_chat",), llamaindex=("cohere",), hosts=("api.cohere.com", "api.cohere.ai")
    ),
    Provider("deepseek", "DeepSeek", llamaindex=("deepseek",), hosts=("api.deepseek.com",), states_usage_unasked=True),
    Provider(
        "xai", "xAI", aliases=("x_ai", "x-ai"), hosts=("api.x.ai",), host_patterns=(r"(?P<region>.+)\.api\.x\.ai",)
    ),
    Provider("perplexity", "Perplexity", hosts=("api.perplexity.ai",), states_usage_unasked=True),
    Provider("moonshot", "Moonshot AI", aliases=("moonshot_ai", "moonshotai"), hosts=("api.moonshot.ai",)),
    Provider("dashscope", "Alibaba Model Studio", hosts=("dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com")),
    Provider("zai", "Z.ai", hosts=("api.z.ai",)),
    Provider("minimax", "MiniMax", hosts=("api.minimax.io",)),
    Provider("ai21", "AI21", hosts=("api.ai21.com",)),
    Provider("inception", "Inception", hosts=("api.inceptionlabs.ai",)),
    Provider("jina", "Jina AI", hosts=("api.jina.ai",)),
    Provider("meta_llama", "Llama API", hosts=("api.llama.com",)),
    Provider("morph", "Morph", hosts=("api.morphllm.com",)),
    Provider("v0", "v0", hosts=("api.v0.dev",)),
    Provider("voyage", "Voyage AI", hosts=("api.voyageai.com",)),
    # Mainland China: the same models as abroad, on price lists of their own.
    Provider(
        "azure_cn", "Azure OpenAI (China)", hosts=("openai.azure.cn", "cognitiveservices.azure.cn"), currency="CNY"
    ),
    Provider(
        "bedrock_cn",
        "Amazon Bedrock (China)",
        host_patterns=(r"bedrock[a-z-]*\.(?P<region>[a-z0-9-]+)\.amazonaws\.com\.cn",),
        currency="CNY",
    ),
    Provider("dashscope_cn", "Alibaba Model Studio (China)", hosts=("dashscope.aliyuncs.com",), currency="CNY"),
    Provider("minimax_cn", "MiniMax (China)", hosts=("api.minimaxi.com",), currency="CNY"),
    Provider("moonshot_cn", "Moonshot AI (China)", hosts=("api.moonshot.cn",), currency="CNY"),
    Provider("zai_cn", "Zhipu AI (China)", hosts=("open.bigmodel.cn",), currency="CNY"),
)
PROVIDERS = {one.name: one for one in _RECORDS}
"""The records, by TokenBudget's name."""


def _by(names: Callable[[Provider], tuple[str, ...]]) -> dict[str, str]:
    return {name: one.name for one in _RECORDS for name in names(one)}


_ALIASES = _by(lambda one: one.aliases)
_IN_LITELLM = _by(lambda one: one.litellm)
_IN_LANGCHAIN = _by(lambda one: one.langchain)
_IN_LLAMAINDEX = _by(lambda one: one.llamaindex)
_HOSTS = _by(lambda one: one.hosts)
_HOST_PATTERNS = tuple((re.compile(pattern), one.name) for one in _RECORDS for pattern in one.host_patterns)
_LOCAL = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "host.docker.internal"}  # noqa: S104 (compared, not bound)
_LOCAL_PORTS = {one.local_port: one.name for one in _RECORDS if one.local_port}


def record_of(name: str) -> Provider:
    """Return the record of a provider by TokenBudget's name; one that has none is known by its name alone.

    Examples
    --------
    >>> record_of("azure").title, record_of("my-gateway").currency
    ('Azure OpenAI', 'USD')
    """
    return PROVIDERS.get(name) or Provider(name, name)


def canonical(name: str) -> str:
    """Return TokenBudget's name of a provider.

    The names of OpenTelemetry (current and older), LiteLLM and frameworks are known; an unknown name is only converted
    to lower case.

    Examples
    --------
    >>> canonical("aws.bedrock"), canonical("OpenAI"), canonical("my-gateway")
    ('bedrock', 'openai', 'my-gateway')
    """
    name = name.strip().lower()
    return _ALIASES.get(name, name)


def litellm_provider(name: str) -> str:
    """Return TokenBudget's name of a provider, given LiteLLM's.

    Examples
    --------
    >>> litellm_provider("bedrock_converse"), litellm_provider("together_ai")
    ('bedrock', 'together')
    """
    return _IN_LITELLM.get(name) or canonical(name)


def langchain_provider(name: str) -> str:
    """Return TokenBudget's name of a provider, given LangChain's ``ls_provider``.

    Examples
    --------
    >>> langchain_provider("google_vertexai"), langchain_provider("google_genai")
    ('vertex', 'google')
    """
    return _IN_LANGCHAIN.get(name) or canonical(name)


def llamaindex_provider(class_name: str) -> str:
    """Return the provider that bills the calls of a LlamaIndex class, given its name.

    Examples
    --------
    >>> [llamaindex_provider(name) for name in ("AzureOpenAI", "Anthropic_LLM", "OpenRouter_LLM", "MyOwn")]
    ['azure', 'anthropic', 'openrouter', 'myown']
    """
    name = class_name.lower().removesuffix("_llm")
    return next((provider for part, provider in _IN_LLAMAINDEX.items() if part in name), None) or canonical(name)


@lru_cache(256)
def provider_at(host: str, port: int | None = None) -> tuple[str | None, str | None]:
    """Return the provider and the region of a host.

    Returns
    -------
    (str or None, str or None)
        Provider and region; None for an unknown host (a company's own gateway, a test server).

    Examples
    --------
    >>> provider_at("api.groq.com")
    ('groq', None)
    >>> provider_at("eu.api.openai.com")
    ('openai', 'eu')
    >>> provider_at("bedrock-runtime.us-east-1.amazonaws.com")
    ('bedrock', 'us-east-1')
    >>> provider_at("localhost", 11434)
    ('ollama', None)
    >>> provider_at("api.moonshot.cn")  # bills in yuan, api.moonshot.ai in dollars
    ('moonshot_cn', None)
    """
    host = host.lower().rstrip(".")
    if host in _LOCAL:
        return _LOCAL_PORTS.get(port or 0), None
    for pattern, provider in _HOST_PATTERNS:
        if match := pattern.fullmatch(host):
            return provider, match["region"]
    labels = host.split(".")
    suffixes = (".".join(labels[cut:]) for cut in range(len(labels) - 1))
    return next((_HOSTS[suffix] for suffix in suffixes if suffix in _HOSTS), None), None


def billed_by(made_for: str | None, found: str | None) -> str | None:
    """Return who bills: the provider that a client is made for, or the one of its host.

    Calls of Azure's client are billed by Azure, also through a company's gateway or any other host; for a host of Azure
    China, they are billed by Azure China.

    Examples
    --------
    >>> billed_by("azure", None), billed_by("azure", "azure_cn"), billed_by(None, "groq")
    ('azure', 'azure_cn', 'groq')
    """
    return found if made_for is None or (found or "").startswith(f"{made_for}_") else made_for
