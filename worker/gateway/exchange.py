"""One call of an agent: its turn, its money, the model's answer, the account."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from store.spending import NANO, Spent
from worker.gateway.events import Events, data_of, is_last_word, tells_usage_only
from worker.gateway.prices import Price, demand_of
from worker.gateway.purse import Purse, Tab
from worker.gateway.records import MOST_BODY_BYTES, Records, excerpt
from worker.gateway.refusals import Refused
from worker.gateway.requests import Call
from worker.gateway.upstream import (
    MAY_HAVE_WORKED,
    MOST_ANSWER_BYTES,
    MOST_ERROR_BYTES,
    Upstream,
    client,
    may_be_retried,
    passed_on,
    read_at_most,
    wait_secs,
)
from worker.gateway.usage import Tokens, tokens_of
from worker.runlog import Censor

log = logging.getLogger(__name__)

LEAST_KEY = 16  # characters: a shorter one is no secret, and may be a word that models use


class _Stream(StreamingResponse):
    """A stream after which something is to be done, however it ends."""

    def __init__(self, events: AsyncIterator[bytes], *, headers: dict[str, str], after: Callable[[], Awaitable[None]]):
        super().__init__(events, headers=headers)
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._after()


@dataclass(kw_only=True)
class Exchange:
    """Carries one call out. `answer` once, then it is over or a stream that accounts for itself."""

    call: Call
    upstream: Upstream
    purse: Purse
    price: Price | None
    records: Records
    began: float = field(default_factory=time.monotonic)
    tries: int = 0
    status: int | None = None  # of the answer
    said: bytearray = field(default_factory=bytearray)  # the answer, for the record
    tokens: Tokens | None = None
    _so_far: Tokens | None = None  # of a stream; what it will be is not known before its end
    _asked: bool = False  # the model may have worked, and may want to be paid
    _lost: list[Spent] = field(default_factory=list)  # for tries whose answer did not arrive
    _over: bool = False
    _sent: bytes = b""  # what of the last request is recorded

    def __post_init__(self) -> None:
        self._tab = Tab(purse=self.purse, model=self.call.model, demand=demand_of(self.call, self.price))
        self._censor = censor_of(self.upstream)

    async def answer(self) -> Response:
        """Ask the model, again where it asks for that, and give its answer.

        Raises:
            Refused: the call was not made.
        """
        streams = False
        try:
            while True:
                response, wait = await self._ask_once()
                if wait is None:
                    streams = isinstance(response, _Stream)
                    return response
                await asyncio.sleep(wait)
        except Refused as refused:
            self._note(refused)
            raise
        finally:
            if not streams:
                await _surely(self._end)

    def _note(self, refused: Refused) -> None:
        self.status = refused.status
        self.said[:] = json.dumps(refused.body).encode()

    async def _ask_once(self) -> tuple[Response, float | None]:
        """Ask the model once: the answer for the agent, and how long to wait before the next try, if there is to be
        one."""
        await self.purse.turn()
        tokens = await self.purse.pay(self._tab)
        # The limit stands in the request where money depends on it.
        call = (
            self.call.limited_to(tokens, everywhere=self.upstream.takes_both_limits)
            if self.purse.budget.limited and tokens
            else self.call
        )
        content = call.content()
        self._sent = excerpt(content)
        request = self.upstream.request("POST", call.endpoint.path, content, stream=call.stream)
        del content
        self.tries += 1
        async with AsyncExitStack() as stack:
            try:
                opened = await stack.enter_async_context(client())
                self._asked = True
                response = await opened.send(request, stream=True)
                stack.push_async_callback(response.aclose)
                self.status = response.status_code
                if response.status_code >= 400:
                    return await self._error(response)
                if not 200 <= response.status_code < 300:
                    self._asked = False
                    raise Refused(502, f"the model's server answered {response.status_code}", code="bad_gateway")
                if "text/event-stream" in response.headers.get("content-type", ""):
                    return self._stream(response, stack.pop_all()), None
                return await self._whole(response), None
            except httpx.RequestError as error:
                return await self._broken(error)

    async def _whole(self, response: httpx.Response) -> Response:
        body = self._censor.all_at_once(await read_at_most(response, MOST_ANSWER_BYTES))
        self.said[:] = body
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        self.tokens = tokens_of(answer) if isinstance(answer, dict) else None
        return Response(body, headers=passed_on(response.headers))

    async def _error(self, response: httpx.Response) -> tuple[Response, float | None]:
        """An error of the server's: nothing was worked, and nothing is to be paid, unless it is a proxy's that has
        lost patience with a model at work."""
        body = self._censor.all_at_once(await read_at_most(response, MOST_ERROR_BYTES))
        if response.status_code in MAY_HAVE_WORKED:
            await self._give_up()
        self._asked = False
        self.said[:] = body
        answer = Response(body, response.status_code, headers=passed_on(response.headers))
        if not may_be_retried(response.status_code, _code(body), response.headers):
            return answer, None
        return answer, self._next_wait(response.headers)

    async def _broken(self, error: httpx.RequestError) -> tuple[Response, float | None]:
        """No answer. Where the request may have arrived, it may have to be paid; the next try is another call."""
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            self._asked = False
        elif self._asked:
            await self._give_up()
        refused = Refused(502, f"the model's server did not answer: {type(error).__name__}", code="bad_gateway")
        self._note(refused)
        return refused.response(), self._next_wait({})

    async def _give_up(self) -> None:
        """Count the try with all that it could cost."""
        self._lost.append(self._estimate())
        self._asked = False
        await _surely(partial(self._tab.settle, self._lost[-1], closing=False))

    def _next_wait(self, headers: Any) -> float | None:
        wait = wait_secs(self.tries, headers)
        is_last = self.tries > self.upstream.retries or time.monotonic() + wait > self.purse.ends_at
        return None if is_last else wait

    def _stream(self, response: httpx.Response, resources: AsyncExitStack) -> _Stream:
        self.call = replace(self.call, body={})  # it is sent, and may be large where a stream may be long

        async def end() -> None:
            try:
                await resources.aclose()
            finally:
                await _surely(self._end)

        return _Stream(self._events(response), headers=passed_on(response.headers), after=end)

    async def _events(self, response: httpx.Response) -> AsyncIterator[bytes]:
        """Pass a stream on, event by event."""
        cutter = Events()
        try:
            async for piece in response.aiter_bytes():
                for event in cutter.feed(piece):
                    if (shown := self._looked_at(event)) is not None:
                        yield shown
            for event in cutter.finish():
                if (shown := self._looked_at(event)) is not None:
                    yield shown
            self.tokens = self.tokens or self._so_far
        except httpx.RequestError as error:
            refused = Refused(502, f"the model's answer broke off: {type(error).__name__}", code="bad_gateway")
            self._keep(refused.event())
            yield refused.event()

    def _looked_at(self, event: bytes) -> bytes | None:
        """Count what an event tells; what the agent is to see of it."""
        data = data_of(event) if b'"usage"' in event else {}
        if is_last_word(data):
            self.tokens = tokens_of(data) or self.tokens
        else:  # some servers tell on the way what it is so far
            self._so_far = tokens_of(data) or self._so_far
        event = self._censor.all_at_once(event)
        self._keep(event)
        return None if self.call.drops_usage and tells_usage_only(data) else event

    def _keep(self, event: bytes) -> None:
        if len(self.said) <= MOST_BODY_BYTES:  # what is beyond is not recorded
            self.said += event

    def _estimate(self) -> Spent:
        """All that the call could cost."""
        return Spent(nano_usd=None if self.price is None else self._tab.reserved_nano_usd, estimated=True)

    def _spent(self) -> Spent | None:
        if not self._asked:
            return None
        if self.tokens is None:
            return self._estimate()
        return Spent(
            nano_usd=None if self.price is None else self.price.nano_usd(self.tokens),
            input_tokens=self.tokens.input,
            cached_input_tokens=self.tokens.cached_input,
            output_tokens=self.tokens.output,
        )

    def _end(self) -> None:
        """Settle the account and write the record. Blocks."""
        if self._over:
            return
        self._over = True
        spent = self._spent()
        if spent is not None and (spent.nano_usd or 0) > self._tab.reserved_nano_usd:
            log.warning("a call of %s cost more than it could: is its price right?", self.call.model)
        self._tab.settle(spent)
        paid = [*self._lost, *([spent] if spent else [])]
        estimated = any(part.estimated for part in paid)
        known = self.tokens if spent and not spent.estimated else None
        facts = {
            "time": datetime.now(UTC).isoformat(),
            "path": f"/v1{self.call.endpoint.path}",
            "model": self.call.model,
            "status": self.status,
            "retries": max(0, self.tries - 1),
            "input_tokens": known.input if known else None,
            "cached_input_tokens": known.cached_input if known else None,
            "output_tokens": known.output if known else None,
            "cost_usd": _sum_usd(paid),
            "estimated": estimated,
            "seconds": round(time.monotonic() - self.began, 3),
        }
        self.records.add(facts, request=self._sent or excerpt(self.call.content()), response=excerpt(bytes(self.said)))


def censor_of(upstream: Upstream) -> Censor:
    """Give what blanks the key in answers."""
    return Censor([upstream.key] if len(upstream.key) >= LEAST_KEY else [])


def _surely(work: Callable[[], None]) -> Awaitable[None]:
    """Do what blocks in a thread, and do it however often its caller is cancelled meanwhile.

    `asyncio.to_thread` would drop it where it has not begun.
    """
    return asyncio.shield(asyncio.get_running_loop().run_in_executor(None, work))


def _sum_usd(paid: list[Spent]) -> float | None:
    """What was paid in all; None where some of it is unknown."""
    known = [part.nano_usd for part in paid if part.nano_usd is not None]
    return sum(known) / NANO if len(known) == len(paid) else None


def _code(body: bytes) -> str | None:
    """The code of an error in OpenAI's shape."""
    try:
        code = json.loads(body)["error"]["code"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    return code if isinstance(code, str) else None
