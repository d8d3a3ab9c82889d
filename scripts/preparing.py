"""Preparing several competitions at a time, shown as they go: bars in a terminal, lines elsewhere."""

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from core.errors import InputError, MlebenchError
from scripts.terminal import LOST_TO_MACHINERY, console_for
from tasks.data import Prepared
from tasks.disk import check_data_dir, size_of
from tasks.progress import Progress as Moved
from tasks.progress import amount, human, in_lines
from tasks.registry import Competition
from worker import preparing
from worker.places import Place
from worker.settings import load_settings


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one competition."""

    competition_id: str
    done: Prepared | None
    failure: str = ""


class Shown(Protocol):
    """Where it is shown how preparations go. Called from several threads."""

    def started(self, competition_id: str) -> tuple[Callable[[str], None], Moved]:
        """Give what takes lines about this one, and how far it has come."""

    def ended(self, outcome: Outcome) -> None:
        """Show how it ended."""


def prepare_all(entries: Sequence[Competition], data: Place, *, jobs: int, keep_raw: bool, verify: bool) -> None:
    """Prepare competitions, `jobs` at a time, each in a process of its own; exits with 1 when any failed.

    Raises:
        InputError: `jobs` is less than 1, or the data folder cannot be used.
        ServiceUnavailable: the object store cannot be used.
    """
    if jobs < 1:
        raise InputError(f"--jobs {jobs}: expected a whole number of at least 1")
    check_data_dir(data.folder)
    if data.bucket is not None:
        data.bucket.check()
    settings = load_settings()

    def prepare_one(entry: Competition, shown: Shown) -> Outcome:
        note, moved = shown.started(entry.id)
        try:
            done = preparing.prepared(
                entry, data, settings, note=note, progress=moved, keep_raw=keep_raw, verify=verify
            )
        except MlebenchError as error:
            outcome = Outcome(competition_id=entry.id, done=None, failure=str(error))
        else:
            outcome = Outcome(competition_id=entry.id, done=done)
        shown.ended(outcome)
        return outcome

    console = console_for(as_json=True)
    with _shown(console, len(entries)) as shown, _stopping_together(), ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(prepare_one, entry, shown) for entry in entries]
        outcomes = _results(pool, futures)
    _show_end(outcomes)
    failed = [outcome.competition_id for outcome in outcomes if outcome.done is None]
    console.print(f"{len(outcomes) - len(failed)} of {len(outcomes)} prepared", highlight=False)
    if failed:
        console.print(f"failed: {', '.join(failed)}", highlight=False, soft_wrap=True)
        sys.exit(LOST_TO_MACHINERY)


def _results(pool: ThreadPoolExecutor, futures: "Sequence[Future[Outcome]]") -> list[Outcome]:
    """Wait for all; when this process is told to stop, or one fails as none should, the others are stopped too."""
    try:
        for future in as_completed(futures):
            future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    return [future.result() for future in futures]


@contextmanager
def _stopping_together() -> Iterator[None]:
    """Let `kill` stop as cleanly as Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _shown(console: Console, planned: int) -> Iterator[Shown]:
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (
        TextColumn("{task.description}"),
        TextColumn("{task.fields[stage]}"),
        BarColumn(),
        TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bars(progress, planned)


class Lines:
    """Plain lines, for a log."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def started(self, competition_id: str) -> tuple[Callable[[str], None], Moved]:
        """Give what takes lines about this one, and how far it has come."""

        def note(text: str) -> None:
            _print_note(self._console, competition_id, text)

        return note, in_lines(note)

    def ended(self, outcome: Outcome) -> None:
        """Show how it ended."""
        _print_outcome(self._console, outcome)


class Bars:
    """A bar for what each is at, for a terminal, and above them the lines."""

    def __init__(self, progress: Progress, planned: int) -> None:
        self._progress = progress
        self._planned = planned
        self._ended = 0
        self._bars: dict[str, TaskID] = {}

    def started(self, competition_id: str) -> tuple[Callable[[str], None], Moved]:
        """Give what takes lines about this one, and how far it has come."""
        self._begin(competition_id, "")

        def note(text: str) -> None:
            _print_note(self._progress.console, competition_id, text)
            if not text.startswith(competition_id):  # a line about trouble is about no stage
                self._begin(competition_id, text.split()[0])

        def moved(stage: str, done: int, total: int | None) -> None:
            bar = self._bars[competition_id]
            self._progress.update(bar, stage=stage, amount=amount(done, total), completed=done, total=total)

        return note, moved

    def _begin(self, competition_id: str, stage: str) -> None:
        """A new bar, since one that knew its end cannot forget it."""
        if competition_id in self._bars:
            self._progress.remove_task(self._bars[competition_id])
        self._bars[competition_id] = self._progress.add_task(competition_id, stage=stage, amount="", total=None)

    def ended(self, outcome: Outcome) -> None:
        """Show how it ended."""
        self._progress.remove_task(self._bars[outcome.competition_id])
        self._ended += 1
        _print_outcome(self._progress.console, outcome, prefix=f"[{self._ended}/{self._planned}] ")


def _print_note(console: Console, competition_id: str, text: str) -> None:
    named = text if competition_id in text else f"{competition_id}: {text}"
    console.print(named, highlight=False, markup=False, soft_wrap=True)


def _print_outcome(console: Console, outcome: Outcome, *, prefix: str = "") -> None:
    name, done = outcome.competition_id, outcome.done
    text = f"{name} failed: {outcome.failure}" if done is None else f"{name}: {done.public.parent}"
    console.print(f"{prefix}{text}", highlight=False, markup=False, soft_wrap=True)


def _show_end(outcomes: Sequence[Outcome]) -> None:
    """Print what became of each, on standard output."""
    table = Table("competition", "result", "size", "why")
    for outcome in outcomes:
        size = "" if outcome.done is None else human(size_of(outcome.done.public.parent))
        result = "failed" if outcome.done is None else "prepared"
        table.add_row(outcome.competition_id, result, size, Text(outcome.failure, overflow="fold"))
    console_for(as_json=False).print(table)
