"""Recordings of gestures: the fourth part of Kaggle's training recordings becomes the test set."""

import random
from pathlib import Path

import pandas as pd

from tasks import recipes

PARTS = [f"training{number}.tar.gz" for number in (1, 2, 3)] + [f"validation{number}.tar.gz" for number in (1, 2, 3)]
FURTHER = ["devel01-40.7z", "valid_all_files_combined.7z", "sample_code_mmrgc.zip"]
GESTURES = 20
ID_DIGITS = 4


def prepare(raw: Path, public: Path, private: Path) -> None:
    members = recipes.names_in(raw / "training4.tar.gz", suffix=".zip", recursive=True)
    stems = [name.removeprefix("./").removesuffix(".zip") for name in members]
    ids = sorted(stem[-ID_DIGITS:] for stem in stems if "/" not in stem)
    gestures = recipes.read_csv(raw / "training.csv", dtype={"Id": "str", "Sequence": "str"})
    recipes.require_columns(gestures, ["Id", "Sequence"], "training.csv")
    is_test = gestures["Id"].isin(ids)
    recipes.require(ids, "training4.tar.gz holds no recordings")
    recipes.require_equal(is_test.sum(), len(ids), "recordings of training4.tar.gz in training.csv")
    recipes.write_csv(gestures[~is_test], public / "training.csv")
    recipes.write_csv(gestures[is_test], private / "test.csv")
    recipes.write_csv(pd.DataFrame({"Id": ids}), public / "test.csv")
    recipes.write_csv(pd.DataFrame({"Id": ids, "Sequence": _drawn(len(ids))}), public / "randomPredictions.csv")
    recipes.copy_files(raw, public, {"training4.tar.gz": "test.tar.gz", **{name: name for name in PARTS + FURTHER}})


def _drawn(rows: int) -> list[str]:
    """All gestures in a drawn order, a row each."""
    drawing = random.Random(0)  # noqa: S311 - the reference's draw, not a secret
    return [" ".join(map(str, drawing.sample(range(1, GESTURES + 1), GESTURES))) for _ in range(rows)]
