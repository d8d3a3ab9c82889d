"""Underwater recordings of four days: the later two become the test set. Clips are numbered anew in each part."""

import re
from pathlib import Path

import pandas as pd

from tasks import recipes

ID, TARGET = "clip", "probability"


def prepare(raw: Path, public: Path, private: Path) -> None:
    clips = recipes.names_in(raw / "train2.zip", "train2")
    days = sorted({_day(name) for name in clips})
    recipes.require_equal(len(days), 4, "number of days in train2.zip")
    train = [name for name in clips if _day(name) in days[:2]]
    test = [name for name in clips if _day(name) in days[2:]]
    # 20090328_000000_002s3ms_TRAIN0_0.aif: a test clip loses the label at the end.
    new_train = [re.sub(r"TRAIN\d+", f"TRAIN{number}", name) for number, name in enumerate(train)]
    new_test = [f"{name.partition('TRAIN')[0]}Test{number}.aif" for number, name in enumerate(test)]
    _write_zip(raw, public / "train2.zip", dict(zip(train, new_train, strict=True)))
    _write_zip(raw, public / "test2.zip", dict(zip(test, new_test, strict=True)))
    answers = pd.DataFrame({ID: new_test, TARGET: [int(Path(name).stem.endswith("_1")) for name in test]})
    recipes.write_csv(answers, private / "test.csv")
    recipes.write_csv(recipes.sample_of(answers, ID, {TARGET: 0}), public / "sampleSubmission.csv")


def _day(name: str) -> str:
    return name.partition("_")[0]


def _write_zip(raw: Path, path: Path, names: dict[str, str]) -> None:
    members = {f"train2/{old}": f"{path.stem}/{new}" for old, new in names.items()}
    recipes.write_zip(path, raw / "train2.zip", members, folders=[f"{path.stem}/"])
