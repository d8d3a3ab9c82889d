"""What the server shows of runs: from records of the database and files of the run folder to answers."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal, get_args

from core.status import RunState, State, Status
from server.schemas import Artifact, Artifacts, Counts, ListedRun, LogFile, Run, RunOrder
from store import overviews, records
from store.folders import RunFolder
from store.listing import Listed, list_files, published_name
from store.overviews import Overview
from store.records import RunRequest
from store.runs import Store
from worker.carrier import is_carried
from worker.places import run_folder
from worker.settings import Settings

Kind = Literal["submissions", "grading_reports", "logs", "rollouts", "code", "metadata"]

LEFT_SECS = 60.0  # for so long nobody wonders that a run is not carried: it may just be submitted, or resumed
MOST_LOGS = 100  # in a run object
MOST_ARTIFACTS = 100_000
OF_THE_RUN: dict[str, Kind] = {
    "grading_report.json": "grading_reports",
    "technique_grades.json": "grading_reports",
    "metadata.json": "metadata",
    "submit.log": "logs",
}
OF_AN_ATTEMPT: dict[str, Kind] = {
    "report.json": "grading_reports",
    "run.log": "logs",
    "model_calls.jsonl": "rollouts",
    "submission": "submissions",
    "logs": "rollouts",
    "code": "code",
}


def shown_run(seen: Overview, store: Store, settings: Settings) -> Run:
    """Give a run as it is shown by itself, with its logs."""
    folder = run_folder(seen.run.run_dir, settings)
    logs = [
        LogFile(
            name=attempt.name,
            path=_path(seen, published_name(folder, attempt=attempt.name, fence=attempt.fence, within="run.log")),
        )
        for attempt in overviews.collected(store, seen.run.run_id, limit=MOST_LOGS)
    ]
    return Run(**listed_run(seen, settings).__dict__, logs=logs)


def new_run(run: records.Run, settings: Settings) -> Run:
    """Give a run that was just written down, without asking the database, which may be away by now."""
    states = dict.fromkeys(State, 0) | {State.QUEUED: run.planned}
    seen = Overview(run=run, states=states, statuses={}, begun=False, changed_at=run.created_at, lost_message=None)
    return Run(**listed_run(seen, settings).__dict__, logs=[])


def listed_run(seen: Overview, settings: Settings) -> ListedRun:
    """Give a run as lists show it."""
    run = seen.run
    return ListedRun(
        run_id=run.run_id,
        status=_status(seen, settings),
        created_at=run.created_at,
        updated_at=seen.changed_at,
        request=_order(run.request),
        message=_message(seen, settings),
        run_group=run.run_group,
        run_dir=run.run_dir,
        progress=Counts(planned=run.planned, **{str(state): number for state, number in seen.states.items()}),
    )


def artifacts(seen: Overview, folder: RunFolder, store: Store) -> Artifacts:
    """Give the files that a run has left so far, by kind."""
    ids = overviews.attempt_ids(store, seen.run.run_id)
    by_kind: dict[Kind, list[Artifact]] = {kind: [] for kind in get_args(Kind)}
    truncated = False
    for kind, file in _with_kinds(list_files(folder)):
        if len(by_kind[kind]) >= MOST_ARTIFACTS:  # of each: one agent's code does not hide the others' submissions
            truncated = True
            continue
        attempt = ids.get(file.attempt) if file.attempt else None
        by_kind[kind].append(Artifact(path=_path(seen, file.name), bytes=file.bytes, attempt=attempt))
    return Artifacts(run_id=seen.run.run_id, **by_kind, truncated=truncated)


def _with_kinds(files: Iterator[Listed]) -> Iterator[tuple[Kind, Listed]]:
    for file in files:
        first = file.within.partition("/")[0]
        kind = OF_THE_RUN.get(first) if file.attempt is None else OF_AN_ATTEMPT.get(first)
        if kind is not None:
            yield kind, file


def _path(seen: Overview, name: str) -> str:
    return f"{seen.run.run_group}/{name}"


def _is_left(seen: Overview, settings: Settings) -> bool:
    """Whether nobody carries an open run any more: without a broker, who did may have been stopped."""
    if settings.broker_url is not None or seen.run.state is not RunState.OPEN:
        return False
    quiet_secs = (datetime.now(UTC) - seen.changed_at).total_seconds()
    return quiet_secs > LEFT_SECS and not is_carried(seen.run, settings)


def _status(seen: Overview, settings: Settings) -> Literal["queued", "running", "completed", "failed"]:
    if _is_left(seen, settings):
        return "failed"
    match seen.run.state:
        case RunState.OPEN:
            return "running" if seen.begun else "queued"
        case RunState.CLOSED if not seen.lost:
            return "completed"
        case _:
            return "failed"


def _message(seen: Overview, settings: Settings) -> str:
    run = seen.run
    said = [f"{seen.states[State.DONE]} of {run.planned} attempts done"]
    if _is_left(seen, settings):
        said += [f"stopped, nobody carries it; go on with: python scripts/submit.py --resume {run.run_id}"]
    elif run.state is RunState.OPEN:
        waits = [f"{number} {state}" for state, number in seen.states.items() if number and state is not State.DONE]
        said += [", ".join(waits)] if waits else ["about to be closed"]
    else:
        said += [_counted(seen.statuses)]
    if seen.lost:
        said += [f"{seen.lost} lost to the machinery: {seen.lost_message}"]
    if run.cancel_requested:
        said += ["cancelled" if run.state is not RunState.OPEN else "being cancelled"]
    if settings.broker_url is not None and (run.request.asked or {}).get("n_workers") is not None:
        said += ["n_workers is ignored: workers are started where they run"]
    return " ".join("; ".join(said).split())


def _counted(statuses: Mapping[Status, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in sorted(statuses.items(), key=lambda item: -item[1]))


def _order(request: RunRequest) -> RunOrder:
    """Give what was asked for; of a run that a command submitted, what would have been."""
    if request.asked is not None:
        known = {name: request.asked[name] for name in RunOrder.model_fields if name in request.asked}
        return RunOrder.model_construct(**known)
    return RunOrder.model_construct(
        competition_set=list(request.competitions) if request.split == "custom" else request.split,
        agent_id=request.agent_id,
        lite=request.split == "low",
        n_seeds=request.seeds,
        data_dir=request.data_dir,
        technique_tasks=list(request.techniques) or None,
        time_limit_secs=request.time_limit_secs,
        sandbox=request.sandbox,
        priority=request.priority,
        judge=request.judge,
        max_cost=request.max_cost_usd,
        max_cost_per_attempt=request.max_cost_per_attempt_usd,
        max_calls_per_minute=request.max_calls_per_minute,
    )
