"""Seismic images and where in them is salt: a quarter of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

from tasks import recipes

IMAGES, MASKS = "train/images", "train/masks"


def prepare(raw: Path, public: Path, private: Path) -> None:
    source, folder = raw / "competition_data.zip", "competition_data"
    images = recipes.read_csv(source, member=f"{folder}/train.csv", dtype="str")
    recipes.require_columns(images, ["id", "rle_mask"], "train.csv")
    for name in (IMAGES, MASKS):
        found = recipes.names_in(source, f"{folder}/{name}", suffix=".png")
        recipes.require_equal(found, sorted(images["id"] + ".png"), f"the images in {name} of {source.name}")
    train, test = (part.sort_values("id") for part in recipes.split(images, test_size=0.25))
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, "id", {"rle_mask": "1 1"}), public / "sample_submission.csv")
    depths = recipes.read_csv(raw / "depths.csv")
    recipes.write_csv(depths[depths["id"].isin(train["id"])].sort_values("id"), public / "depths.csv")
    mapping = {
        f"{folder}/{name}/{image}.png": f"{name}/{image}.png" for image in train["id"] for name in (IMAGES, MASKS)
    }
    mapping |= {f"{folder}/{IMAGES}/{image}.png": f"test/images/{image}.png" for image in test["id"]}
    recipes.copy_files(source, public, mapping)
