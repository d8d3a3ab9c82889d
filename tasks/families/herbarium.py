"""The herbarium challenges: photos of pressed plants in files that tell their species, COCO style.

A metadata file has the lists `annotations` and `images`, which belong together place by place: a place is called a
sheet here. 2020 and 2021 have the same preparer; 2022 differs in names and in the rule of the split.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from core.errors import DataError
from tasks import recipes

Metadata = dict[str, Any]
SPLIT_FROM = 5  # sheets of a species; of fewer the last is test, but the only one is train


def prepare(raw: Path, public: Path, private: Path, *, folder: str, encoding: str) -> None:
    """Hold out a fifth of each species, at least one sheet where there are two, and number the test sheets anew.

    Args:
        folder: below which Kaggle's files lie, "." for none.
        encoding: of the metadata.
    """
    metadata = read_metadata(raw / folder / "train" / "metadata.json", encoding=encoding, image_id="id")
    annotations, images = metadata["annotations"], metadata["images"]
    train: list[int] = []
    test: list[int] = []
    for sheets in sheets_by_category(metadata).values():
        if len(sheets) >= SPLIT_FROM:
            of_train, of_test = recipes.split(sheets, test_size=0.2)
        else:
            cut = max(len(sheets) - 1, 1)
            of_train, of_test = sheets[:cut], sheets[cut:]
        train += of_train
        test += of_test
    test = in_drawn_order(test)
    new_names = [f"images/{number // 1000:03}/{number}.jpg" for number in range(len(test))]

    source, target = raw / folder / "train", public / folder
    recipes.copy_files(source, target / "train", [images[sheet]["file_name"] for sheet in train])
    in_test = [images[sheet]["file_name"] for sheet in test]
    recipes.copy_files(source, target / "test", dict(zip(in_test, new_names, strict=True)))
    kept = {"annotations": [annotations[sheet] for sheet in train], "images": [images[sheet] for sheet in train]}
    write_metadata({**metadata, **kept}, target / "train" / "metadata.json")
    renamed = [
        {**images[sheet], "id": str(number), "file_name": name}
        for number, (sheet, name) in enumerate(zip(test, new_names, strict=True))
    ]
    others = {key: metadata[key] for key in ("info", "licenses")}
    write_metadata({"images": renamed, **others}, target / "test" / "metadata.json")
    write_answers([annotations[sheet]["category_id"] for sheet in test], public, private, sample=0)


def read_metadata(path: Path, *, encoding: str = "utf-8", image_id: str) -> Metadata:
    """Read a metadata file.

    Args:
        image_id: the field of an image that an annotation calls image_id.

    Raises:
        DataError: it is missing or no such file, annotations and images do not belong together, or two images are
            one file.
    """
    try:
        metadata: Metadata = json.loads(path.read_text(encoding=encoding))
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except ValueError as error:
        raise DataError(f"{path} is no JSON as expected: {error}") from error
    annotations, images = metadata["annotations"], metadata["images"]
    aligned = len(annotations) == len(images) and all(
        annotation["image_id"] == image[image_id] for annotation, image in zip(annotations, images, strict=True)
    )
    recipes.require(aligned, f"{path.name}: the annotations and the images are not in the same order")
    recipes.require(len({image["file_name"] for image in images}) == len(images), f"{path.name} names a file twice")
    return metadata


def sheets_by_category(metadata: Metadata) -> dict[int, list[int]]:
    """The sheets of each category, categories in the order of their first sheet."""
    sheets: dict[int, list[int]] = {}
    for sheet, annotation in enumerate(metadata["annotations"]):
        sheets.setdefault(annotation["category_id"], []).append(sheet)
    return sheets


def in_drawn_order(sheets: Sequence[int]) -> list[int]:
    """The sheets in an order that tells nothing of their categories: Python's shuffle with the seed 0."""
    drawn = list(sheets)
    Random(0).shuffle(drawn)  # noqa: S311 - nothing secret is drawn
    return drawn


def write_metadata(value: Any, path: Path) -> None:
    """Write metadata as the challenges' files are: indented, keys sorted."""
    recipes.write_json(value, path, indent=4, sort_keys=True)


def write_answers(categories: Sequence[int], public: Path, private: Path, *, sample: int) -> None:
    """Write answers and sample submission of the test sheets 0, 1, 2, ...; `sample` is predicted for each."""
    answers = pd.DataFrame({"Id": range(len(categories)), "Predicted": categories})
    recipes.write_csv(answers, private / "answers.csv")
    recipes.write_csv(recipes.sample_of(answers, "Id", {"Predicted": sample}), public / "sample_submission.csv")
