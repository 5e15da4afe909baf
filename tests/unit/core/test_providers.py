import pytest

from tokenbudget.core.providers import (
    PROVIDERS,
    canonical,
    langchain_provider,
    litellm_provider,
    llamaindex_provider,
    provider_at,
    record_of,
)


@pytest.mark.parametrize(
    ("known_as", "name", "expected"),
    [
        (canonical, "gcp.vertex_ai", "vertex"),
        (canonical, "AZ.AI.OpenAI", "azure"),
        (canonical, "x_ai", "xai"),
        (canonical, "groq", "groq"),
        (canonical, " Acme ", "acme"),
        # A company's own server is no provider's, whatever protocol it speaks.
        (canonical, "openai-compatible", "openai-compatible"),
        (litellm_provider, "text-completion-openai", "openai"),
        (litellm_provider, "vertex_ai", "vertex"),
        (litellm_provider, "my_proxy", "my_proxy"),
        (langchain_provider, "openai-compatible", "openai"),
        (langchain_provider, "anthropic-bedrock", "bedrock"),
        (langchain_provider, "mistralai", "mistral"),
        (langchain_provider, "unknown", "unknown"),
        # Whoever serves a model bills it, not its maker.
        (llamaindex_provider, "azure_openai_llm", "azure"),
        (llamaindex_provider, "AnthropicBedrock", "bedrock"),
        (llamaindex_provider, "GeminiVertex", "vertex"),
        (llamaindex_provider, "GoogleGenAI", "google"),
        (llamaindex_provider, "openai_responses_llm", "openai"),
        (llamaindex_provider, "perplexity_llm", "perplexity"),
    ],
)
def test_each_provider_has_one_name(known_as, name, expected):
    assert known_as(name) == expected


@pytest.mark.parametrize(
    "names",
    [
        lambda one: (one.name, *one.aliases),
        lambda one: (one.title,),
        lambda one: one.litellm,
        lambda one: one.langchain,
        lambda one: one.llamaindex,
        lambda one: one.hosts,
        lambda one: one.host_patterns,
        lambda one: (one.local_port,) if one.local_port else (),
    ],
)
def test_no_name_means_two_providers(names):
    found = [name for one in PROVIDERS.values() for name in names(one)]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_record_is_found_by_its_hosts(provider):
    assert {provider_at(host) for host in record_of(provider).hosts} <= {(provider, None)}


def test_a_provider_without_a_record_is_known_by_its_name():
    assert (record_of("acme").title, record_of("acme").currency) == ("acme", "USD")
    assert not record_of("acme").states_usage_unasked


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("api.openai.com", None, ("openai", None)),
        ("EU.api.openai.com.", None, ("openai", "eu")),
        ("my-resource.openai.azure.com", None, ("azure", None)),
        ("my-resource.services.ai.azure.com", None, ("azure", None)),
        ("api.x.ai", None, ("xai", None)),
        ("us-east-1.api.x.ai", None, ("xai", "us-east-1")),
        ("api.deepseek.com", None, ("deepseek", None)),
        ("openrouter.ai", None, ("openrouter", None)),
        ("bedrock-runtime.eu-central-1.amazonaws.com", None, ("bedrock", "eu-central-1")),
        ("bedrock-mantle.us-east-1.api.aws", None, ("bedrock_mantle", "us-east-1")),
        ("us-api.together.ai", None, ("together", "us")),
        ("api.jina.ai", None, ("jina", None)),
        ("us.inference.heroku.com", None, ("heroku", None)),
        ("europe-west1-aiplatform.googleapis.com", None, ("vertex", "europe-west1")),
        ("aiplatform.googleapis.com", None, ("vertex", None)),
        ("generativelanguage.googleapis.com", None, ("google", None)),
        # In mainland China bills are in yuan: not who bills abroad.
        ("dashscope.aliyuncs.com", None, ("dashscope_cn", None)),
        ("dashscope-intl.aliyuncs.com", None, ("dashscope", None)),
        ("api.moonshot.cn", None, ("moonshot_cn", None)),
        ("open.bigmodel.cn", None, ("zai_cn", None)),
        ("api.minimaxi.com", None, ("minimax_cn", None)),
        ("my-resource.openai.azure.cn", None, ("azure_cn", None)),
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", None, ("bedrock_cn", "cn-north-1")),
        ("localhost", 11434, ("ollama", None)),
        ("127.0.0.1", 8000, (None, None)),
        ("llm.example.com", None, (None, None)),
        ("notopenrouter.ai", None, (None, None)),
        ("openrouter.ai.example.com", None, (None, None)),
        ("com", None, (None, None)),
    ],
)
def test_who_is_behind_an_address(host, port, expected):
    assert provider_at(host, port) == expected
