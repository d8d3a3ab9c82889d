"""The HTTP service that an attempt's agent takes for its model's API.

POST /v1/chat/completions   POST /v1/responses   POST /v1/completions   POST /v1/embeddings
GET  /v1/models             GET  /v1/models/<id>
"""

import asyncio
import hmac
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from worker.gateway.exchange import Exchange, censor_of
from worker.gateway.prices import Price, Prices
from worker.gateway.purse import Purse
from worker.gateway.records import Records
from worker.gateway.refusals import Refused, unfit
from worker.gateway.requests import ENDPOINTS, MAX_BODY_BYTES, MODEL_NAME, MODEL_PREFIX, Endpoint, admit
from worker.gateway.upstream import MOST_ANSWER_BYTES, Upstream, client, passed_on, read_at_most

log = logging.getLogger(__name__)

UPLOAD_SECS = 120.0  # for a request to arrive
CLIENT_GONE = 499  # what nobody reads
BURST = 100  # requests
REQUESTS_PER_SEC = 20.0
LARGE_BYTES = 1 << 20  # of a request: so many bytes count as a request more
MOST_LARGE = 2  # requests of unknown size, or larger, at a time: what is read of them takes many times the memory
MOST_NOTES = 100  # of refusals
NOTED_IN_VAIN = (3, 30, 300, 3000)  # calls in a row that failed
MOST_FAILURES = 10  # of the runner's own, with a traceback each
MOST_MODELS = 50
Answer = TypeVar("Answer")


class Pace:
    """Lets BURST requests through at once and REQUESTS_PER_SEC in the long run, the others later: an agent that asks
    without end is not to take the worker's processors."""

    def __init__(self) -> None:
        self._free_at = time.monotonic() - BURST / REQUESTS_PER_SEC

    async def wait(self, requests: float = 1.0) -> None:
        """Wait until so many requests more may pass."""
        now = time.monotonic()
        self._free_at = max(self._free_at, now - BURST / REQUESTS_PER_SEC) + requests / REQUESTS_PER_SEC
        await asyncio.sleep(max(0.0, self._free_at - now))


@dataclass(kw_only=True)
class Gateway:
    """Answers the calls of one attempt.

    Attributes:
        upstream: the API that it forwards to.
        token: what the agent has in place of a key.
        price_file: named to an agent whose model has no price.
        note: takes a line for run.log.
    """

    upstream: Upstream
    token: str
    purse: Purse
    prices: Prices
    price_file: str
    records: Records
    note: Callable[[str], None]
    _pace: Pace = field(default_factory=Pace)
    _large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_LARGE))
    _refusals: int = 0
    _in_vain: int = 0  # calls that have failed since one was answered
    _failures: int = 0
    _names: set[str] = field(default_factory=set)  # of models that were called

    def __post_init__(self) -> None:
        self._censor = censor_of(self.upstream)

    def app(self) -> ASGIApp:
        """The service."""
        posts = [Route(f"/v1{path}", self._post(endpoint), methods=["POST"]) for path, endpoint in ENDPOINTS.items()]
        lists = [Route(path, self._answered(self._models)) for path in ("/v1/models", "/v1/models/{model:path}")]
        app = Starlette(routes=[*posts, *lists], exception_handlers={404: _not_found, 405: _not_found})
        app.router.redirect_slashes = False
        return app

    def _post(self, endpoint: Endpoint) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def called(request: Request) -> Response:
            self.purse.check()
            async with self._large if _is_large(request) else nullcontext():
                return await self._call(endpoint, request)

        return self._answered(called)

    async def _call(self, endpoint: Endpoint, request: Request) -> Response:
        body = await _body(request)
        await self._pace.wait(len(body) / LARGE_BYTES)
        call = admit(endpoint, body, public=self.upstream.is_public)
        self._check_variety(call.model)
        exchange = Exchange(
            call=call,
            upstream=self.upstream,
            purse=self.purse,
            price=self._price(call.model),
            records=self.records,
        )
        response = await _unless_gone(request, exchange.answer())
        self._note_failing(response.status_code)
        return response

    def _note_failing(self, status: int) -> None:
        """Say in run.log when a model's server fails again and again: an agent may try for hours, in silence."""
        self._in_vain = self._in_vain + 1 if status >= HTTPStatus.BAD_REQUEST else 0
        if self._in_vain in NOTED_IN_VAIN:
            self.note(f"model: {self._in_vain} calls in a row have failed, the last one with {status}")

    def _answered(
        self, handle: Callable[[Request], Coroutine[Any, Any, Response]]
    ) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Let in whoever has the token, and answer also where the call does not go on."""

        async def answer(request: Request) -> Response:
            try:
                self._check_token(request)
                await self._pace.wait()
                return await handle(request)
            except Refused as refused:
                self._note_refusal(request, refused)
                return refused.response()
            except ClientDisconnect:
                return Response(status_code=CLIENT_GONE)
            except Exception:  # whatever it is, the agent learns nothing of it, and the service goes on
                self._failures += 1
                if self._failures <= MOST_FAILURES:  # an agent that has found out how to make them would fill the disk
                    log.exception("a call of the model failed")
                    self.note(f"model: {request.method} {request.url.path} failed in the runner")
                return Refused(500, "the runner failed", code="internal_error").response()

        return answer

    def _note_refusal(self, request: Request, refused: Refused) -> None:
        self._refusals += 1
        if self._refusals <= MOST_NOTES:
            more = "; further ones are not noted" if self._refusals == MOST_NOTES else ""
            self.note(f"model: {request.method} {request.url.path} refused: {str(refused)[:300]}{more}")

    def _check_token(self, request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            message = "Incorrect API key provided: the runner gives each attempt its own, in OPENAI_API_KEY"
            raise Refused(401, message, code="invalid_api_key")

    def _check_variety(self, model: str) -> None:
        """Each model that is called has a row of its own in the database."""
        if model not in self._names and len(self._names) >= MOST_MODELS:
            raise unfit(f"an attempt may call {MOST_MODELS} different models", param="model", code="not_allowed")
        self._names.add(model)

    def _price(self, model: str) -> Price | None:
        price = self.prices.of(model)
        if price is None and self.purse.budget.limited:
            raise unfit(
                f"the run has a budget, and the model {model!r} has no price in {self.price_file}: add one, or name "
                "another file with MLEBENCH_MODEL_PRICES",
                param="model",
                code="model_without_price",
            )
        return price

    async def _models(self, request: Request) -> Response:
        name = request.path_params.get("model", "").removeprefix(MODEL_PREFIX)
        if name and (not MODEL_NAME.fullmatch(name) or ".." in name):
            raise unfit("that is not the name of a model", param="model")
        await self.purse.turn()
        try:
            async with client() as opened:
                path = f"/models/{name}" if name else "/models"
                response = await opened.send(self.upstream.request("GET", path), stream=True)
                body = self._censor.all_at_once(await read_at_most(response, MOST_ANSWER_BYTES))
                await response.aclose()
        except httpx.RequestError as error:
            raise Refused(
                502, f"the model's server did not answer: {type(error).__name__}", code="bad_gateway"
            ) from error
        if 300 <= response.status_code < 400:
            raise Refused(502, f"the model's server answered {response.status_code}", code="bad_gateway")
        return Response(body, response.status_code, headers=passed_on(response.headers))


def _is_large(request: Request) -> bool:
    length = request.headers.get("content-length", "")
    return not length.isdecimal() or int(length) > LARGE_BYTES


async def _body(request: Request) -> bytes:
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        raise Refused(413, f"a request may have {MAX_BODY_BYTES} bytes", code="request_too_large")
    body = bytearray()
    try:
        async with asyncio.timeout(UPLOAD_SECS):
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_BODY_BYTES:
                    raise Refused(413, f"a request may have {MAX_BODY_BYTES} bytes", code="request_too_large")
    except TimeoutError as error:
        raise Refused(408, "the request did not arrive", code="timeout") from error
    return bytes(body)


async def _unless_gone(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer:
    """Do the work, but break it off when the agent no longer waits for it."""
    working = asyncio.create_task(work)
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (gone, working):
            task.cancel()
        await asyncio.gather(gone, working, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _not_found(request: Request, _error: Exception) -> Response:
    return Refused(
        404,
        f"{request.method} {request.url.path[:200]} is not one of the addresses that are open to agents: "
        "POST /v1/chat/completions, /v1/responses, /v1/completions, /v1/embeddings, GET /v1/models",
        code="unknown_url",
    ).response()
