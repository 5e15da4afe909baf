"""What Vertex serves through ``:predict``: older embedding models and images."""

import httpx
import pytest

import tokenbudget as tb

TEXTS = {"predictions": [{"embeddings": {"values": [0.1], "statistics": {"token_count": n}}} for n in (7, 5)]}
PICTURES = {"predictions": [{"bytesBase64Encoded": "aGk="}, {"gcsUri": "gs://b/1.png"}, {"raiFilteredReason": "no"}]}


def connected(answer):
    genai = pytest.importorskip("google.genai")
    from google.oauth2.credentials import Credentials

    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=answer)))
    options = genai.types.HttpOptions(httpx_client=http)
    credentials = Credentials(token="unused")
    return tb.wrap(
        genai.Client(vertexai=True, project="p", location="europe-west1", credentials=credentials, http_options=options)
    )


def test_embeddings_count_each_texts_tokens(events):
    connected(TEXTS).models.embed_content(model="text-embedding-005", contents=["one", "two"])
    (event,) = events
    assert (event.provider, event.operation, event.model) == ("vertex", "embeddings", "text-embedding-005")
    assert (event.usage.input_tokens, event.usage.output_tokens, event.region) == (12, 0, "europe-west1")
    assert event.cost_usd is not None


@pytest.mark.filterwarnings("ignore:The generate_images method is deprecated")
def test_images_are_counted_but_not_those_filtered_out(events):
    connected(PICTURES).models.generate_images(model="imagen-4.0-generate-001", prompt="a cat")
    (event,) = events
    assert (event.operation, event.usage.units) == ("images", {"images": 2})
    assert event.cost_usd is not None
