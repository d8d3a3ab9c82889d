"""The paths, each a few lines: what is done is done elsewhere."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from importlib.metadata import version
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, BackgroundTasks, Body, Depends, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from agents.registry import agent_roots, list_agents
from core.errors import InputError, UnknownName
from core.status import RunState
from server import files, ordering, views
from server.events import Watches, read_id
from server.problems import RETRY_SECS, Problem
from server.schemas import Artifacts, Health, ListedRun, Run, RunOrder, Summary
from server.service import Service
from store import database, overviews, records
from tasks.registry import competition_roots, list_competitions, list_techniques
from tasks.splits import list_splits, load_split
from worker import cancelling, queueing
from worker.places import run_folder
from worker.technique_asking import TECHNIQUE_GRADES

EXAMPLE_EVENT = """event: log
id: 2025-12-11T03:48:13+00:00
data: {"attempt_id": "7c9a4a0e5b1d4f3e9a4c2b1d0e9f8a7b", "line": "epoch 3: 0.91"}

"""
NEXT_PAGE = {"Link": {"description": "The next page, where there are more.", "schema": {"type": "string"}}}
BINARY = {"type": "string", "format": "binary"}
TURN_SECS = 15.0  # that a run waits to be submitted
HEALTH_SECS = 8.0  # until a service that says nothing is taken for dead
DESCRIPTIONS = {
    400: "The request is not HTTP or JSON as it should be.",
    401: "The token is missing or wrong.",
    403: "A web page of another origin asked.",
    404: "There is no such run, split or file.",
    409: "The run is not in the state for this.",
    413: "The body is larger than 1 MiB.",
    416: "The file has no such part.",
    422: "Something in the request is wrong; the text names it.",
    429: "Too many requests from one address; Retry-After says when to go on.",
    500: "The server failed.",
    503: "The database, the broker or the object store does not answer.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare errors for OpenAPI."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {
        status: {"description": DESCRIPTIONS[status], "content": {"application/problem+json": {"schema": schema}}}
        for status in statuses
    }


async def _service(request: Request) -> Service:  # async: needs no thread
    service: Service = request.app.state.service
    return service


async def _watches(request: Request) -> Watches:
    watches: Watches = request.app.state.watches
    return watches


TheService = Annotated[Service, Depends(_service)]
RunName = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,254}$",
        description="A run's id, or `latest`.",
        examples=["0f8c1b2d3e4a"],
    ),
]


def _found_run(run_id: RunName, service: TheService) -> records.Run:
    try:
        return service.store.find_run(run_id)
    except InputError as error:  # that is all that it means here
        raise Problem(404, str(error)) from error


def _shown(run: records.Run, service: Service) -> Run:
    return views.shown_run(overviews.overview(service.store, run.run_id), service.store, service.settings)


FoundRun = Annotated[records.Run, Depends(_found_run)]

open_router = APIRouter(tags=["server"])
router = APIRouter(responses=problems(400, 403, 422, 429, 500, 503))


@open_router.get("/health", responses=problems(400, 403, 429, 500, 503))
async def health(service: TheService) -> Health:
    """Say whether the broker and the database answer. Asks for no token."""
    checks = {"database": partial(database.ping, service.store.engine)}
    if service.settings.broker_url is not None:
        checks["broker"] = partial(queueing.ping_broker, service.settings.broker_url)
    answers = await asyncio.gather(*(_answers(check, service) for check in checks.values()))
    silent = [f"the {name} does not answer" for name, answered in zip(checks, answers, strict=True) if not answered]
    if silent:
        raise Problem(503, "; ".join(silent), headers={"Retry-After": str(RETRY_SECS)})
    return Health(
        status="ok",
        broker="embedded" if service.settings.broker_url is None else "ok",
        database="ok",
        version=version("mlebench-runner"),
    )


async def _answers(check: Callable[[], None], service: Service) -> bool:
    with anyio.move_on_after(HEALTH_SECS):
        try:
            # threads of its own: /health answers while all others wait for a database that is away
            await anyio.to_thread.run_sync(check, abandon_on_cancel=True, limiter=service.checking)
        except InputError:
            return False
        return True
    return False


@router.post("/runs", tags=["runs"], responses=problems(413))
async def submit_run(service: TheService, order: Annotated[RunOrder, Body(default_factory=RunOrder)]) -> Run:
    """Start a run. Everything is checked first; nothing is written where something is wrong.

    A run whose id was returned is carried out, also when the server is killed in the next moment.
    """

    def submit() -> Run:
        return views.new_run(ordering.submit(order, service), service.settings)

    # threads of its own: run folders are named by the second, so that many at once wait for each other
    with anyio.move_on_after(TURN_SECS) as wait:
        await service.turns.acquire()
    if wait.cancelled_caught:  # sooner than clients lose patience: they know that nothing was started
        raise Problem(
            429, "too many runs are being submitted; nothing was started", headers={"Retry-After": str(RETRY_SECS)}
        )
    try:
        return await anyio.to_thread.run_sync(submit, limiter=service.submitting)
    finally:
        service.turns.release()


@router.get(
    "/runs", tags=["runs"], responses={200: {"description": "The runs.", "headers": NEXT_PAGE}, **problems(404)}
)
def list_runs(
    service: TheService,
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 100,
    before: Annotated[
        str | None, Query(pattern=r"^[A-Za-z0-9]{1,32}$", description="Only runs older than this one.")
    ] = None,
) -> list[ListedRun]:
    """List the runs, newest first. Where there are more, the header `Link` has the address of the next page."""
    older_than = None if before is None else _found_run(before, service)
    found = overviews.overviews(service.store, limit=limit + 1, before=older_than)
    if len(found) > limit:
        following = request.url.include_query_params(limit=limit, before=found[limit - 1].run.run_id)
        response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return [views.listed_run(seen, service.settings) for seen in found[:limit]]


@router.get("/runs/{run_id}", tags=["runs"], responses=problems(404))
def get_run(run: FoundRun, service: TheService) -> Run:
    """Show a run."""
    return _shown(run, service)


@router.get("/runs/{run_id}/summary", tags=["runs"], response_model=Summary, responses=problems(404, 409))
def get_summary(run: FoundRun, service: TheService) -> Response:
    """Give what came out of a closed run."""
    if run.state is RunState.OPEN:
        raise Problem(409, f"run {run.run_id} is not closed yet; GET /runs/{run.run_id} says how it is doing")
    storage = run_folder(run.run_dir, service.settings).storage
    report = storage.read("grading_report.json")
    if report is None:
        raise Problem(404, f"run {run.run_id} has no grading_report.json any more; scripts/collect.py writes it anew")
    content = {
        "run_id": run.run_id,
        "run_group": run.run_group,
        "run_dir": run.run_dir,
        "grading_reports": [json.loads(report)],
    }
    if grades := storage.read(TECHNIQUE_GRADES):
        content["technique_grades"] = json.loads(grades)
    return JSONResponse(content)


@router.get("/runs/{run_id}/artifacts", tags=["runs"], response_model=Artifacts, responses=problems(404))
def get_artifacts(run: FoundRun, service: TheService) -> Response:
    """List the files that a run has left so far. Those of an attempt appear when its agent has ended."""
    seen = overviews.overview(service.store, run.run_id)
    found = views.artifacts(seen, run_folder(run.run_dir, service.settings), service.store)
    return Response(found.model_dump_json(), media_type="application/json")


@router.get(
    "/runs/{run_id}/events",
    tags=["runs"],
    response_class=EventSourceResponse,
    responses={
        200: {"description": "The events.", "content": {"text/event-stream": {"example": EXAMPLE_EVENT}}},
        **problems(404),
    },
)
async def follow_run(
    run: FoundRun,
    watches: Annotated[Watches, Depends(_watches)],
    last_event_id: Annotated[
        str | None, Header(max_length=100, description="The id of the last event that was heard: goes on from there.")
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow a run until it is closed.

    Events: `attempt` (where an attempt is: `AttemptEvent`), `log` (the last line that its agent said: `LogEvent`) and
    `run` (`Run`), which also comes last. At the beginning each attempt's present state is told. The data is JSON.
    """
    async for event in watches.follow(run.run_id, since=read_id(last_event_id)):
        yield event


@router.post("/runs/{run_id}/cancel", tags=["runs"], responses=problems(404, 409))
def cancel_run(run: FoundRun, service: TheService, afterwards: BackgroundTasks) -> Run:
    """Cancel a run: what waits is ended at once, what runs is stopped by its worker. Then it is closed as failed."""
    if run.state is not RunState.OPEN:
        raise Problem(409, f"run {run.run_id} is closed already")
    service.store.request_cancel(run.run_id)
    if not service.store.run(run.run_id).cancel_requested:
        raise Problem(409, f"run {run.run_id} was closed in this moment")
    # afterwards: ten thousand reports take their time
    afterwards.add_task(cancelling.stop_and_close, run.run_id, service.here, patience_secs=0)
    return _shown(run, service)


@router.get("/competitions", tags=["choices"], responses=problems(404))
def competitions(
    service: TheService,
    split: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Those of this split.")] = None,
) -> list[str]:
    """List the ids of the competitions."""
    roots = competition_roots(service.settings.competitions_path)
    if split is None:
        return list_competitions(roots)
    if split not in list_splits():
        raise Problem(404, str(UnknownName("split", split, list_splits())))
    return list(load_split(split, roots=roots).competitions)


@router.get("/technique-tasks", tags=["choices"])
def technique_tasks() -> list[str]:
    """List the ids of the techniques."""
    return list_techniques()


@router.get("/agents", tags=["choices"])
def agents(service: TheService) -> list[str]:
    """List the ids of the agents."""
    return list_agents(agent_roots(service.settings.agents_path))


@router.get(
    "/files/{path:path}",
    tags=["files"],
    response_class=Response,
    responses={
        200: {
            "description": "The file.",
            "content": {files.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        },
        206: {"description": "A part of it.", "content": {files.MEDIA_TYPE: {"schema": BINARY}}},
        **problems(404, 416),
    },
)
def get_file(
    service: TheService,
    path: Annotated[str, Path(description="As artifacts and logs give it: relative to the runs folder.")],
    range_: Annotated[str | None, Header(alias="Range", description="`bytes=first-last`")] = None,
) -> Response:
    """Give a file of a run's folder, or a part of it. Always as an attachment: what agents leave is hostile."""
    return files.file_response(path, service, byte_range=range_)
