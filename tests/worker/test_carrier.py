"""One carrier for a run, whoever starts them; it goes when its run is closed."""

import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.status import RunState
from store.folders import LIVE, create_run_folder
from store.records import Run
from store.runs import Store
from tests.records import a_run, some_attempts
from tests.services import wait_until
from worker import carrier
from worker.context import open_store
from worker.sandbox.disk import remove_tree
from worker.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data", runs_dir=tmp_path / "runs", env_file=tmp_path / ".env")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings, create=True)
    yield opened
    opened.close()


@pytest.fixture
def run(settings: Settings, store: Store) -> Run:
    """An open run that no agent of this checkout could carry out: its attempts wait."""
    folder = create_run_folder(settings.runs_dir, "nobody")
    found = replace(a_run(planned=1), run_group=folder.path.name, run_dir=folder.address)
    attempts = [replace(attempt, queued_at=found.created_at.replace(year=2100)) for attempt in some_attempts(found)]
    store.create_run(found, attempts)
    return found


def log_of(run: Run) -> str:
    return (Path(run.run_dir) / carrier.LOG).read_text()


def test_of_several_carriers_one_carries_and_it_ends_with_the_run(settings: Settings, store: Store, run: Run) -> None:
    assert not carrier.is_carried(run, settings)
    started = [carrier.start(run, settings) for _ in range(2)]
    try:
        wait_until(
            lambda: any(process.poll() == 0 for process in started), timeout_secs=60, description="one gives way"
        )
        assert [process.poll() for process in started].count(None) == 1
        assert carrier.is_carried(run, settings)
        store.request_cancel(run.run_id)
        store.close_run(run.run_id)
        assert [process.wait(60) for process in started] == [0, 0]
    finally:
        end(started)
    assert not carrier.is_carried(run, settings)
    assert log_of(run).count("carrying run") == 1
    assert log_of(run).count("is carried by another process already") == 1
    assert log_of(run).count("is closed") == 1


def test_a_closed_run_needs_no_carrying(settings: Settings, store: Store, run: Run) -> None:
    store.request_cancel(run.run_id)
    store.close_run(run.run_id)
    assert store.run(run.run_id).state is not RunState.OPEN
    started = carrier.start(run, settings)
    try:
        assert started.wait(60) == 0
    finally:
        end([started])
    assert not list(Path(run.run_dir).glob(".live/services/*")), "no services were started"


def end(started: "list[subprocess.Popen[bytes]]") -> None:
    """End what a failing test has left."""
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def test_a_carrier_that_waited_for_one_that_closed_the_run_makes_nothing_anew(
    settings: Settings, store: Store, run: Run
) -> None:
    """Its first look saw an open run; when it has the lock, the run is closed and its live folder is gone."""
    live = Path(run.run_dir) / LIVE
    lock = carrier.take_lock(Path(run.run_dir))
    waiting = threading.Thread(target=carrier.carry_out, args=(run.run_id, settings))
    waiting.start()
    try:
        wait_until(lambda: waits_for(waiting, "take_lock"), timeout_secs=10, description="it waits for the lock")
        store.request_cancel(run.run_id)
        store.close_run(run.run_id)
        remove_tree(live)
    finally:
        lock.release()
        waiting.join(60)
    assert not waiting.is_alive()
    assert not live.exists()


def waits_for(thread: threading.Thread, function: str) -> bool:
    """Whether a thread is in a function now."""
    frame = sys._current_frames().get(thread.ident or 0)
    return any(entry.f_code.co_name == function for entry, _ in traceback.walk_stack(frame))
