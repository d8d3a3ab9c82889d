"""Contrails in satellite images: as many of Kaggle's training records as it has for validation become the test set."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import DataError
from grading.run_lengths import encode_mask
from tasks import recipes

BANDS = [f"band_{number:02}.npy" for number in range(8, 17)]
TRUTH = "human_pixel_masks.npy"
MASKS = ["human_individual_masks.npy", TRUTH]
EMPTY = "-"


def prepare(raw: Path, public: Path, private: Path) -> None:
    source = raw / "train"
    validation = recipes.read_json(raw / "validation_metadata.json")
    train, test = recipes.split(recipes.read_json(raw / "train_metadata.json"), test_size=len(validation))
    recipes.write_json(train, public / "train_metadata.json")
    answers = pd.DataFrame([_answer(source, record["record_id"]) for record in test])
    recipes.write_csv(answers, private / "answers.csv")
    recipes.write_csv(answers.assign(encoded_pixels=_guesses(len(answers))), public / "sample_submission.csv")
    for part, records, files in (("train", train, [*BANDS, *MASKS]), ("test", test, BANDS)):
        recipes.copy_files(
            source, public / part, [f"{record['record_id']}/{file}" for record in records for file in files]
        )
    recipes.copy_files(raw, public, ["validation_metadata.json"])
    recipes.copy_folders(raw, public, ["validation"])


def _answer(source: Path, record: str) -> dict[str, Any]:
    mask = _array(source / record / TRUTH)
    height, width = _array(source / record / BANDS[0]).shape[:2]
    recipes.require_equal(mask.shape, (height, width, 1), f"shape of the mask of {record}")
    pixels = encode_mask(mask[:, :, 0] == 1) or EMPTY
    return {"record_id": record, "encoded_pixels": pixels, "height": height, "width": width}


def _array(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} is missing, or is no array") from error
    return array


def _guesses(count: int) -> list[str]:
    draw = random.Random(0)  # noqa: S311 - a sample submission is no secret
    return [draw.choice(["1 3 10 5", EMPTY]) for _ in range(count)]
