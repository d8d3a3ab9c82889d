"""Dirty and clean scans of pages: a fifth of Kaggle's pairs becomes the test set, where each pixel is an answer."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from tasks import archives, recipes

WHITE = 255.0


def prepare(raw: Path, public: Path, private: Path) -> None:
    dirty, clean = raw / "train.zip", raw / "train_cleaned.zip"
    pages = recipes.names_in(dirty, "train", suffix=".png")
    train, test = recipes.split(pages, test_size=0.2)
    recipes.copy_files(dirty, public, [f"train/{page}" for page in train])
    recipes.copy_files(dirty, public, {f"train/{page}": f"test/{page}" for page in test})
    recipes.copy_files(clean, public, [f"train_cleaned/{page}" for page in train])
    with (private / "answers.csv").open("xb") as answers, (public / "sampleSubmission.csv").open("xb") as sample:
        for page in sorted(test):
            pixels, first = _pixels(clean, page), page == min(test)
            recipes.write_csv(pixels, answers, header=first)
            recipes.write_csv(recipes.sample_of(pixels, "id", {"value": 1}), sample, header=first)


def _pixels(clean: Path, page: str) -> pd.DataFrame:
    """The grey values of a clean page, row by row; 0 is black, 1 is white."""
    with archives.opened_member(clean, f"train_cleaned/{page}") as file, Image.open(file) as image:
        grey = np.asarray(image.convert("L"))
    height, width = grey.shape
    rows, columns = (
        pd.Series(numbers.ravel(), dtype="str")
        for numbers in np.broadcast_arrays(np.arange(1, height + 1)[:, None], np.arange(1, width + 1))
    )
    return pd.DataFrame({"id": f"{Path(page).stem}_" + rows + "_" + columns, "value": grey.ravel() / WHITE})
