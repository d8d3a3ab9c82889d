"""The decoder of server-sent events."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk import Event, Run, UnexpectedAnswer
from sdk.events import LONGEST_EVENT_BYTES, EventDecoder
from sdk.results import AttemptState, LogLine
from tests.sdk.answers import run_object

STREAM = (
    ": heartbeat\n\n"
    'id: 1\nevent: attempt\ndata: {"attempt_id": "a", "state": "running"}\n\n'
    'id: 2\r\nevent: log\r\ndata: {"attempt_id": "a",\r\ndata: "line": "Grüße: 50 %"}\r\n\r\n'
    "event: run\rdata: " + json.dumps(run_object("completed")) + "\r\r"
    'id: 3\nevent: something-new\ndata:{"x": 1}\nretry: 5\nunknown: field\n\n'
).encode()


def decoded(*pieces: bytes) -> list[Event]:
    decoder = EventDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


def test_events_are_typed_by_their_kind() -> None:
    attempt, log, run, new = decoded(STREAM)
    assert isinstance(attempt.data, AttemptState)
    assert (attempt.kind, attempt.id, attempt.data.state) == ("attempt", "1", "running")
    assert isinstance(log.data, LogLine)
    assert (log.id, log.data.line) == ("2", "Grüße: 50 %")
    assert isinstance(run.data, Run)
    assert (run.id, run.data.ended) == ("2", True)
    assert (new.kind, new.data, new.id) == ("something-new", {"x": 1}, "3")


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=12).map(sorted))
@settings(max_examples=150, deadline=None)
def test_it_does_not_matter_where_the_stream_is_cut(cuts: list[int]) -> None:
    bounds = [0, *cuts, len(STREAM)]
    assert decoded(*(STREAM[first:last] for first, last in pairwise(bounds))) == decoded(STREAM)


def test_a_stream_may_come_byte_by_byte() -> None:
    assert decoded(*(bytes([byte]) for byte in STREAM)) == decoded(STREAM)


@given(stream=st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_events_or_are_refused(stream: bytes) -> None:
    try:
        assert all(isinstance(event, Event) for event in decoded(stream))
    except UnexpectedAnswer as error:
        assert "event" in str(error)


def test_an_event_that_does_not_end_is_refused() -> None:
    decoder = EventDecoder()
    decoder.feed(b"data: ")
    with pytest.raises(UnexpectedAnswer, match="more than"):
        decoder.feed(b"x" * (LONGEST_EVENT_BYTES + 1))


def test_an_event_of_endlessly_many_lines_is_refused() -> None:
    decoder = EventDecoder()
    line = b"data: " + b"x" * 2**20 + b"\n"
    with pytest.raises(UnexpectedAnswer, match="more than"):
        for _ in range(LONGEST_EVENT_BYTES // 2**20 + 1):
            decoder.feed(line)
