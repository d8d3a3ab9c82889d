"""Errors as problem details (RFC 9457, application/problem+json), whatever goes wrong and wherever."""

import json
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import InputError, MlebenchError, ServiceUnavailable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECS = 5  # what a client is told when a service is away
SHOWN = 3  # wrong fields, in one line
KEPT = ("allow", "content-range", "retry-after", "www-authenticate")  # headers of an error that is reworded


class Problem(HTTPException):
    """An error with an HTTP status; its text is for people to read."""


def problem_response(
    status: int, detail: str, *, headers: Mapping[str, str] | None = None, errors: Sequence[Mapping[str, str]] = ()
) -> Response:
    """Make the answer to a request that cannot be served.

    Args:
        status: the HTTP status.
        detail: what is wrong and what to do, for people.
        headers: further headers.
        errors: each wrong field, with what is wrong with it.
    """
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        content["errors"] = list(errors)
    # ASCII: what is quoted from a request may hold what UTF-8 cannot say
    return Response(json.dumps(content), status_code=status, headers=headers, media_type=MEDIA_TYPE)


def add_handlers(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Have all exceptions of `app` answered as problems; `routes` are its own, for the methods of a path."""
    app.exception_handler(HTTPException)(partial(_http_error, routes))
    app.exception_handler(RequestValidationError)(_wrong_request)
    app.exception_handler(MlebenchError)(_known_error)
    app.exception_handler(Exception)(_unknown_error)


async def _http_error(routes: Sequence[BaseRoute], request: Request, error: HTTPException) -> Response:
    if isinstance(error, Problem) or error.status_code not in (404, 405):
        return problem_response(error.status_code, str(error.detail), headers=error.headers)
    # the router's, in one word, and with the methods of the first route that has the path
    detail = f"there is no {request.method} {request.url.path}; GET /docs shows what there is"
    methods = sorted(
        method
        for route in routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in getattr(route, "methods", ())
    )
    return problem_response(error.status_code, detail, headers={"Allow": ", ".join(methods)} if methods else None)


def _wrong_request(request: Request, error: RequestValidationError) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and not (kind == "application/json" or kind.endswith("+json")) and isinstance(error.body, bytes):
        return problem_response(
            422, f"the body is sent as {kind!r}; send JSON, with the header Content-Type: application/json"
        )
    errors = [_wrong_field(found) for found in error.errors()]
    detail = "; ".join(f"{found['field']}: {found['message']}" for found in errors[:SHOWN])
    more = f"; and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
    return problem_response(422, detail + more, errors=errors)


def _wrong_field(found: Mapping[str, Any]) -> dict[str, str]:
    """Say where a request is wrong, and how in words of this API rather than of the library that found it."""
    where, kind = list(found["loc"]), found["type"]
    message = str(found["msg"])
    if kind == "json_invalid":
        message = f"not JSON from character {where.pop()} on: {found.get('ctx', {}).get('error', 'it cannot be read')}"
    elif kind == "extra_forbidden":
        message = "there is no such field; GET /docs shows what there is"
    elif where == ["body"] and kind in ("model_attributes_type", "dict_type"):
        message = "expected a JSON object, sent with the header Content-Type: application/json"
    return {"field": ".".join(str(part) for part in where), "message": message}


def _known_error(request: Request, error: MlebenchError) -> Response:
    if isinstance(error, InputError):
        return problem_response(422, str(error))
    if isinstance(error, ServiceUnavailable):
        log.warning("%s %s: %s", request.method, request.url.path, error)
        return problem_response(
            503,
            "the database, the broker or the object store does not answer; try again in a while, GET /health says more",
            headers={"Retry-After": str(RETRY_SECS)},
        )
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _internal()


def _unknown_error(_: Request, __: Exception) -> Response:
    return _internal()  # Starlette raises it again, and uvicorn logs it


def _internal() -> Response:
    return problem_response(500, "this server failed; its log says why")


class ProblemsOnly:
    """Middleware that rewords errors which the framework answers in plain text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Rewording(scope, receive, send).send)


class _Rewording:
    """The sending side of one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._plain: Message | None = None  # how an error in plain text began
        self._said = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_plain_error(message):
            self._plain = message
        elif self._plain is None:
            await self._send(message)
        elif message["type"] == "http.response.body":
            self._said += message.get("body", b"")
            if not message.get("more_body", False):
                await self._reword(self._plain)

    async def _reword(self, plain: Message) -> None:
        status, headers = plain["status"], MutableHeaders(raw=plain["headers"])
        detail = self._said.decode(errors="replace") or HTTPStatus(status).description
        kept = {name: headers[name] for name in KEPT if name in headers}
        await problem_response(status, detail, headers=kept)(self._scope, self._receive, self._send)


def _is_plain_error(start: Message) -> bool:
    headers = MutableHeaders(raw=start["headers"])
    return start["status"] >= 400 and not headers.get("content-type", "").startswith(MEDIA_TYPE)
