"""Videos, which are billed by the second and size once they are made."""

import asyncio
import warnings
from decimal import Decimal

import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import sdks, test_sdks
from tests.integration.capture.local_server import Answer, running
from tests.integration.capture.wire import Reply
from tokenbudget.core.ids import uuid7_from

pytestmark = [
    *test_sdks.pytestmark,
    pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning"),
]
MADE = 1_790_000_000
needs_videos = pytest.mark.skipif(not hasattr(openai.OpenAI, "videos"), reason="this openai makes no videos")


def video(number, status="completed", *, model="sora-2", size="720x1280", seconds="8"):
    return {
        "id": f"video_{number}",
        "object": "video",
        "created_at": MADE,
        "model": model,
        "progress": 0,
        "seconds": seconds,
        "size": size,
        "status": status,
    }


@needs_videos
def test_a_video_is_recorded_once_when_it_is_made(connect, events):
    steps = [video(1, status) for status in ("queued", "in_progress", "completed", "completed")]
    client, _ = connect(openai.OpenAI, *steps)
    client.videos.create(prompt="x", model="sora-2", seconds="8")
    client.videos.retrieve("video_1")
    assert events == []
    client.videos.retrieve("video_1")
    client.videos.retrieve("video_1")
    (event,) = events
    assert (event.provider, event.operation, event.model, event.response_id) == (
        "openai",
        "videos",
        "sora-2",
        "video_1",
    )
    assert (event.usage.units, event.cost_usd) == ({"video_seconds:720x1280": Decimal(8)}, Decimal("0.80"))
    # Whoever fetches it, it is the same event.
    assert (event.occurred_at.timestamp(), event.id) == (MADE, uuid7_from("video_1", MADE * 1000))


@needs_videos
def test_a_video_that_is_waited_for_is_recorded(connect, events):
    now = {"openai-poll-after-ms": "1"}
    steps = [video(2, "queued"), Reply(json=video(2, "in_progress"), headers=now), Reply(json=video(2), headers=now)]
    client, _ = connect(openai.OpenAI, *steps)
    client.videos.create_and_poll(prompt="x")
    aclient, _ = connect(openai.AsyncOpenAI, *(but(step, "video_3") for step in steps))
    asyncio.run(aclient.videos.create_and_poll(prompt="x"))
    assert [event.response_id for event in events] == ["video_2", "video_3"]


def but(step, name):
    return (
        Reply(json={**step.json, "id": name}, headers=step.headers) if isinstance(step, Reply) else {**step, "id": name}
    )


@needs_videos
@pytest.mark.parametrize(
    ("model", "size", "dollars"),
    [
        ("sora-2-pro", "1280x720", "2.4"),
        ("sora-2-pro", "1792x1024", "4"),
        ("sora-2-pro-2025-10-06", "1024x1792", "4"),
        ("sora-2", "1024x1792", None),
        ("sora-2-pro", "3840x2160", None),
    ],
)
def test_the_size_makes_the_price(connect, events, model, size, dollars):
    client, _ = connect(openai.OpenAI, video(f"{model} {size}", model=model, size=size))
    client.videos.remix("video_0", prompt="x")
    assert [event.cost_usd for event in events] == [None if dollars is None else Decimal(dollars)]
    assert dollars or events[0].unpriced == f"no_unit_price: video_seconds:{size}"


@needs_videos
def test_what_failed_is_not_billed_nor_what_is_no_video(connect, events):
    client, _ = connect(openai.OpenAI, video(5, "failed"), Reply(content=b"{}"), {"object": "list", "data": [video(6)]})
    client.videos.create(prompt="x")
    client.videos.download_content("video_5")
    client.videos.list()
    assert events == []


@needs_videos
def test_an_extension_is_billed_by_what_was_added(connect, events):
    whole = video(7, seconds="20")
    client, _ = connect(openai.OpenAI, {**whole, "status": "queued"}, whole)
    if not hasattr(client.videos, "extend"):
        pytest.skip("this openai extends no videos")
    client.videos.extend(prompt="x", seconds="4", video=b"x")
    client.videos.retrieve("video_7")
    assert [event.usage.units for event in events] == [{"video_seconds:720x1280": Decimal(4)}]


def vertex_video(name, **more):
    return {"name": f"projects/demo/locations/europe-west4/publishers/google/models/{VEO}/operations/{name}", **more}


VEO = "veo-3.1-generate-001"


def test_a_video_of_veos_is_recorded_once_when_it_is_made(events):
    made = {"done": True, "response": {"videos": [{"gcsUri": "gs://a"}, {"gcsUri": "gs://b"}]}}
    with running() as server:
        client = tb.wrap(sdks.vertex(server.url))
        server.answers = [
            Answer(vertex_video("one")),
            Answer(vertex_video("one")),
            Answer(vertex_video("one", **made)),
        ]
        asked = {"number_of_videos": 2, "duration_seconds": 4}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            operation = client.models.generate_videos(model=VEO, prompt="x", config=asked)
        for _ in range(3):
            operation = client.operations.get(operation)
        assert operation.done
    (event,) = events
    assert (event.provider, event.operation, event.requested_model, event.region) == (
        "vertex",
        "videos",
        VEO,
        "europe-west4",
    )
    assert (event.usage.units, event.cost_usd) == ({"video_seconds:720p": Decimal(8)}, Decimal("3.2"))


@pytest.mark.parametrize("config", [{"generate_audio": False, "duration_seconds": 4}, {}])
def test_a_video_of_veos_whose_rate_or_length_is_not_known_has_no_price(events, config):
    from google.genai import types

    if not config.keys() <= types.GenerateVideosConfig.model_fields.keys():
        pytest.skip("this google-genai cannot ask for a silent video")
    with running() as server:
        client = tb.wrap(sdks.vertex(server.url))
        made = {"done": True, "response": {"videos": [{"gcsUri": "gs://a"}]}}
        name = f"of {len(config)}".replace(" ", "-")
        server.answers = [Answer(vertex_video(name)), Answer(vertex_video(name, **made))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            operation = client.models.generate_videos(model=VEO, prompt="x", config=config)
        client.operations.get(operation)
    assert [event.cost_usd for event in events] == [None]


def test_a_video_that_failed_is_not_billed(events):
    with running() as server:
        client = tb.wrap(sdks.vertex(server.url))
        failed = {"done": True, "error": {"code": 3, "message": "no"}}
        server.answers = [Answer(vertex_video("bad")), Answer(vertex_video("bad", **failed))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            operation = client.models.generate_videos(model=VEO, prompt="x")
        client.operations.get(operation)
    assert events == []
