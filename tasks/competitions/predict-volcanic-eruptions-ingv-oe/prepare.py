"""Seismic recordings of ten minutes: a tenth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

from tasks import recipes

ID, TARGET = "segment_id", "time_to_eruption"


def prepare(raw: Path, public: Path, private: Path) -> None:
    segments = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(segments, [ID, TARGET], "train.csv")
    recipes.require(segments[ID].is_unique, "train.csv has a segment twice")
    train, test = recipes.split(segments, test_size=0.1)
    for part, rows in (("train", train), ("test", test)):
        recipes.copy_files(raw / "train", public / part, [f"{name}.csv" for name in rows[ID]])
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, ID, {TARGET: 0}), public / "sample_submission.csv")
