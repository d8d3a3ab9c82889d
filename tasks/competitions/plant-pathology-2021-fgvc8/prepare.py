"""Photos of apple leaves and their diseases: a fifth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    photos = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(photos, ["image", "labels"], "train.csv")
    train, test = recipes.split(photos, test_size=0.2)
    recipes.require_disjoint(train["image"], test["image"], "photos")
    recipes.write_csv(test, private / "answers.csv")
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(recipes.sample_of(test, "image", {"labels": "healthy"}), public / "sample_submission.csv")
    for part, table in (("train_images", train), ("test_images", test)):
        recipes.copy_files(raw / "train_images", public / part, table["image"])
