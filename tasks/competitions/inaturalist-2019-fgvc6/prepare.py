"""Photos of plants and animals: some of each species of Kaggle's training set become the test set."""

import random
import tarfile
import tempfile
from collections import defaultdict
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pandas as pd

from tasks import archives, recipes
from tasks.archives import MODIFIED_SECS
from tasks.recipes.packing import READABLE

FOLDER = "train_val2019/"
KEYS = ["info", "images", "categories", "annotations", "licenses"]
RECORDS = {"images": ["id", "file_name"], "annotations": ["image_id", "category_id"]}
SAMPLE = 654  # the species that Kaggle's sample was seeded to give
Pair = tuple[dict[str, Any], dict[str, Any]]  # an annotation and its image


def prepare(raw: Path, public: Path, private: Path) -> None:
    source = recipes.read_records(raw / "train2019.json", keys=KEYS, records=RECORDS)
    train, test = _split(source)
    random.Random(0).shuffle(test)  # noqa: S311 - the reference's order, not a secret
    train_names = {image["file_name"]: image["file_name"].removeprefix(FOLDER) for _, image in train}
    test_names = {image["file_name"]: PurePosixPath(image["file_name"]).name for _, image in test}
    _write_tars(raw / "train_val2019.tar.gz", public, train_names, test_names)

    parts = {"annotations": [annotation for annotation, _ in train], "images": [image for _, image in train]}
    recipes.write_json({**source, **parts}, public / "train2019.json", indent=4, sort_keys=True)
    images = [{**image, "file_name": f"test2019/{test_names[image['file_name']]}"} for _, image in test]
    listed = {"images": images, "info": source["info"], "licenses": source["licenses"]}
    recipes.write_json(listed, public / "test2019.json", indent=4, sort_keys=True)
    recipes.copy_files(raw, public, ["val2019.json"])
    rows = [(image["id"], annotation["category_id"]) for annotation, image in test]
    answers = pd.DataFrame(rows, columns=["id", "predicted"])
    recipes.write_csv(answers, private / "answers.csv")
    recipes.write_csv(answers.assign(predicted=SAMPLE), public / "kaggle_sample_submission.csv")


def _split(source: dict[str, Any]) -> tuple[list[Pair], list[Pair]]:
    """Split each species alone; species come in the order of their first photos."""
    recipes.require_equal(len(source["annotations"]), len(source["images"]), "annotations in train2019.json")
    species: defaultdict[int, list[Pair]] = defaultdict(list)
    for annotation, image in zip(source["annotations"], source["images"], strict=True):
        recipes.require_equal(annotation["image_id"], image["id"], "image of an annotation in train2019.json")
        species[annotation["category_id"]].append((annotation, image))
    train: list[Pair] = []
    test: list[Pair] = []
    for pairs in species.values():
        if len(pairs) >= 5:
            first, second = recipes.split(pairs, test_size=0.12)
        else:
            first, second = (pairs, []) if len(pairs) == 1 else (pairs[:-1], pairs[-1:])
        train += first
        test += second
    return train, test


def _write_tars(source: Path, public: Path, train: dict[str, str], test: dict[str, str]) -> None:
    """Sort the photos into two archives in one pass: plain tars, as in the reference, whatever their names say.

    The test photos are put aside and packed by their names: the source has them species by species.
    """
    recipes.require(len(set(test.values())) == len(test), "two test photos have the same name")
    with (
        tempfile.TemporaryDirectory(dir=public, prefix=".aside-") as aside,
        tarfile.open(public / "train_val2019.tar.gz", "x:") as new_train,
    ):

        def sort(name: str, content: IO[bytes]) -> None:
            if name in test:
                archives.write_stream(content, Path(aside) / test[name])
                return
            photo = content.read()
            entry = tarfile.TarInfo(train[name])
            entry.size, entry.mtime, entry.mode = len(photo), MODIFIED_SECS, READABLE
            new_train.addfile(entry, BytesIO(photo))

        archives.read_members(source, {*train, *test}, sort)
        recipes.write_tar(public / "test2019.tar.gz", Path(aside), test.values())
