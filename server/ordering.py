"""From what a client asks for to a run that is written down and on its way."""

import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path

from core.errors import InputError, ServiceUnavailable, UnknownName
from server.schemas import RunOrder
from server.service import Service
from store.bucket import is_remote
from store.records import Run, RunRequest
from tasks.registry import competition_roots, list_competitions, list_techniques
from tasks.splits import list_splits, load_split
from worker import launching, queueing
from worker.places import data_place
from worker.settings import Settings, local_folder
from worker.submitting import Order, create_run, plan

log = logging.getLogger(__name__)

SPLIT_FILE = re.compile(r"(?:\./)?(?:experiments/)?(?:splits/)?(?P<name>[^/]+?)(?:\.txt)?")
LITE = "low"


def submit(order: RunOrder, service: Service) -> Run:
    """Check an order, write the run down, and have it carried out. Nothing is written where something is wrong.

    Raises:
        InputError: the first thing that is wrong.
        ServiceUnavailable: the broker or the database does not answer; nothing was written.
    """
    settings = service.settings
    planned = plan(order_of(order, settings), settings, local=settings.broker_url is None)
    _check_size(planned.request, settings)
    planned = planned.asked_as(order.model_dump(mode="json"))
    if settings.broker_url is not None:
        _ping(settings.broker_url)
        launching.check_workers(planned.request, settings, service.store)
    run = create_run(planned, service.store)
    log.info("run %s: submitted", run.run_id)
    try:
        service.carry(run)
    except (ServiceUnavailable, OSError) as error:  # it is in the database, and carried out as soon as that is possible
        log.warning("run %s has to wait: %s", run.run_id, error)
    return run


def order_of(order: RunOrder, settings: Settings) -> Order:
    """Give a client's order in the words of the command line.

    Raises:
        InputError: it names something that is not there, or may not be used.
    """
    roots = competition_roots(settings.competitions_path)
    split, competitions = _competitions(order, roots)
    techniques, named = _tasks(order, list_competitions(roots))
    held = competitions if split is None else load_split(split, roots=roots).competitions
    if outside := [name for name in named if name not in held]:
        raise InputError(f"tasks names {', '.join(outside)}, which the competition_set does not hold")
    _check_data_dir(order.data_dir, settings)
    return Order(
        agent=order.agent_id,
        split=split,
        competitions=tuple(named) or competitions,
        seeds=order.n_seeds,
        techniques=techniques,
        judge=order.judge,
        sandbox=order.sandbox or str(settings.sandbox),
        time_limit_secs=order.time_limit_secs,
        data_dir=order.data_dir,
        priority=order.priority,
    )


def _competitions(order: RunOrder, roots: Sequence[Path]) -> tuple[str | None, tuple[str, ...]]:
    """Give the split, or the competitions without one."""
    if isinstance(order.competition_set, list):
        if order.lite:
            raise InputError("lite means the competition_set low; it does not go with a list of competitions")
        return None, tuple(order.competition_set)
    found = SPLIT_FILE.fullmatch(order.competition_set)
    name = found["name"] if found else order.competition_set
    if name not in list_splits():
        raise UnknownName("competition_set", order.competition_set, list_splits())
    if order.lite and name not in (LITE, RunOrder.model_fields["competition_set"].default):
        raise InputError(f"lite means the competition_set low; it does not go with {name}")
    return (LITE if order.lite else name), ()


def _tasks(order: RunOrder, known: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Give the techniques that are asked for, and the competitions to which the set is narrowed."""
    techniques = ["all"] if order.technique_tasks == "all" else list(order.technique_tasks or ())
    competitions = []
    for name in dict.fromkeys(order.tasks or ()):
        if name in list_techniques():
            techniques.append(name)
        elif name in known:
            competitions.append(name)
        else:
            raise UnknownName("technique or competition", name, [*list_techniques(), *known])
    return (("all",) if "all" in techniques else tuple(dict.fromkeys(techniques))), competitions


def _check_size(request: RunRequest, settings: Settings) -> None:
    attempts = len(request.competitions) * request.seeds * max(len(request.techniques), 1)
    if attempts > settings.api_attempts:
        raise InputError(
            f"{attempts:,} attempts are more than one run may have here: at most {settings.api_attempts:,} "
            "(MLEBENCH_API_ATTEMPTS of the server)"
        )


def _check_data_dir(asked: str | None, settings: Settings) -> None:
    """Check that a client may use this data: with any folder, an agent would show what is in it."""
    if asked is None:
        return
    own = data_place(settings).address
    further = [part for part in (settings.api_data_dirs or "").split(os.pathsep) if part]
    if is_remote(asked):
        allowed = asked.rstrip("/") == own
    else:
        try:
            folder = local_folder(asked).resolve()
        except ValueError as error:
            raise InputError(f"data_dir {asked!r}: {error}") from error
        roots = [settings.data_dir.resolve(), *(Path(root).expanduser().resolve() for root in further)]
        allowed = folder == roots[0] or any(folder.is_relative_to(root) for root in roots[1:])
    if not allowed:
        raise InputError(
            f"data_dir {asked!r} may not be used: expected {own}, or a folder in one that MLEBENCH_API_DATA_DIRS names "
            "on the server; leave it out for the server's own"
        )


def _ping(broker_url: str) -> None:
    try:
        queueing.ping_broker(broker_url)
    except InputError as error:  # of the server's settings, not of the request
        raise ServiceUnavailable(str(error)) from error
