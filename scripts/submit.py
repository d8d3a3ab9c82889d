"""Run an agent on a split of competitions, and follow it to the end.

    python scripts/submit.py --split dev
    python scripts/submit.py --agent dummy --competitions diamond-prices,job-classes --seeds 3
    python scripts/submit.py --agent ./my-agent --variant dev
    python scripts/submit.py --agent 'git+https://host/repo@main#subdirectory=my-agent'
    python scripts/submit.py --resume latest

Without MLEBENCH_BROKER_URL the command brings its own Redis and workers, and takes them with it when it ends.
With it, the command queues the run and follows it; workers elsewhere do the work.

Exit codes: 0, every attempt ended and was graded; 1, at least one was lost to the machinery or cancelled;
2, wrong input, nothing was queued; 130, interrupted.
"""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from filelock import Timeout

from core.errors import InputError, ServiceUnavailable
from core.status import State
from scripts.following import follow
from scripts.results import show_result
from scripts.terminal import INTERRUPTED, console_for, run_command, single
from store.records import Run
from store.runs import Store
from worker import carrier, launching, queueing, room
from worker.context import open_store
from worker.places import run_folder
from worker.settings import Settings, load_settings
from worker.submitting import Order, Plan, create_run, plan

if TYPE_CHECKING:
    from rich.console import Console


# What --resume takes beside the run: all else was settled when the run was submitted.
WITH_RESUME = ("resume", "workers", "runs_dir", "detach", "as_json")


def _names(text: str | None, option: str) -> tuple[str, ...]:
    """The names in a list; none where the option is not given, and an empty one is a slip that would cost a split."""
    names = tuple(name.strip() for name in text.split(",") if name.strip()) if text is not None else ()
    if text is not None and not names:
        raise InputError(f"{option} {text!r}: expected names with commas between them")
    return names


def submit(
    context: typer.Context,
    split: Annotated[str | None, typer.Option(help="a split's name, or a .txt file of ids  [dev]")] = None,
    agent: Annotated[
        str, typer.Option(help="an agent's id, its folder, or git+https://host/repo@ref#subdirectory=dir")
    ] = "baseline",
    variant: Annotated[str | None, typer.Option(help="the agent's variant, as --agent id/variant")] = None,
    competitions: Annotated[
        str | None, typer.Option(help="ids, separated by commas, instead of a split or some of one")
    ] = None,
    seeds: Annotated[int, typer.Option(help="attempts per competition, with the seeds 0, 1, ...")] = 1,
    techniques: Annotated[
        str | None, typer.Option(help="technique ids, separated by commas, or all, instead of whole competitions")
    ] = None,
    judge: Annotated[
        str | None, typer.Option(help="an OpenAI model that reads answers' reasoning, beside the score")
    ] = None,
    lite: Annotated[bool, typer.Option("--lite", help="the same as --split low")] = False,
    workers: Annotated[int | None, typer.Option(help="attempts at a time, without a broker")] = None,
    sandbox: Annotated[str | None, typer.Option(help="auto, docker or process  [auto]")] = None,
    time_limit: Annotated[float | None, typer.Option(help="seconds an agent may work  [86400]")] = None,
    data_dir: Annotated[str | None, typer.Option(help="the competitions' data: a folder or s3://bucket/prefix")] = None,
    runs_dir: Annotated[str | None, typer.Option(help="where run folders go: a folder or s3://bucket/prefix")] = None,
    priority: Annotated[int, typer.Option(help="runs of higher priority go first")] = 0,
    max_cost: Annotated[float | None, typer.Option(help="USD that the run's agents may spend on models")] = None,
    max_cost_per_attempt: Annotated[
        float | None, typer.Option(help="USD that each attempt may spend on models")
    ] = None,
    max_calls_per_minute: Annotated[
        float | None, typer.Option(help="calls of models that the run may make a minute")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="queue the run and return")] = False,
    resume: Annotated[
        str | None, typer.Option(help="queue again what is not done of a run: its id, folder, or latest")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object at the end")] = False,
) -> None:
    """Run an agent on competitions and follow it to the end."""
    if resume:
        _refuse_changes(context)
    settings = load_settings(workers=workers, runs_dir=runs_dir)
    if lite and split not in (None, "low"):
        raise InputError(f"--lite means --split low; it does not go with --split {split}")
    if not resume:
        order = Order(
            agent=agent,
            variant=variant,
            agent_sources=True,
            split="low" if lite else split,
            competitions=_names(competitions, "--competitions"),
            seeds=seeds,
            techniques=_names(techniques, "--techniques"),
            judge=judge,
            sandbox=sandbox or str(settings.sandbox),
            time_limit_secs=time_limit,
            data_dir=data_dir,
            runs_dir=runs_dir,
            priority=priority,
            max_cost_usd=max_cost,
            max_cost_per_attempt_usd=max_cost_per_attempt,
            max_calls_per_minute=max_calls_per_minute,
        )
        planned = plan(order, settings, local=settings.broker_url is None)
        if planned.request.agent_source:
            _say_agent(planned)
    if settings.broker_url:
        queueing.ping_broker(settings.broker_url)
    store = open_store(settings, create=True)
    if settings.broker_url:
        request = store.find_run(resume).request if resume else planned.request
        if not launching.check_workers(request, settings, store):
            print(launching.NO_WORKER, file=sys.stderr)
    run = store.find_run(resume) if resume else create_run(planned, store)
    if detach:
        if resume:
            launching.reopen(run, store)
        _detach(run, settings, store, as_json=as_json)
        return
    sys.exit(_carry_out(run, settings, store, reopen=bool(resume), as_json=as_json))


def _refuse_changes(context: typer.Context) -> None:
    """Refuse options that a run which is there already would not follow: a budget is not to be believed in vain."""
    given = [
        option.opts[0]
        for option in context.command.params
        if option.name not in WITH_RESUME
        and option.name is not None
        and str(getattr(context.get_parameter_source(option.name), "name", "DEFAULT")) == "COMMANDLINE"
    ]
    if given:
        raise InputError(f"--resume goes on with a run as it was submitted; leave out {', '.join(given)}")


def _say_agent(planned: Plan) -> None:
    """Say which agent from elsewhere it is, and what it is given: nobody may have read it."""
    wanted = [*sorted(planned.agent.secrets()), *(["a network"] if planned.agent.network else [])]
    asks = f"; it asks for {', '.join(wanted)}" if wanted else ""
    print(f"agent {planned.request.agent_id} from {planned.request.agent_source}{asks}", file=sys.stderr)


def _carry_out(run: Run, settings: Settings, store: Store, *, reopen: bool, as_json: bool) -> int:
    console = console_for(as_json=as_json)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` stops as cleanly as Ctrl-C
    try:
        folder = run_folder(run.run_dir, settings).path
        with _naming(run, settings), _alone(run, settings, folder), ExitStack() as services:
            console.print(f"run {run.run_id} in {run.run_dir}", highlight=False, soft_wrap=True)
            if run.request.sandbox == "process":
                console.print("sandbox: plain processes, which are no isolation", highlight=False)
            if reopen:  # not before it is certain that nobody is at it
                launching.reopen(run, store)
            live, check = services.enter_context(launching.services(run, settings, folder))
            launching.enqueue(run, live, store)
            if not settings.broker_url:  # the attempts work on this host's disks
                check = _telling_of_disks(check, settings, console)
            closed = follow(store, run.run_id, console=console, check=check)
            return show_result(closed, settings, console=console, as_json=as_json)
    except KeyboardInterrupt:
        _say_interrupted(run, settings, store)
        return INTERRUPTED


@contextmanager
def _alone(run: Run, settings: Settings, folder: Path) -> Iterator[None]:
    """Without a broker, carry a run alone: no process of --detach or of a server is at it, and none starts."""
    if settings.broker_url:
        yield
        return
    try:
        lock = carrier.take_lock(folder)
    except Timeout:
        raise InputError(
            f"run {run.run_id} is carried out by another process already; follow it with: "
            f"python scripts/status.py {run.run_id}"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _telling_of_disks(check: Callable[[], None], settings: Settings, console: "Console") -> Callable[[], None]:
    """Give a check that also says, once, why nothing new is started."""
    told = room.Lacking()

    def look() -> None:
        check()
        if (lacking := room.lacking(settings)) is not None and told.lately() is None:
            console.print(f"nothing new is started: {lacking}", highlight=False, soft_wrap=True)
        told.note(lacking)

    return look


@contextmanager
def _naming(run: Run, settings: Settings) -> Iterator[None]:
    """Where the services fail this command, say what becomes of the run: workers carry it out as soon as they can."""
    try:
        yield
    except ServiceUnavailable as error:
        if not settings.broker_url:  # the services were this command's own
            raise
        raise ServiceUnavailable(
            f"{error}; run {run.run_id} is in the database, and workers carry it out when the services answer again: "
            f"do not submit it once more, follow it with: python scripts/status.py {run.run_id}"
        ) from error


def _detach(run: Run, settings: Settings, store: Store, *, as_json: bool) -> None:
    """Leave the run to the workers; without a broker, to a process of its own that brings them."""
    with _naming(run, settings):
        carrier.leave(run, settings, store)
    if as_json:
        print(json.dumps({"run_id": run.run_id, "run_dir": run.run_dir, "status": run.state}))
    else:
        print(run.run_id)
        print(f"follow it with: python scripts/status.py {run.run_id}", file=sys.stderr)


def _say_interrupted(run: Run, settings: Settings, store: Store) -> None:
    done = sum(row.state is State.DONE for row in store.progress(run.run_id))
    if settings.broker_url:
        message = (
            f"no longer following; run {run.run_id} goes on. Follow it again with: python scripts/status.py "
            f"{run.run_id}; stop it with: python scripts/cancel.py {run.run_id}"
        )
    else:
        message = (
            f"stopped; {done} of {run.planned} attempts are done. "
            f"Continue with: python scripts/submit.py --resume {run.run_id}"
        )
    print(message, file=sys.stderr)


def main() -> None:
    """Entry point of the command."""
    run_command(single(submit))


if __name__ == "__main__":
    main()
