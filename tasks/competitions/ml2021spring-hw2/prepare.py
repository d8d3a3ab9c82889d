"""Frames of speech as arrays: Kaggle's labelled ones are split in the ratio of Kaggle's own train and test."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import DataError
from tasks import recipes

FOLDER = "timit_11/timit_11"
CHUNK_ROWS = 1 << 15  # 56 MB of frames


def prepare(raw: Path, public: Path, private: Path) -> None:
    frames, labels = _opened(raw / FOLDER / "train_11.npy"), _opened(raw / FOLDER / "train_label_11.npy")
    recipes.require_equal(labels.shape, (len(frames),), "shape of train_label_11.npy")
    unlabelled = len(_opened(raw / FOLDER / "test_11.npy"))
    train, test = recipes.split(np.arange(len(frames)), test_size=unlabelled / (len(frames) + unlabelled))
    (public / FOLDER).mkdir(parents=True)
    _write_rows(frames, train, public / FOLDER / "train_11.npy")
    _write_rows(labels, train, public / FOLDER / "train_label_11.npy")
    _write_rows(frames, test, public / FOLDER / "test_11.npy")
    answers = pd.DataFrame({"Id": range(len(test)), "ClassId": labels[test]})
    recipes.write_csv(answers, private / "answers.csv")
    recipes.write_csv(recipes.sample_of(answers, "Id", {"ClassId": 0}), public / "sampleSubmission.csv")


def _opened(path: Path) -> NDArray[Any]:
    """An array that stays on disk until its rows are taken."""
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except (ValueError, EOFError) as error:
        raise DataError(f"{path} is no array as expected: {' '.join(str(error).split())}") from error
    return array


def _write_rows(array: NDArray[Any], rows: NDArray[np.intp], path: Path) -> None:
    """Write what numpy.save(path, array[rows]) would, a part of the rows in memory at a time."""
    header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False}
    with path.open("xb") as file:
        np.lib.format.write_array_header_1_0(file, {**header, "shape": (len(rows), *array.shape[1:])})
        for start in range(0, len(rows), CHUNK_ROWS):
            file.write(array[rows[start : start + CHUNK_ROWS]].tobytes())
