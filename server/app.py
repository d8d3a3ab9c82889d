"""The application: its parts put together."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib.metadata import version
from typing import Any

import anyio.to_thread
from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from core.errors import ServiceUnavailable
from server import events
from server.guards import BearerToken, RateLimit, SameOrigin, names_of
from server.problems import ProblemsOnly, add_handlers
from server.routes import open_router, problems, router
from server.schemas import AttemptEvent, LogEvent, ProblemDetails
from server.service import Service
from worker.settings import Settings

log = logging.getLogger(__name__)

DEFAULT_HOST = "127.0.0.1"
MOST_BODY_BYTES = 1 << 20
THREADS = 8  # requests at a time that wait for the database or for files; with events.LOOKS and service.SUBMITTING
# fewer than the 15 connections of the database's pool
LOOK_SECS = 10.0  # between two looks for runs whose carrier died
SOON_SECS = 1.0  # the same while runs wait for others to end


def create_app(settings: Settings, *, host: str = DEFAULT_HOST) -> FastAPI:
    """Make the application. It opens the database when it is started.

    Args:
        settings: which database, broker and folders, and the token.
        host: what the server listens on; without a token, requests must mean it or the loopback address.
    """
    app = FastAPI(
        title="mlebench",
        version=version("mlebench-runner"),
        description="Run machine-learning agents on Kaggle competitions, follow the runs, and fetch what they left.",
        lifespan=partial(_lifespan, settings=settings),
        middleware=_middleware(settings, host),
        strict_content_type=False,  # a body without a type is JSON; SameOrigin keeps web pages from using that
        redirect_slashes=False,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    add_handlers(app, [*open_router.routes, *router.routes])
    app.include_router(open_router)
    if settings.api_token is None:
        app.include_router(router)
    else:  # for the document alone: the token is asked for before a request gets here
        bearer = HTTPBearer(auto_error=False, description="MLEBENCH_API_TOKEN of the server")
        app.include_router(router, dependencies=[Depends(bearer)], responses=problems(401))
    _describe_more(app)
    return app


def _middleware(settings: Settings, host: str) -> list[Middleware]:
    """Give what each request goes through, outermost first."""
    found = [Middleware(ProblemsOnly), Middleware(SameOrigin)]
    if settings.api_token is None:
        # a name that an attacker's DNS points here is not ours
        found.append(Middleware(TrustedHostMiddleware, allowed_hosts=names_of(host), www_redirect=False))
    if settings.api_rate:
        found.append(Middleware(RateLimit, per_minute=settings.api_rate))
    if settings.api_token is not None:
        found.append(Middleware(BearerToken, token=settings.api_token.get_secret_value()))
    return [*found, Middleware(RequestBodyLimitMiddleware, max_body_size=MOST_BODY_BYTES)]


@asynccontextmanager
async def _lifespan(app: FastAPI, *, settings: Settings) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    service = await anyio.to_thread.run_sync(Service, settings)
    app.state.service = service
    app.state.watches = events.Watches(partial(events.look, service=service))
    looking = None
    if settings.broker_url is None:
        looking = asyncio.create_task(_look_after_runs(service))
    try:
        yield
    finally:
        if looking is not None:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
        await anyio.to_thread.run_sync(service.close)


async def _look_after_runs(service: Service) -> None:
    while True:
        waiting = False
        try:
            waiting = await anyio.to_thread.run_sync(service.look_after_runs)
        except ServiceUnavailable as error:
            log.warning("runs cannot be looked after now: %s", error)
        except Exception:  # whatever it was, the runs are to be looked after again
            log.exception("runs cannot be looked after now")
        await asyncio.sleep(SOON_SECS if waiting else LOOK_SECS)


def _describe_more(app: FastAPI) -> None:
    """Put into the OpenAPI document what the routes refer to and FastAPI does not see."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        made = make()
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for model in (ProblemDetails, AttemptEvent, LogEvent):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= schema.pop("$defs", {}) | {model.__name__: schema}
        return made

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation has it
