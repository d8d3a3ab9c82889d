"""Photos of cassava leaves: a tenth of Kaggle's files of records become the test set, with the photos in them."""

from pathlib import Path

import pandas as pd

from tasks import recipes

ID, TARGET = "image_id", "label"
RECORDS = "train_tfrecords"
HEALTHY = 4


def prepare(raw: Path, public: Path, private: Path) -> None:
    photos = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(photos, [ID, TARGET], "train.csv")
    train_files, test_files = recipes.split(recipes.names_in(raw, RECORDS, suffix=".tfrec"), test_size=0.1)
    test_ids = {name for file in test_files for name in recipes.tfrecord_texts(raw / RECORDS / file, "image_name")}
    is_test = photos[ID].isin(test_ids)
    train, test = photos[~is_test], photos[is_test]
    _copy(raw, public, "train", train, train_files)
    _copy(raw, public, "test", test, test_files)
    recipes.copy_files(raw, public, ["label_num_to_disease_map.json"])
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, ID, {TARGET: HEALTHY}), public / "sample_submission.csv")


def _copy(raw: Path, public: Path, part: str, photos: pd.DataFrame, files: list[str]) -> None:
    """Put the photos and the files of records of one part in place; ld_train07-1338.tfrec holds 1,338 records."""
    recipes.copy_files(raw / "train_images", public / f"{part}_images", photos[ID])
    counts = [Path(file).stem.split("-")[1] for file in files]
    names = {old: f"ld_{part}{n:02d}-{count}.tfrec" for n, (old, count) in enumerate(zip(files, counts, strict=True))}
    recipes.copy_files(raw / RECORDS, public / f"{part}_tfrecords", names)
