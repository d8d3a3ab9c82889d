"""What answers mean, and when to try again."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import MlebenchError
from sdk import (
    ClientError,
    NotFound,
    NotNow,
    Refused,
    RequestFailed,
    ServerFailed,
    ServerUnreachable,
    TooManyRequests,
    Unauthorized,
    UnexpectedAnswer,
)
from sdk.results import texts
from sdk.wire import LONGEST_PAUSE_SECS, Reply, Request, check_status, pause_secs, read_answer

GET = Request(method="GET", path="/runs")
SUBMIT = Request(method="POST", path="/runs", repeatable=False)


def failure(status: int, body: object = None, **headers: str) -> RequestFailed:
    reply = Reply(status=status, headers=headers, body=b"" if body is None else json.dumps(body).encode())
    with pytest.raises(RequestFailed) as raised:
        check_status(reply)
    return raised.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (409, NotNow),
        (413, Refused),
        (418, RequestFailed),
        (422, Refused),
        (429, TooManyRequests),
        (500, ServerFailed),
        (503, ServerFailed),
        (599, ServerFailed),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[RequestFailed]) -> None:
    error = failure(status, {"detail": "why"})
    assert type(error) is kind
    assert isinstance(error, ClientError)
    assert isinstance(error, MlebenchError)
    assert (str(error), error.status, error.problem) == ("why", status, {"detail": "why"})


@given(status=st.integers(100, 599), body=st.binary(max_size=30), retry=st.text(max_size=20))
@settings(max_examples=100, deadline=None)
def test_every_answer_is_read_or_refused(status: int, body: bytes, retry: str) -> None:
    reply = Reply(status=status, headers={"retry-after": retry}, body=body)
    try:
        check_status(reply)
        assert isinstance(read_answer(reply, texts), list)
    except (RequestFailed, UnexpectedAnswer) as error:
        assert str(error)


def test_a_refusal_says_what_is_wrong_with_each_field() -> None:
    problem = {
        "detail": "the request is wrong",
        "errors": [{"field": "body.n_seeds", "message": "at least 1"}, {"field": "a", "message": "unknown"}, "odd"],
    }
    assert str(failure(422, problem)).splitlines() == [
        "the request is wrong",
        "body.n_seeds: at least 1",
        "a: unknown",
        "odd",
    ]


def test_an_answer_that_leads_elsewhere_says_where() -> None:
    with pytest.raises(UnexpectedAnswer, match="https://elsewhere/"):
        check_status(Reply(status=308, headers={"location": "https://elsewhere/"}))


def test_a_page_is_not_taken_for_an_answer() -> None:
    page = Reply(status=200, headers={"content-type": "text/html"}, body=b"<html>")
    with pytest.raises(UnexpectedAnswer, match="text/html"):
        read_answer(page, texts)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_failure_that_may_pass_is_tried_again(status: int) -> None:
    assert pause_secs(failure(status), GET, 1) is not None


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500])
def test_a_failure_that_stays_is_not_tried_again(status: int) -> None:
    assert pause_secs(failure(status), GET, 1) is None


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_run_that_may_have_been_started_is_not_submitted_again(status: int) -> None:
    assert pause_secs(failure(status), SUBMIT, 1) is None
    assert pause_secs(ServerUnreachable("cut", maybe_taken=True), SUBMIT, 1) is None


def test_a_run_that_was_certainly_not_started_is_submitted_again() -> None:
    assert pause_secs(failure(429), SUBMIT, 1) is not None
    assert pause_secs(ServerUnreachable("refused", maybe_taken=False), SUBMIT, 1) is not None


def test_the_server_is_left_alone_for_as_long_as_it_asks() -> None:
    assert pause_secs(failure(429, **{"retry-after": "30"}), GET, 1) == 30
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    asked = pause_secs(failure(503, **{"retry-after": date}), GET, 1)
    assert asked is not None
    assert 25 < asked <= 30


def test_a_server_that_asks_for_an_hour_is_an_error_at_once() -> None:
    error = failure(429, **{"retry-after": "3600"})
    assert error.retry_after_secs == 3600
    assert pause_secs(error, GET, 1) is None


def test_pauses_grow_and_have_an_end() -> None:
    pauses = [pause_secs(ServerUnreachable("", maybe_taken=True), GET, tries) or 0 for tries in range(1, 200)]
    assert 0.12 < pauses[0] < 0.38
    assert pauses[5] > pauses[0]
    assert max(pauses) <= 1.5 * LONGEST_PAUSE_SECS
