"""Preparing a competition in a process of its own, which says how it goes and whose death is a failure like others."""

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from core.errors import DataError, MlebenchError
from tasks.data import Prepared, prepare
from tasks.kaggle import Credentials
from tasks.progress import Progress
from tasks.registry import Competition

MOVED_SECS = 0.2  # between two messages about how far it has come


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What is to be prepared, and how; `tasks.data.prepare` says what the fields mean."""

    competition: Competition
    data_dir: Path
    credentials: Credentials | None = None
    keep_raw: bool = True
    verify: bool = True


def prepare_apart(preparation: Preparation, *, note: Callable[[str], None], progress: Progress) -> Prepared:
    """Do a preparation in a process of its own, and wait for it.

    Its memory goes with the process, and threads of this one are not held up by it. Nothing is asked on standard
    input: the process has none.

    Args:
        note: takes a line about what is going on.
        progress: takes how far it has come, a few times a second.

    Raises:
        InputError, DataError: as `tasks.data.prepare`.
        DataError: the process was killed, or ended by itself.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(theirs, preparation))
    with ours:
        process.start()
        theirs.close()  # so that the end of the process is the end of the pipe
        ended: Prepared | MlebenchError | None = None
        try:
            ended = _listen(ours, note, progress)
        except EOFError:
            pass
        except BaseException:  # of this process: nobody listens any more
            process.terminate()
            raise
        finally:
            process.join()
    if ended is None:
        raise DataError(_epitaph(preparation.competition.id, process.exitcode))
    if isinstance(ended, MlebenchError):
        raise ended
    return ended


def _listen(ours: "Connection[Any, Any]", note: Callable[[str], None], progress: Progress) -> Prepared | MlebenchError:
    """Pass on what the process says, until it says how it ended. Raises EOFError when it ends without a word."""
    while True:
        match ours.recv():
            case Prepared() | MlebenchError() as ended:
                return ended
            case str() as line:
                note(line)
            case stage, done_bytes, total_bytes:
                progress(stage, done_bytes, total_bytes)


def _run(theirs: "Connection[Any, Any]", preparation: Preparation) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):  # what it has begun is tidied up
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    last_stage, last_sent = "", 0.0

    def progress(stage: str, done: int, total: int | None) -> None:
        nonlocal last_stage, last_sent
        now = time.monotonic()
        if done == total or stage != last_stage or now - last_sent > MOVED_SECS:
            last_stage, last_sent = stage, now
            theirs.send((stage, done, total))

    try:
        done = prepare(
            preparation.competition,
            preparation.data_dir,
            credentials=preparation.credentials,
            keep_raw=preparation.keep_raw,
            verify=preparation.verify,
            log=theirs.send,
            progress=progress,
        )
    except MlebenchError as error:
        theirs.send(error)
    else:
        theirs.send(done)


def _epitaph(competition_id: str, exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        return f"preparing {competition_id} was killed ({name}); was there enough memory?"
    return f"preparing {competition_id} ended with exit code {exit_code}; what its process wrote tells why"
