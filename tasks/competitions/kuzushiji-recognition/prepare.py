"""Pages of old books and the characters on them: a tenth of Kaggle's labelled pages becomes the test set."""

from pathlib import Path

import pandas as pd

from core.errors import DataError
from tasks import recipes

BOX_TOKENS = 5  # codepoint, x, y, width, height


def prepare(raw: Path, public: Path, private: Path) -> None:
    pages = recipes.read_csv(raw / "train.csv", dtype={"image_id": "str", "labels": "str"})
    recipes.require_columns(pages, ["image_id", "labels"], "train.csv")
    recipes.require(pages["image_id"].is_unique, "train.csv names a page twice")
    train, test = recipes.split(pages, test_size=0.1)
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "test.csv")
    points = [_points(name, labels) for name, labels in zip(test["image_id"], test["labels"], strict=True)]
    recipes.write_csv(test.assign(labels=points), private / "gold_submission.csv")
    sample = recipes.sample_of(test, "image_id", {"labels": "U+003F 1 1 U+FF2F 2 2"})
    recipes.write_csv(sample, public / "sample_submission.csv")
    recipes.copy_files(raw, public, ["unicode_translation.csv"])
    for part, rows in (("train", train), ("test", test)):
        # The photos are compressed already.
        names = [f"{name}.jpg" for name in rows["image_id"]]
        recipes.write_zip(public / f"{part}_images.zip", raw / "train_images.zip", names, stored=True)


def _points(page: str, labels: str) -> str:
    """A point inside each box, one pixel from its corner, as in a submission."""
    tokens = [] if pd.isna(labels) else labels.split()
    recipes.require(tokens and len(tokens) % BOX_TOKENS == 0, f"page {page} has no boxes of {BOX_TOKENS} parts")
    try:
        corners = zip(tokens[::BOX_TOKENS], tokens[1::BOX_TOKENS], tokens[2::BOX_TOKENS], strict=True)
        return " ".join(f"{code} {int(x) + 1} {int(y) + 1}" for code, x, y in corners)
    except ValueError as error:
        raise DataError(f"page {page} has a box at no whole number: {error}") from error
