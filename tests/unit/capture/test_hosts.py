import pytest

from tokenbudget.capture.hosts import provider_at


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
