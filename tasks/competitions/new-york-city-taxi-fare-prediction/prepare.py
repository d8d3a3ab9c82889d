"""Taxi rides: 9,914 of Kaggle's 55 million with a fare become the test set, as many as Kaggle's has.

The parts are in the order of the draw, and the table is too large to shuffle in memory: its rows are dealt into
buckets, each a stretch of the result, and each bucket is sorted by itself.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks import recipes

TARGET = "fare_amount"
COORDINATES = ["pickup_longitude", "pickup_latitude", "dropoff_longitude", "dropoff_latitude"]
COLUMNS = ["key", TARGET, "pickup_datetime", *COORDINATES, "passenger_count"]
# Whole numbers in a part of the table would otherwise lose their ".0".
TYPES = {TARGET: "float64", **dict.fromkeys(COORDINATES, "float64"), "passenger_count": "int64"}
TEST_ROWS = 9_914
MEAN_FARE = 11.35
CHUNK_ROWS = 1_000_000
BUCKET_ROWS = 500_000


def prepare(raw: Path, public: Path, private: Path) -> None:
    hashes = _key_hashes(raw / "train.csv")
    train, test = recipes.split(np.arange(len(hashes)), test_size=TEST_ROWS)
    # Two different keys with one hash: 55 million * 9,914 pairs / 2^64 hashes, a chance of 3e-8.
    shared = pd.Series(hashes[train]).isin(hashes[test])
    recipes.require(not shared.any(), "rides in train and test share a key")
    del hashes, shared
    # Where each row goes: places from 0 in train, from -1 downwards in test.
    places = np.empty(len(train) + len(test), dtype="int64")
    places[train] = np.arange(len(train))
    places[test] = -1 - np.arange(len(test))
    del train, test

    test_parts = []
    with tempfile.TemporaryDirectory(dir=public, prefix=".buckets-") as folder:
        for chunk in _chunks(raw / "train.csv"):
            going_to = places[chunk.index]
            chunk.index = pd.Index(going_to)
            test_parts.append(chunk[going_to < 0])
            _deal(chunk[going_to >= 0], Path(folder))
        _gather(Path(folder), public / "labels.csv", rows=int(places.max()) + 1)
    answers = pd.concat(test_parts).sort_index(ascending=False)
    recipes.write_csv(answers, private / "test.csv")
    recipes.write_csv(answers.drop(columns=TARGET), public / "test.csv")
    recipes.write_csv(recipes.sample_of(answers, "key", {TARGET: MEAN_FARE}), public / "sample_submission.csv")
    recipes.copy_files(raw, public, ["GCP-Coupons-Instructions.rtf"])


def _key_hashes(path: Path) -> NDArray[np.uint64]:
    chunks = recipes.read_csv_chunks(path, rows=CHUNK_ROWS, usecols=["key"], dtype="str")
    return np.concatenate(
        [pd.util.hash_array(chunk["key"].to_numpy(dtype=object), categorize=False) for chunk in chunks]
    )


def _chunks(path: Path) -> Iterator[pd.DataFrame]:
    for chunk in recipes.read_csv_chunks(path, rows=CHUNK_ROWS, dtype=TYPES):
        recipes.require_columns(chunk, COLUMNS, path.name)
        yield chunk


def _deal(rows: pd.DataFrame, folder: Path) -> None:
    """Append rows to their buckets: lines as they will be, and beside them their places, the index."""
    rows = rows.sort_index()
    buckets = rows.index.to_numpy() // BUCKET_ROWS
    starts = np.flatnonzero(np.diff(buckets, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        part = rows.iloc[start:end]
        with (folder / f"{buckets[start]}.csv").open("ab") as file:
            recipes.write_csv(part, file, header=False)
        with (folder / f"{buckets[start]}.places").open("ab") as file:
            part.index.to_numpy(dtype="int64").tofile(file)


def _gather(folder: Path, path: Path, *, rows: int) -> None:
    """Write the lines of all buckets in the order of their places."""
    with path.open("xb") as file:
        file.write(f"{','.join(COLUMNS)}\n".encode())
        for bucket in range(-(-rows // BUCKET_ROWS)):
            lines = (folder / f"{bucket}.csv").read_bytes().splitlines(keepends=True)
            order = np.argsort(np.fromfile(folder / f"{bucket}.places", dtype="int64"))
            file.writelines(np.array(lines, dtype=object)[order])
            (folder / f"{bucket}.csv").unlink()
