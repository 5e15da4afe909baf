"""What Vertex serves through ``:predict``: older embedding models and images."""

import pytest

import tokenbudget as tb
from tests.integration.capture import sdks, test_sdks
from tests.integration.capture.local_server import running

pytestmark = test_sdks.pytestmark
TEXTS = {"predictions": [{"embeddings": {"values": [0.1], "statistics": {"token_count": n}}} for n in (7, 5)]}
PICTURES = {"predictions": [{"bytesBase64Encoded": "aGk="}, {"gcsUri": "gs://b/1.png"}, {"raiFilteredReason": "no"}]}


@pytest.fixture
def server():
    with running() as local:
        yield local


def test_embeddings_count_each_texts_tokens(server, events):
    server.answer(TEXTS)
    client = tb.wrap(sdks.vertex(server.url))
    client.models.embed_content(model="text-embedding-005", contents=["one", "two"])
    (event,) = events
    assert (event.provider, event.operation, event.model) == ("vertex", "embeddings", "text-embedding-005")
    assert (event.usage.input_tokens, event.usage.output_tokens, event.region) == (12, 0, "europe-west4")
    assert event.cost_usd is not None


@pytest.mark.filterwarnings("ignore:The generate_images method is deprecated")
def test_images_are_counted_but_not_those_filtered_out(server, events):
    server.answer(PICTURES)
    client = tb.wrap(sdks.vertex(server.url))
    client.models.generate_images(model="imagen-4.0-generate-001", prompt="a cat")
    (event,) = events
    assert (event.operation, event.usage.units) == ("images", {"images": 2})
    assert event.cost_usd is not None
