"""A competition's data on this host, prepared when it is not there yet."""

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from core.errors import DataError
from tasks.data import Prepared, is_prepared, prepare
from tasks.registry import Competition


def prepared(competition: Competition, data_dir: Path, *, note: Callable[[str], None]) -> Prepared:
    """Give the prepared data of `competition`.

    Preparing happens in a process of its own, so that its memory goes with it and the worker's other
    attempts are not held up by it.

    Raises:
        DataError: it cannot be prepared here.
    """
    if is_prepared(competition, data_dir):
        return prepare(competition, data_dir)
    note(f"preparing the data of {competition.id} in {data_dir}")
    started = time.monotonic()
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            result = pool.submit(prepare, competition, data_dir).result()
        except BrokenProcessPool as error:
            raise DataError(f"preparing {competition.id} was killed; was there enough memory?") from error
    note(f"prepared in {time.monotonic() - started:.1f} s")
    return result
