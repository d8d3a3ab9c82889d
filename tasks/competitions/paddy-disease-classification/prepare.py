"""Photos of rice leaves: a quarter of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    photos = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(photos, ["image_id", "label", "variety", "age"], "train.csv")
    recipes.require(photos["image_id"].is_unique, "train.csv names a photo twice")
    train, test = recipes.split(photos, train_size=0.75)
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, "image_id", {"label": ""}), public / "sample_submission.csv")
    by_label = [f"{label}/{name}" for label, name in zip(train["label"], train["image_id"], strict=True)]
    recipes.copy_files(raw / "train_images", public / "train_images", by_label)
    flat = {f"{label}/{name}": name for label, name in zip(test["label"], test["image_id"], strict=True)}
    recipes.copy_files(raw / "train_images", public / "test_images", flat)
