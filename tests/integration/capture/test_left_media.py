"""Streams of pictures and sound that are left: text does not tell what they would have cost."""

import inspect

import openai
import pytest

from tests.integration.capture.bodies import sse
from tokenbudget.capture.call import Call
from tokenbudget.capture.providers.openai import SPEECH

USAGE = {"input_tokens": 9, "output_tokens": 100, "total_tokens": 109}
IMAGE = sse(
    ("image_edit.partial_image", {"type": "image_edit.partial_image", "b64_json": "x", "partial_image_index": 0}),
    ("image_edit.completed", {"type": "image_edit.completed", "b64_json": "x", "usage": USAGE}),
)
HEARD = sse(("transcript.text.delta", {"type": "transcript.text.delta", "delta": "Hel"}))
FILE = ("a", b"x", "application/octet-stream")

pytestmark = pytest.mark.skipif(
    "stream" not in inspect.signature(openai.resources.Images.edit).parameters, reason="this openai streams neither"
)


def test_an_image_that_is_left_is_not_estimated_from_its_letters(connect, events):
    """A picture has no bytes of text: no output is not what it cost."""
    client, _ = connect(openai.OpenAI, IMAGE)
    client.images.edit(model="gpt-image-1", image=FILE, prompt="a cat", stream=True).close()
    (event,) = events
    assert (event.status, event.cost_usd, event.usage.output_tokens) == ("aborted", None, None)


def test_a_transcription_that_is_left_is_not_estimated_from_its_prompt(connect, events):
    """The input is the sound, not the `prompt` that helps with its spelling."""
    client, _ = connect(openai.OpenAI, HEARD)
    ask = {"model": "gpt-4o-transcribe", "file": FILE, "prompt": "names: Ada", "stream": True}
    client.audio.transcriptions.create(**ask).close()
    (event,) = events
    assert (event.status, event.usage.input_tokens, event.cost_usd) == ("aborted", None, None)


def test_speech_that_is_left_is_not_estimated_from_what_is_said(events):
    """What it costs is the sound, of which no text tells the tokens."""
    call = Call(SPEECH, "openai", {"model": "gpt-4o-mini-tts", "input": "four"})
    call.item({"type": "speech.audio.delta", "audio": "x"})
    call.cut()
    (event,) = events
    assert (event.status, event.usage.output_tokens, event.cost_usd) == ("aborted", None, None)
