"""Photos of hotel rooms: a tenth of Kaggle's labelled ones becomes the test set, without the folders of the chains."""

from pathlib import Path

from tasks import recipes

ID, TARGET = "image", "hotel_id"
LISTED_TWICE = "ce27d36c9147cc19.jpg"
SAMPLE = "36363 53586 18807 64314 60181"


def prepare(raw: Path, public: Path, private: Path) -> None:
    photos = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(photos, [ID, "chain", TARGET, "timestamp"], "train.csv")
    photos = photos[photos[ID] != LISTED_TWICE]
    recipes.require(photos[ID].is_unique, "train.csv has a photo twice")
    train, test = recipes.split(photos, test_size=0.1)
    in_train = [f"{chain}/{name}" for chain, name in zip(train["chain"], train[ID], strict=True)]
    in_test = {f"{chain}/{name}": str(name) for chain, name in zip(test["chain"], test[ID], strict=True)}
    recipes.copy_files(raw / "train_images", public / "train_images", in_train)
    recipes.copy_files(raw / "train_images", public / "test_images", in_test)
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, ID, {TARGET: SAMPLE}), public / "sample_submission.csv")
