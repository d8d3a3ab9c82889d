"""Photos of camera traps: some of Kaggle's labelled places become the test set, with all their photos."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks import recipes

TRAIN, TEST = "iwildcam2020_train_annotations.json", "iwildcam2020_test_information.json"
SHARE = 0.22
CATEGORIES = 676
Record = dict[str, Any]


def prepare(raw: Path, public: Path, private: Path) -> None:
    lists = {"images": ["id", "location"], "categories": [], "annotations": ["image_id", "category_id"]}
    source = recipes.read_records(raw / TRAIN, keys=[*lists, "info"], records=lists)
    unlabelled = recipes.read_records(raw / TEST, keys=["images", "categories", "info"], records={"categories": []})
    images, annotations = _records(source["images"]), _records(source["annotations"])
    places = _test_places([image["location"] for image in images])
    test_images = [image for image in images if image["location"] in places]
    train_images = [image for image in images if image["location"] not in places]
    test_ids = {image["id"] for image in test_images}
    test = [entry for entry in annotations if entry["image_id"] in test_ids]
    train = [entry for entry in annotations if entry["image_id"] not in test_ids]
    _require_one_label_each(images, annotations)

    rows = [(entry["image_id"], entry["category_id"]) for entry in test]
    answers = pd.DataFrame(rows, columns=["Id", "Category"])
    recipes.write_csv(answers, private / "answers.csv")
    drawn = np.random.RandomState(0).randint(0, CATEGORIES, size=len(test))
    recipes.write_csv(answers.assign(Category=drawn), public / "sample_submission.csv")
    labelled = {"annotations": train, "images": train_images, "categories": _records(source["categories"])}
    recipes.write_json({**labelled, "info": source["info"]}, public / TRAIN)
    listed = {"images": test_images, "categories": _records(unlabelled["categories"]), "info": unlabelled["info"]}
    recipes.write_json(listed, public / TEST)
    recipes.copy_files(raw, public, ["iwildcam2020_megadetector_results.json"])
    recipes.copy_files(raw / "train", public / "train", [f"{image['id']}.jpg" for image in train_images])
    recipes.copy_files(raw / "train", public / "test", [f"{image['id']}.jpg" for image in test_images])


def _records(entries: list[Record]) -> list[Record]:
    """The records as a table would give them back: all have all keys, NaN stands for what one lacks."""
    names = dict.fromkeys(name for entry in entries for name in entry)
    columns = {name: _column([entry.get(name, math.nan) for entry in entries]) for name in names}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _column(values: list[Any]) -> list[Any]:
    """Numbers with a gap or a fraction among them are floats, as in a column of a table."""
    kinds = {type(value) for value in values}
    if kinds <= {int, float, type(None)} and kinds & {int, float} and kinds != {int}:
        return [math.nan if value is None else float(value) for value in values]
    return values


def _test_places(locations: list[Any]) -> set[Any]:
    """Draw places; then move some, from the end of their lists, until the test photos have their share."""
    photos = Counter(locations)
    train, test = recipes.split(list(photos), test_size=SHARE)
    held = sum(photos[place] for place in test)
    # The reference takes the share of all photos and the test photos together.
    while held / (len(locations) + held) < SHARE:
        test.append(train.pop())
        held += photos[test[-1]]
    while held / (len(locations) + held) > SHARE:
        train.append(test.pop())
        held -= photos[train[-1]]
    return set(test)


def _require_one_label_each(images: list[Record], annotations: list[Record]) -> None:
    labelled = Counter(entry["image_id"] for entry in annotations)
    recipes.require(
        labelled == Counter(image["id"] for image in images) and set(labelled.values()) == {1},
        f"{TRAIN} does not hold one annotation for each image",
    )
