"""Names of providers: one short name each, and every other name that means it."""

from __future__ import annotations

_ALIASES = {
    "aws.bedrock": "bedrock",
    "aws_bedrock": "bedrock",
    "amazon_bedrock": "bedrock",
    "amazon-bedrock": "bedrock",
    "az.ai.openai": "azure",
    "azure.ai.openai": "azure",
    "azure_openai": "azure",
    "azure.ai.inference": "azure_ai",
    "az.ai.inference": "azure_ai",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gemini": "google",
    "google_genai": "google",
    "google-genai": "google",
    "google.generative-ai": "google",
    "gcp.vertex_ai": "vertex",
    "vertex_ai": "vertex",
    "google.vertex": "vertex",
    "google-vertex": "vertex",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "x_ai": "xai",
    "x-ai": "xai",
    "moonshot_ai": "moonshot",
    "moonshotai": "moonshot",
    "ibm.watsonx.ai": "watsonx",
    "together_ai": "together",
    "togetherai": "together",
    "fireworks_ai": "fireworks",
    "cohere_chat": "cohere",
}


def canonical(name: str) -> str:
    """Map any known name of a provider onto TokenBudget's own.

    OpenTelemetry's current and older names, LiteLLM's and frameworks' spellings are known; an unknown name is kept,
    in lower case.

    Examples
    --------
    >>> canonical("aws.bedrock"), canonical("OpenAI"), canonical("my-gateway")
    ('bedrock', 'openai', 'my-gateway')
    """
    name = name.strip().lower()
    return _ALIASES.get(name, name)
