"""Both clients behind one face: a test that takes `connect` runs with each."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from typing import Any

import pytest

from sdk import AsyncClient, Client
from sdk.events import Event

Connect = Callable[..., Any]


class Awaiting:
    """An AsyncClient whose calls are carried out to their end, so that one test body serves both clients."""

    def __init__(self, runner: "asyncio.Runner", client: AsyncClient) -> None:
        self._runner = runner
        self._client = client

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        async def called(*args: Any, **kwargs: Any) -> Any:
            return await method(*args, **kwargs)

        return lambda *args, **kwargs: self._runner.run(called(*args, **kwargs))

    def stream_events(self, run_id: str) -> Iterator[Event]:
        async def collect() -> list[Event]:
            async with aclosing(self._client.stream_events(run_id)) as events:
                return [event async for event in events]

        return iter(self._runner.run(collect()))


@pytest.fixture(params=["Client", "AsyncClient"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Give what makes a client of either kind, with the arguments of its class."""
    if request.param == "Client":
        made: list[Client] = []

        def make(*args: Any, **kwargs: Any) -> Any:
            made.append(Client(*args, **kwargs))
            return made[-1]

        yield make
        for client in made:
            client.close()
        return
    with asyncio.Runner() as runner:
        clients: list[AsyncClient] = []

        def make_async(*args: Any, **kwargs: Any) -> Any:
            clients.append(AsyncClient(*args, **kwargs))
            return Awaiting(runner, clients[-1])

        yield make_async
        for awaited in clients:
            runner.run(awaited.aclose())
