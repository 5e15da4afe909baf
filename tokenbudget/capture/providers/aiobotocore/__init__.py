"""AWS's asynchronous SDK (aioboto3, aiobotocore): the same calls as with boto3."""

from __future__ import annotations

from tokenbudget.capture.instrument.sdk_spec import Guide
from tokenbudget.capture.providers.bedrock import sdk

SDK = sdk(
    "aiobotocore",
    "AioBaseClient",
    "AioEndpoint",
    Guide(
        calls="async, streams (aioboto3)",
        checked_with="3.10.0",
        wrap='tb.wrap(client) inside async with session.create_client("bedrock-runtime") as client',
        around=("aioboto3",),
    ),
)
