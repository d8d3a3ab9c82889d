"""The API behind the gateway: where it is, how it is asked, and when it is asked again."""

import math
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from ssl import SSLContext
from urllib.parse import urlsplit

import httpx

from agents.registry import MODEL_SECRET
from core.errors import InputError

PUBLIC_API = "https://api.openai.com/v1"
PUBLIC_HOST = "api.openai.com"
ADDRESS = "OPENAI_BASE_URL"
# Reading: a model may think for long before it says its first word.
TIMEOUT = httpx.Timeout(connect=10, read=900, write=60, pool=None)
FIRST_WAIT_SECS = 0.5
LONGEST_BACKOFF_SECS = 30.0
LONGEST_TOLD_SECS = 120.0  # what is to be waited for longer is waited for so long
MOST_ERROR_BYTES = 64 << 10
MOST_ANSWER_BYTES = 64 << 20
PASSED_ON = ("content-type", "x-request-id", "retry-after")  # of an answer's headers
TRANSIENT = (408, 409, 429)  # and all from 500
MAY_HAVE_WORKED = (504, 524)  # a proxy did not wait for the answer: the model may go on, and is paid
FOR_GOOD = ("insufficient_quota", "billing_hard_limit_reached")  # codes that waiting does not help


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """Where the models are."""

    base_url: str
    key: str = field(repr=False)
    retries: int

    @property
    def is_public(self) -> bool:
        """Whether it is OpenAI's own."""
        return urlsplit(self.base_url).hostname == PUBLIC_HOST

    @property
    def takes_both_limits(self) -> bool:
        """Whether a request may have max_tokens and max_completion_tokens. OpenAI's refuses that; some others pass
        over the one that they do not know (DeepSeek, Ollama), and would write without a limit."""
        host = urlsplit(self.base_url).hostname or ""
        return not (self.is_public or host.endswith(".azure.com"))

    def request(self, method: str, path: str, content: bytes | None = None, *, stream: bool = False) -> httpx.Request:
        """Make a request: nothing of the agent's is in its headers."""
        headers = {
            "authorization": f"Bearer {self.key}",
            "user-agent": "mlebench-gateway",
            "accept": "text/event-stream" if stream else "application/json",
        }
        if content is not None:
            headers |= {"content-type": "application/json", "content-length": str(len(content))}
        return httpx.Request(
            method,
            self.base_url + path,
            content=None if content is None else _once(content),
            headers=headers,
            extensions={"timeout": TIMEOUT.as_dict()},
        )


async def _once(content: bytes) -> AsyncIterator[bytes]:
    """A body that is not held any more when it is sent."""
    yield content


def upstream_of(secrets: Mapping[str, str], *, retries: int) -> Upstream:
    """Find the API in the worker's secrets.

    Raises:
        InputError: there is no key, or the address is none.
    """
    key, base_url = secrets.get(MODEL_SECRET), (secrets.get(ADDRESS) or PUBLIC_API).rstrip("/")
    if not key or not key.isascii() or not key.isprintable():
        raise InputError(f"{MODEL_SECRET} is not set, or is no key; set it in the environment or in .env")
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"{ADDRESS} is not an address; expected for example {PUBLIC_API}")
    return Upstream(base_url=base_url, key=key, retries=retries)


def client() -> httpx.AsyncClient:
    """Make a client for one call. It follows no redirects."""
    return httpx.AsyncClient(verify=_trust())


@cache
def _trust() -> SSLContext:
    return httpx.create_ssl_context()


def may_be_retried(status: int, code: str | None, headers: Mapping[str, str]) -> bool:
    """Whether an answer is one that may become another one."""
    if headers.get("x-should-retry") == "false" or code in FOR_GOOD:
        return False
    return status in TRANSIENT or status >= 500


def wait_secs(tries: int, headers: Mapping[str, str]) -> float:
    """Give how long to wait after so many tries: as told, else twice as long each time, and not all at once."""
    told = told_secs(headers, datetime.now(UTC))
    if told is not None:
        return min(told, LONGEST_TOLD_SECS)
    longest = min(LONGEST_BACKOFF_SECS, FIRST_WAIT_SECS * 2.0 ** min(tries - 1, 30))
    return longest * random.uniform(0.5, 1)  # noqa: S311 - jitter


def told_secs(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read how long an answer asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date."""
    if (milliseconds := _amount(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    told = headers.get("retry-after")
    if (seconds := _amount(told)) is not None or told is None:
        return seconds
    try:
        moment = parsedate_to_datetime(told)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _amount(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


async def read_at_most(response: httpx.Response, most: int) -> bytes:
    """Read an answer's body, up to `most` bytes."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > most:
            break
    return bytes(body[:most])


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the headers of an answer that the agent may see."""
    return {name: headers[name] for name in PASSED_ON if name in headers}
