"""Showing a run: a live table in a terminal, plain lines elsewhere, and at the end what came out."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from core.status import RunState, State
from store.records import Run
from store.runs import Progress, Store
from store.spending import ModelUsage, total, usage_of_run

POLL_SECS = 0.5


def follow(store: Store, run_id: str, *, console: Console, check: Callable[[], None]) -> Run:
    """Show a run until it is closed.

    Args:
        check: called with every look at the run; may raise to end the following, or mend things.

    Returns:
        The closed run.
    """
    show = _live if console.is_terminal else _lines
    return show(store, run_id, console, check)


def _looks(store: Store, run_id: str, check: Callable[[], None]) -> Iterator[tuple[Run, list[Progress]]]:
    """Give the run and its attempts every `POLL_SECS`, the last time when it is closed."""
    while True:
        run = store.run(run_id)
        rows = store.progress(run_id)
        yield run, rows
        if run.state is not RunState.OPEN:
            return
        check()
        time.sleep(POLL_SECS)


def _live(store: Store, run_id: str, console: Console, check: Callable[[], None]) -> Run:
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        for run, rows in _looks(store, run_id, check):
            used = total(usage_of_run(store, run_id))
            live.update(progress_table(run, rows, used=used, height=console.size.height))
    return run


def _lines(store: Store, run_id: str, console: Console, check: Callable[[], None]) -> Run:
    seen: dict[str, tuple[State, int]] = {}
    run = store.run(run_id)
    for run, rows in _looks(store, run_id, check):  # noqa: B007 - the last one is the result
        for row in rows:
            before = seen.get(row.attempt_id, (State.QUEUED, 0))
            if (row.state, row.tries) != before and row.state is not State.QUEUED:
                console.print(_line(row), highlight=False, markup=False, soft_wrap=True)
            seen[row.attempt_id] = (row.state, row.tries)
    return run


def _line(row: Progress) -> str:
    clock = datetime.now(UTC).strftime("%H:%M:%S")
    text = f"{clock} {_name(row)}: "
    match row.state:
        case State.RUNNING:
            return text + (f"running, try {row.tries}" if row.tries > 1 else "running")
        case State.COLLECTED:
            after = "" if row.agent_secs is None else f" after {secs(row.agent_secs)}"
            return text + f"agent ended ({row.status}){after}"
        case _ if row.score is not None:
            return text + f"{row.status}, {_scored(row)}"
        case _:
            return text + f"{row.status}: {row.message}"


def _scored(row: Progress) -> str:
    medal = "" if row.technique else f", {row.medal or 'no'} medal"
    return f"score {row.score:g}{medal}"


def _name(row: Progress) -> str:
    technique = f" {row.technique}" if row.technique else ""
    return f"{row.competition_id}{technique} seed {row.seed}"


def progress_table(run: Run, rows: Sequence[Progress], *, used: ModelUsage | None = None, height: int) -> Group:
    """Give the table of a run's attempts, below a line that sums them up, with what they `used` of models so far."""
    table = Table(box=None, pad_edge=False, expand=True)
    for title, options in (
        ("attempt", {"no_wrap": True}),
        ("state", {"no_wrap": True}),
        ("elapsed", {"justify": "right", "no_wrap": True}),
        ("left", {"justify": "right", "no_wrap": True}),
        ("last line of its log", {"no_wrap": True, "ratio": 1, "overflow": "ellipsis"}),
    ):
        table.add_column(title, **options)
    shown = _most_interesting(rows, limit=max(height - 6, 5))
    for row in shown:
        table.add_row(*_cells(row, run.request.time_limit_secs))
    counts = Counter(str(row.status) if row.state is State.DONE else str(row.state) for row in rows)
    summary = ", ".join(f"{number} {name}" for name, number in counts.most_common())
    hidden = f"; {len(rows) - len(shown)} not shown" if len(shown) < len(rows) else ""
    models = f"; {used.calls} model calls, {usd(used.cost_usd)}" if used else ""
    line = f"run {run.run_id}, agent {run.request.agent_id}: {summary}{hidden}{models}"
    return Group(Text(line, style="bold"), table)


def _most_interesting(rows: Sequence[Progress], *, limit: int) -> list[Progress]:
    """Give at most `limit` rows in queue order: what runs, then what ended last, then what comes next."""
    order = {State.RUNNING: 0, State.COLLECTED: 0, State.DONE: 1, State.QUEUED: 2}

    def rank(row: Progress) -> tuple[int, float, int]:
        ended = -row.finished_at.timestamp() if row.finished_at else 0.0
        return order[row.state], ended, row.position

    return sorted(sorted(rows, key=rank)[:limit], key=lambda row: row.position)


def _cells(row: Progress, time_limit_secs: float) -> list[Text]:
    left = elapsed = ""
    if row.state is State.RUNNING and row.agent_started_at:
        passed = (datetime.now(UTC) - row.agent_started_at).total_seconds()
        elapsed, left = secs(passed), secs(max(time_limit_secs - passed, 0))
    elif row.agent_secs is not None:
        elapsed = secs(row.agent_secs)
    state = row.state if row.state is not State.RUNNING or row.agent_started_at else "preparing"
    last = row.last_line
    if row.state is State.DONE:
        state = f"{row.status}"
        last = _scored(row) if row.score is not None else row.message
    style = "dim" if row.state is State.QUEUED else ""
    return [Text(str(cell), style=style) for cell in (_name(row), state, elapsed, left, last)]


def usd(amount: float | None) -> str:
    """Say an amount of money, small ones too; None is unknown."""
    if amount is None:
        return "unknown"
    return f"{amount:.2f} USD" if amount >= 1 or amount == 0 else f"{amount:.2g} USD"


def secs(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"
