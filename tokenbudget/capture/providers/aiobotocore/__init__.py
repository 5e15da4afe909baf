"""AWS's asynchronous SDK (aioboto3, aiobotocore): the same calls as with boto3."""

from __future__ import annotations

from tokenbudget.capture.providers.bedrock import sdk

SDK = sdk("aiobotocore", "AioBaseClient", "AioEndpoint")
