"""The two clients: they carry out the calls of `sdk.calls`, one waiting, one in an event loop.

Each call is written once, in `sdk.calls`; `_waiting` and `_awaited` make it a method of either client, with the same
arguments and documentation.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing, closing
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, get_args

import httpx

from sdk.calls import Calls, EventFlow
from sdk.errors import ServerUnreachable
from sdk.events import Event
from sdk.exchange import BASE_URL, TIMEOUT_SECS, AsyncExchange, Exchange, http_options
from sdk.wire import Flow

P = ParamSpec("P")
T = TypeVar("T")


def _signature_of(call: Callable[..., Any]) -> inspect.Signature:
    """Give the signature of a call's method: it returns what its generator returns."""
    signature = inspect.signature(call)
    return signature.replace(return_annotation=get_args(signature.return_annotation)[-1])


def _waiting(call: Callable[Concatenate[Calls, P], Flow[T]]) -> "Callable[Concatenate[Client, P], T]":
    """Make a call a method that returns its result."""

    @functools.wraps(call)
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._carry_out(call(self._calls, *args, **kwargs))

    method.__signature__ = _signature_of(call)  # type: ignore[attr-defined]  # where inspect looks
    return method


def _awaited(call: Callable[Concatenate[Calls, P], Flow[T]]) -> "Callable[Concatenate[AsyncClient, P], Awaitable[T]]":
    """Make a call a coroutine method."""

    @functools.wraps(call)
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._carry_out(call(self._calls, *args, **kwargs))

    method.__signature__ = _signature_of(call)  # type: ignore[attr-defined]  # where inspect looks
    return method


class Client:
    """A client of mlebench's server.

    Safe to use from several threads. Close it, or use it as a context manager.

    Args:
        base_url: where the server is.
        token: the server's MLEBENCH_API_TOKEN, where it has one.
        timeout: seconds that the server may take to answer.
        retries: how often a request is made again that failed for a reason that may pass (the connection, 429, 502,
            503, 504), after pauses that grow and are as long as the server asks for. A run is submitted again only
            when it is certain that the server did not take it.

    Example:
        >>> with Client(base_url="http://127.0.0.1:8000") as client:
        ...     run = client.run(competition_set="dev", agent_id="baseline")
        ...     client.wait_for_completion(run["run_id"], poll_interval=5, timeout=3600)
        ...     client.get_run_summary(run["run_id"])

    Raises:
        InputError: an argument cannot be right.
    """

    def __init__(
        self, base_url: str = BASE_URL, token: str | None = None, *, timeout: float = TIMEOUT_SECS, retries: int = 3
    ) -> None:
        options = http_options(base_url, token=token, timeout=timeout, retries=retries)
        self._calls = Calls(retries=retries, has_token=token is not None)
        self._http = httpx.Client(**options)

    health = _waiting(Calls.health)
    list_competitions = _waiting(Calls.list_competitions)
    list_technique_tasks = _waiting(Calls.list_technique_tasks)
    list_agents = _waiting(Calls.list_agents)
    run = _waiting(Calls.run)
    get_run = _waiting(Calls.get_run)
    list_runs = _waiting(Calls.list_runs)
    get_run_summary = _waiting(Calls.get_run_summary)
    get_artifacts = _waiting(Calls.get_artifacts)
    download_artifacts = _waiting(Calls.download_artifacts)
    wait_for_completion = _waiting(Calls.wait_for_completion)
    cancel = _waiting(Calls.cancel)

    def stream_events(self, run_id: str) -> Generator[Event, None, None]:
        return self._emitted(self._calls.stream_events(run_id))

    stream_events.__doc__ = Calls.stream_events.__doc__

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _carry_out(self, flow: Flow[T]) -> T:
        with closing(flow), closing(Exchange(self._http)) as exchange:
            outcome: Any = None
            try:
                while True:
                    outcome = exchange.perform(_next_action(flow, outcome))
            except StopIteration as end:
                result: T = end.value
                return result

    def _emitted(self, flow: EventFlow) -> Generator[Event, None, None]:
        with closing(flow), closing(Exchange(self._http)) as exchange:
            outcome: Any = None
            try:
                while True:
                    action = _next_action(flow, outcome)
                    if isinstance(action, Event):
                        yield action
                        outcome = None
                    else:
                        outcome = exchange.perform(action)
            except StopIteration:
                return


class AsyncClient:
    """The same as `Client`, for an event loop: its calls are awaited. Close it, or use it with `async with`.

    Who leaves `stream_events` before its end closes it, with `contextlib.aclosing`.

    Example:
        >>> async with AsyncClient() as client:
        ...     run = await client.run(competition_set="dev", agent_id="baseline")
        ...     async for event in client.stream_events(run.run_id):
        ...         print(event.kind, dict(event.data))
    """

    def __init__(
        self, base_url: str = BASE_URL, token: str | None = None, *, timeout: float = TIMEOUT_SECS, retries: int = 3
    ) -> None:
        options = http_options(base_url, token=token, timeout=timeout, retries=retries)
        self._calls = Calls(retries=retries, has_token=token is not None)
        self._http = httpx.AsyncClient(**options)

    health = _awaited(Calls.health)
    list_competitions = _awaited(Calls.list_competitions)
    list_technique_tasks = _awaited(Calls.list_technique_tasks)
    list_agents = _awaited(Calls.list_agents)
    run = _awaited(Calls.run)
    get_run = _awaited(Calls.get_run)
    list_runs = _awaited(Calls.list_runs)
    get_run_summary = _awaited(Calls.get_run_summary)
    get_artifacts = _awaited(Calls.get_artifacts)
    download_artifacts = _awaited(Calls.download_artifacts)
    wait_for_completion = _awaited(Calls.wait_for_completion)
    cancel = _awaited(Calls.cancel)

    def stream_events(self, run_id: str) -> AsyncGenerator[Event, None]:
        return self._emitted(self._calls.stream_events(run_id))

    stream_events.__doc__ = Calls.stream_events.__doc__

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _carry_out(self, flow: Flow[T]) -> T:
        with closing(flow):
            async with aclosing(AsyncExchange(self._http)) as exchange:
                outcome: Any = None
                try:
                    while True:
                        outcome = await exchange.perform(_next_action(flow, outcome))
                except StopIteration as end:
                    result: T = end.value
                    return result

    async def _emitted(self, flow: EventFlow) -> AsyncGenerator[Event, None]:
        with closing(flow):
            async with aclosing(AsyncExchange(self._http)) as exchange:
                outcome: Any = None
                try:
                    while True:
                        action = _next_action(flow, outcome)
                        if isinstance(action, Event):
                            yield action
                            outcome = None
                        else:
                            outcome = await exchange.perform(action)
                except StopIteration:
                    return


def _next_action(flow: Any, outcome: Any) -> Any:
    """Tell a call what came of its last action, and give its next one. StopIteration when it has its result."""
    return flow.throw(outcome) if isinstance(outcome, ServerUnreachable) else flow.send(outcome)
