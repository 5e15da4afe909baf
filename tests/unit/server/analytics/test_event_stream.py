"""Streams of events: given up when nobody reads on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tokenbudget_server.analytics import event_stream

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def take(step: Callable[[], Any]) -> Any:
    return step()


async def test_pieces_come_one_by_one_and_a_reader_who_reads_is_never_given_up() -> None:
    sent = event_stream._sent(b"1", iter([b"2", b"3"]), take, lambda: pytest.fail("given up"))
    assert [piece async for piece in sent] == [b"1", b"2", b"3"]


async def test_a_piece_that_stays_unread_ends_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "STALLED_SECONDS", 0.0)
    given_up = asyncio.Event()
    sent = event_stream._sent(b"1", iter([b"2"]), take, given_up.set)
    assert await anext(sent) == b"1"
    await asyncio.wait_for(given_up.wait(), 60)
    await sent.aclose()  # type: ignore[attr-defined]
