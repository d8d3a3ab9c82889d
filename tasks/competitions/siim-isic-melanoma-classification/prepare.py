"""Skin lesions: the pictures of two of Kaggle's sixteen files of labelled TFRecords become the test set."""

from pathlib import Path

from tasks import recipes

ID, TARGET = "image_name", "target"
KNOWN = [ID, "patient_id", "sex", "age_approx", "anatom_site_general_challenge"]  # of the test pictures
COLUMNS = [*KNOWN, "diagnosis", "benign_malignant", TARGET]
TEST_RECORDS = ["train00-2071.tfrec", "train06-2071.tfrec"]


def prepare(raw: Path, public: Path, private: Path) -> None:
    pictures = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(pictures, COLUMNS, "train.csv")
    recipes.require(pictures[ID].is_unique, "train.csv has a picture twice")
    in_test = {name for file in TEST_RECORDS for name in recipes.tfrecord_texts(raw / "tfrecords" / file, "image_name")}
    is_test = pictures[ID].isin(in_test)
    train, test = pictures[~is_test], pictures[is_test]
    for part, rows in (("train", train), ("test", test)):
        recipes.copy_files(raw / "train", public / part, [f"{name}.dcm" for name in rows[ID]])
        recipes.copy_files(raw / "jpeg" / "train", public / "jpeg" / part, [f"{name}.jpg" for name in rows[ID]])
    recipes.copy_files(raw / "tfrecords", public / "tfrecords", _new_records(raw / "tfrecords"))
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test[KNOWN], public / "test.csv")
    recipes.write_csv(test[[ID, TARGET]], private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, ID, {TARGET: 0}), public / "sample_submission.csv")


def _new_records(folder: Path) -> dict[str, str]:
    """The labelled record files by their new names, numbered anew in each part: trainNN-COUNT.tfrec."""
    labelled = [name for name in recipes.names_in(folder, suffix=".tfrec") if name.startswith("train")]
    parts = {"test": TEST_RECORDS, "train": [name for name in labelled if name not in TEST_RECORDS]}
    return {
        name: f"{part}{number:02}-{name.partition('-')[2]}"
        for part, names in parts.items()
        for number, name in enumerate(names)
    }
