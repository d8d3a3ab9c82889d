"""Pressed plants of North America: a fifth of each taxon becomes the test set. All photos are named anew."""

from pathlib import Path
from typing import Any

from tasks import recipes
from tasks.families import herbarium

SAMPLE = 42


def prepare(raw: Path, public: Path, private: Path) -> None:
    metadata = herbarium.read_metadata(raw / "train_metadata.json", image_id="image_id")
    annotations, images = metadata["annotations"], metadata["images"]
    train: dict[int, tuple[str, str]] = {}  # sheet -> the new id and file name of its photo
    drawn: list[int] = []
    for category, sheets in herbarium.sheets_by_category(metadata).items():
        recipes.require(len(sheets) > 1, f"category {category} has one photo, expected two or more to split")
        of_train, of_test = recipes.split(sheets, test_size=0.2)
        for number, sheet in enumerate(of_train, start=1):
            new = f"{category:05}__{number:03}"
            train[sheet] = (new, f"{category // 100:03}/{category % 100:02}/{new}.jpg")
        drawn += of_test
    test = {
        sheet: (str(number), f"{number // 1000:03}/test-{number:06}.jpg")
        for number, sheet in enumerate(herbarium.in_drawn_order(drawn))
    }
    for part, sheet_names in (("train", train), ("test", test)):
        names = {images[sheet]["file_name"]: name for sheet, (_, name) in sheet_names.items()}
        recipes.copy_files(raw / "train_images", public / f"{part}_images", names)
    renamed = [{**annotations[sheet], "image_id": new} for sheet, (new, _) in train.items()]
    new_metadata = {**metadata, "annotations": renamed, "images": _renamed(images, train)}
    herbarium.write_metadata(new_metadata, public / "train_metadata.json")
    herbarium.write_metadata(_renamed(images, test), public / "test_metadata.json")
    herbarium.write_answers([annotations[sheet]["category_id"] for sheet in test], public, private, sample=SAMPLE)


def _renamed(images: list[dict[str, Any]], names: dict[int, tuple[str, str]]) -> list[dict[str, Any]]:
    return [{**images[sheet], "image_id": new, "file_name": name} for sheet, (new, name) in names.items()]
