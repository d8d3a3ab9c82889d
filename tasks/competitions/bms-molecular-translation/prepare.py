"""Pictures of molecules: a fifth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

from tasks import recipes

ID, TARGET = "image_id", "InChI"
WATER = "InChI=1S/H2O/h1H2"
EXTRA = "extra_approved_InChIs.csv"


def prepare(raw: Path, public: Path, private: Path) -> None:
    labels = recipes.read_csv(raw / "train_labels.csv", dtype="str")
    recipes.require_columns(labels, [ID, TARGET], "train_labels.csv")
    train, test = recipes.split(labels, test_size=0.2)
    for part, rows in (("train", train), ("test", test)):
        recipes.copy_files(raw / "train", public / part, [_path(name) for name in rows[ID]])
    recipes.write_csv(train, public / "train_labels.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, ID, {TARGET: WATER}), public / "sample_submission.csv")
    recipes.copy_files(raw, public, [EXTRA])


def _path(name: str) -> str:
    return f"{name[0]}/{name[1]}/{name[2]}/{name}.png"
