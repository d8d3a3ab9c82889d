"""Neutrino events in batches: a tenth of Kaggle's labelled batches becomes the test set, whole.

There are 131 million events: tables are streamed, and only the test events' ids are held in memory.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import DataError
from tasks import recipes

IDS = ["batch_id", "event_id", "first_pulse_index", "last_pulse_index"]
ANGLES = ["azimuth", "zenith"]
CHUNK_ROWS = 1 << 20


def prepare(raw: Path, public: Path, private: Path) -> None:
    batches = _batches(raw / "train_meta.parquet")
    train, test = recipes.split(batches, test_size=0.1)
    events = _write_tables(raw / "train_meta.parquet", test, public, private)
    _require_disjoint(public / "train_meta.parquet", events)
    recipes.copy_files(raw, public, ["sensor_geometry.csv"])
    files = {_number(name): name for name in recipes.names_in(raw, "train", suffix=".parquet")}
    for part, numbers in (("train", train), ("test", test)):
        names = [files[number] for number in numbers.tolist() if number in files]
        recipes.require_equal(len(names), len(numbers), f"files of {part} batches in raw/train")
        recipes.copy_files(raw / "train", public / part, names)


def _batches(meta: Path) -> NDArray[np.int64]:
    """The batches in the order of their first events."""
    found: dict[int, None] = {}
    for chunk in _chunks(meta, ["batch_id"]):
        found |= dict.fromkeys(pd.unique(chunk["batch_id"].to_numpy()).tolist())
    return np.array(list(found), dtype=np.int64)


def _write_tables(meta: Path, test: NDArray[np.int64], public: Path, private: Path) -> NDArray[np.int64]:
    """Write both parts of the events, the answers and the sample.

    Returns:
        The ids of the test events.
    """
    events = []
    with ExitStack() as stack:
        new_train = stack.enter_context(_new_parquet(public / "train_meta.parquet", meta, [*IDS, *ANGLES]))
        new_test = stack.enter_context(_new_parquet(public / "test_meta.parquet", meta, IDS))
        answers = stack.enter_context((private / "test.csv").open("xb"))
        sample = stack.enter_context((public / "sample_submission.csv").open("xb"))
        for number, chunk in enumerate(_chunks(meta, [*IDS, *ANGLES])):
            is_test = np.isin(chunk["batch_id"].to_numpy(), test)
            new_train(chunk.filter(~is_test))
            new_test(chunk.filter(is_test).select(IDS))
            rows = chunk.filter(is_test).select(["event_id", *ANGLES]).to_pandas()
            events.append(rows["event_id"].to_numpy())
            recipes.write_csv(rows, answers, header=number == 0)
            recipes.write_csv(rows.assign(azimuth=1, zenith=1), sample, header=number == 0)
    return np.concatenate(events)


def _require_disjoint(train: Path, test_events: NDArray[np.int64]) -> None:
    test_events = np.sort(test_events)
    for chunk in _chunks(train, ["event_id"]):
        events = chunk["event_id"].to_numpy()
        places = np.minimum(np.searchsorted(test_events, events), len(test_events) - 1)
        recipes.require(not (test_events[places] == events).any(), "an event is both in train and test")


def _number(name: str) -> int:
    """The batch whose pulses a file holds: batch_17.parquet."""
    number = name.removesuffix(".parquet").rpartition("_")[2]
    recipes.require(number.isdecimal(), f"raw/train/{name} is not named batch_<number>.parquet")
    return int(number)


def _arrow() -> ModuleType:
    try:
        importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise DataError("Parquet files need the package pyarrow: pip install -e '.[catalogue]'") from error
    return importlib.import_module("pyarrow")


def _chunks(path: Path, columns: list[str]) -> Iterator[Any]:
    """Columns of a Parquet file as Arrow tables of at most CHUNK_ROWS rows."""
    arrow = _arrow()
    try:
        with arrow.parquet.ParquetFile(path) as file:
            recipes.require(set(columns) <= set(file.schema_arrow.names), f"{path.name} lacks one of {columns}")
            for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=columns):
                yield arrow.Table.from_batches([batch]).select(columns)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except arrow.ArrowInvalid as error:
        raise DataError(f"{path} is no Parquet file: {' '.join(str(error).split())}") from error


@contextmanager
def _new_parquet(path: Path, like: Path, columns: list[str]) -> Iterator[Callable[[Any], None]]:
    """Open a Parquet file for writing; gives what takes the tables, whose columns are as in the file `like`."""
    schema = next(_chunks(like, columns)).schema.remove_metadata()
    with _arrow().parquet.ParquetWriter(path, schema, compression="snappy") as writer:
        yield lambda table: writer.write_table(table.cast(schema))
