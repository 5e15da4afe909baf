"""AWS's SDK: Bedrock's Converse API, and InvokeModel with each model family's own body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokenbudget.capture.instrument import observers
from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.instrument.clients.methods import Method, MethodSdk, ObservedCall
from tokenbudget.capture.instrument.sdk_spec import Guide
from tokenbudget.capture.providers import anthropic
from tokenbudget.capture.providers.bedrock import usage as rules
from tokenbudget.capture.usage.fields import Reader
from tokenbudget.diagnostics.unmeasured import Unmeasured

_ANTHROPIC = {name: place for name, place in anthropic.MESSAGES.read.places.items() if name not in {"model", "region"}}
_HEADER = "headers.x-amzn-bedrock-{}"

# No table reads a model: on Bedrock the requested id decides the price, and bodies name the model otherwise or not.
CONVERSE = Api(
    operation="chat",
    read=Reader(
        response_id="ResponseMetadata.RequestId",
        service_tier="serviceTier.type",
        speed="performanceConfig.latency",
        input_tokens="usage.inputTokens",
        output_tokens="usage.outputTokens",
        cache_read_tokens="usage.cacheReadInputTokens",
        cache_write_tokens="usage.cacheWriteInputTokens",
        total_tokens="usage.totalTokens",
    ),
    rules=(rules.whole_input, rules.routed),
    accumulate=rules.fold_converse,
    adds=("cache_write_5m_tokens", "cache_write_1h_tokens"),
)
INVOKE = Api(
    operation="invoke",
    read=Reader(**_ANTHROPIC).but(
        response_id=("id", "headers.x-amzn-requestid"),
        # Bedrock's own word for how it served the call comes before that of the model it serves.
        service_tier=(_HEADER.format("service-tier"), "usage.service_tier"),
        speed=(_HEADER.format("performanceconfig-latency"), "usage.speed"),
        input_tokens=(
            "usage.input_tokens",
            "usage.inputTokens",
            "usage.prompt_tokens",
            "inputTextTokenCount",
            "prompt_token_count",
            "metrics.inputTokenCount",
            _HEADER.format("input-token-count"),
        ),
        output_tokens=(
            "usage.output_tokens",
            "usage.outputTokens",
            "usage.completion_tokens",
            "generation_token_count",
            "totalOutputTextTokenCount",
            "metrics.outputTokenCount",
            _HEADER.format("output-token-count"),
        ),
        cache_read_tokens=(
            "usage.cache_read_input_tokens",
            "usage.cacheReadInputTokens",
            "usage.cacheReadInputTokenCount",
            "usage.prompt_tokens_details.cached_tokens",
            "metrics.cacheReadInputTokenCount",
            _HEADER.format("cache-read-input-token-count"),
        ),
        cache_write_tokens=(
            "usage.cache_creation_input_tokens",
            "usage.cacheWriteInputTokens",
            "usage.cacheWriteInputTokenCount",
            "metrics.cacheWriteInputTokenCount",
            _HEADER.format("cache-write-input-token-count"),
        ),
        reasoning_tokens=(
            "usage.output_tokens_details.thinking_tokens",
            "usage.completion_tokens_details.reasoning_tokens",
        ),
        total_tokens=("usage.totalTokens", "usage.total_tokens"),
    ),
    rules=(rules.by_family,),
    accumulate=rules.fold_invoke,
    adds=("tools", "units"),
)
_OPERATIONS = {
    "Converse": CONVERSE,
    "ConverseStream": CONVERSE,
    "InvokeModel": INVOKE,
    "InvokeModelWithResponseStream": INVOKE,
}


_GUARD = "text units are billed, which the price table does not list"
_AGENT = "it asks models by itself, on the server, and no answer states what"
_UNMEASURED = {
    "StartAsyncInvoke": Unmeasured("start_async_invoke", "the result goes to a bucket of yours"),
    "ApplyGuardrail": Unmeasured("apply_guardrail", _GUARD),
    "InvokeGuardrailChecks": Unmeasured("invoke_guardrail_checks", _GUARD),
    "InvokeAgent": Unmeasured("invoke_agent", _AGENT),
    "InvokeInlineAgent": Unmeasured("invoke_inline_agent", _AGENT),
    "InvokeFlow": Unmeasured("invoke_flow", _AGENT),
    "StartFlowExecution": Unmeasured("start_flow_execution", _AGENT),
    "RetrieveAndGenerate": Unmeasured("retrieve_and_generate", _AGENT),
    "RetrieveAndGenerateStream": Unmeasured("retrieve_and_generate_stream", _AGENT),
    "CreateModelInvocationJob": Unmeasured("create_model_invocation_job", "the results go to a bucket of yours"),
    "CreateModelCustomizationJob": Unmeasured("create_model_customization_job", "training is billed while it runs"),
    "InvokeDataAutomationAsync": Unmeasured("invoke_data_automation_async", "the result goes to a bucket of yours"),
}
"""Operations, those of other services than ``bedrock-runtime`` where everything is observed."""


def _asked(client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ObservedCall | Unmeasured | None:
    operation, sent = (*args, *kwargs.values())
    api = _OPERATIONS.get(operation)
    if api is None:
        return _UNMEASURED.get(operation)
    body = sent.get("body")
    request = observers.json_object(body) if isinstance(body, str | bytes | bytearray) else sent
    model = rules.model_id(str(sent.get("modelId")))
    return ObservedCall(api=api, provider="bedrock", request=request, model=model, region=client.meta.region_name)


def sdk(name: str, client: str, endpoint: str, guide: Guide) -> MethodSdk:
    """Make the SDK of a package in which all calls go through a client's ``_make_api_call``."""
    return MethodSdk(
        name=name,
        clients=(f"{name}.client.BedrockRuntime",),
        apis=(CONVERSE, INVOKE),
        unmeasured=_UNMEASURED.values(),
        methods=(Method(owner=f"{name}.client.{client}", name="_make_api_call", asked=_asked, result=rules.observe),),
        sends=(f"{name}.endpoint.{endpoint}._get_response",),
        guide=guide,
    )


SDK = sdk(
    "botocore",
    "BaseClient",
    "Endpoint",
    Guide(
        calls="sync, streams (boto3)",
        checked_with="1.38.0, 1.43.117",
        wrap='tb.wrap(boto3.client("bedrock-runtime"))',
        around=("boto3",),
    ),
)
