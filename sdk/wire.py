"""The protocol without its input and output: what is sent, what an answer means, and when to try again.

A call is a generator. It yields what has to be done (a request, the next piece of an answer, a pause), is sent the
outcome, and returns the call's result. `sdk.client` carries calls out, in both ways; nothing here knows httpx.
"""

import json
import random
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias, TypeVar

from sdk.errors import (
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

T = TypeVar("T")
FIRST_PAUSE_SECS, LONGEST_PAUSE_SECS = 0.25, 10.0
LONGEST_ASKED_SECS = 60.0  # a server that asks to be left alone for longer is an error at once
TRANSIENT = frozenset({502, 503, 504})
SHOWN_ERRORS = 10
FAILURES: dict[int, type[RequestFailed]] = {
    400: Refused,
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    409: NotNow,
    413: Refused,
    422: Refused,
    429: TooManyRequests,
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request to make. Its outcome is a `Reply`.

    Attributes:
        path: below the server's address, quoted.
        repeatable: whether making it twice is as good as once.
        streamed: whether its body is asked for piece by piece, with `NextPiece`, when its status is below 400.
        quiet_secs: how long the server may say nothing; None: the client's timeout.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    streamed: bool = False
    quiet_secs: float | None = None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer: its status, its headers with names in lower case, and its body (empty while it is streamed)."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class NextPiece:
    """The next piece of the streamed answer. Its outcome: bytes, or None at the end."""


@dataclass(frozen=True)
class Pause:
    """Wait for so many seconds."""

    secs: float


Action: TypeAlias = Request | NextPiece | Pause
Flow: TypeAlias = Generator[Action, Any, T]


def read_answer(reply: Reply, read: Callable[[Any], T]) -> T:
    """Read the JSON of an answer that is a success.

    Raises:
        UnexpectedAnswer: it is not what this project's server would say.
    """
    try:
        values = json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        kind = reply.headers.get("content-type", "nothing that has a type")
        raise UnexpectedAnswer(f"the answer is no JSON but {kind}; is this address mlebench's server?") from error
    try:
        return read(values)
    except (TypeError, ValueError) as error:
        raise UnexpectedAnswer(f"the answer is not understood: {error}") from error


def check_status(reply: Reply) -> None:
    """Check that an answer is a success.

    Raises:
        RequestFailed: it is an error; the class is that of its status.
        UnexpectedAnswer: it leads elsewhere.
    """
    if 200 <= reply.status < 300:
        return
    if reply.status < 400:
        there = reply.headers.get("location", "nowhere")
        raise UnexpectedAnswer(f"the answer leads elsewhere ({reply.status}, to {there}); give base_url that address")
    kind = FAILURES.get(reply.status) or (ServerFailed if reply.status >= 500 else RequestFailed)
    problem = _problem(reply)
    raise kind(
        _said(problem, reply.status),
        status=reply.status,
        problem=problem,
        retry_after_secs=_retry_after_secs(reply.headers.get("retry-after")),
    )


def pause_secs(error: Exception, request: Request, tries: int) -> float | None:
    """Give how long to wait before a request is made again; None when it must not be, or the server asks for too much.

    Args:
        error: what came of it.
        tries: how often it has been made.
    """
    asked = 0.0
    if isinstance(error, ServerUnreachable):
        again = request.repeatable or not error.maybe_taken
    elif isinstance(error, RequestFailed):
        asked = error.retry_after_secs or 0.0
        again = error.status == 429 or (request.repeatable and error.status in TRANSIENT)
    else:
        again = False
    if not again or asked > LONGEST_ASKED_SECS:
        return None
    return max(asked, backoff_secs(tries))


def backoff_secs(tries: int) -> float:
    """Give a pause after so many tries: doubled each time, by chance between a half and one and a half of that."""
    pause: float = min(FIRST_PAUSE_SECS * 2.0 ** min(tries - 1, 10), LONGEST_PAUSE_SECS)
    return pause * (0.5 + random.random())  # noqa: S311  # spreads clients in time, hides nothing


def _problem(reply: Reply) -> Mapping[str, Any]:
    try:
        problem = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return problem if isinstance(problem, dict) else {}


def _said(problem: Mapping[str, Any], status: int) -> str:
    """Put the server's error into one text: its detail, and below it what is wrong with each field."""
    detail = str(problem.get("detail") or problem.get("title") or f"the server answered with status {status}")
    errors = problem.get("errors")
    lines = [_one_error(error) for error in errors[:SHOWN_ERRORS]] if isinstance(errors, list) else []
    return "\n".join([detail, *(line for line in lines if line not in detail)])


def _one_error(error: Any) -> str:
    return f"{error.get('field')}: {error.get('message')}" if isinstance(error, dict) else str(error)


def _retry_after_secs(value: str | None) -> float | None:
    """Read a Retry-After header, which is in seconds or a date; None where it is neither."""
    if value is None:
        return None
    if re.fullmatch(r"\d{1,9}", value.strip()):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
