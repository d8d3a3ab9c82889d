import io
import json
import random
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from tests.competitions.case import Case, Change, csv_text, split_positions

# Photos of five species, mixed: of 26, 1, 2, 4 and 5 photos.
SPECIES = [7] * 3 + [900] + [7] * 5 + [3, 12] + [7] * 18 + [12, 3, 12, 12, 55, 55, 55, 55, 55]
NAMES = [f"{n * 7919:032x}" for n in range(len(SPECIES))]
PATHS = [f"{'Plants' if species < 10 else 'Birds'}/{species}/{NAMES[n]}.jpg" for n, species in enumerate(SPECIES)]
IMAGES = [
    {"id": 500 + n, "width": 800, "height": 600, "license": 3, "rights_holder": "née X"} for n in range(len(SPECIES))
]
ANNOTATIONS = [{"id": n, "image_id": 500 + n, "category_id": species} for n, species in enumerate(SPECIES)]
FURTHER: dict[str, Any] = {
    "info": {"year": 2019},
    "licenses": [{"id": 3}],
    "categories": [{"id": species, "name": str(species)} for species in range(1010)],
}
VALIDATION = '{"images": [{"file_name": "train_val2019/Birds/3/0.jpg"}]}'


def _split() -> tuple[list[int], list[int]]:
    train, test = [], []
    for species in dict.fromkeys(SPECIES):
        photos = [n for n, other in enumerate(SPECIES) if other == species]
        rows = {26: 4, 5: 1, 4: 1, 2: 1, 1: 0}[len(photos)]  # ceil(0.12 n) from 5 on
        first, second = split_positions(len(photos), rows)
        if len(photos) < 5:
            first, second = list(range(len(photos) - rows)), list(range(len(photos) - rows, len(photos)))
        train += [photos[place] for place in first]
        test += [photos[place] for place in second]
    random.Random(0).shuffle(test)
    return train, test


TRAIN, TEST = _split()
TAR = "train_val2019.tar.gz"


def _images(positions: list[int], *, test: bool = False) -> list[dict[str, Any]]:
    names = {n: f"test2019/{NAMES[n]}.jpg" if test else f"train_val2019/{PATHS[n]}" for n in positions}
    return [{**IMAGES[n], "file_name": names[n]} for n in positions]


def _plain_tar(members: dict[str, str]) -> Callable[[Path], None]:
    def check(path: Path) -> None:
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes()), mode="r:") as tar:  # no compression
            entries = tar.getmembers()
            found = {entry.name: tar.extractfile(entry).read().decode() for entry in entries}  # type: ignore[union-attr]
        assert found == members and len(entries) == len(members)

    return check


def _json(value: Any) -> str:
    return json.dumps(value, indent=4, sort_keys=True)


def _first(cell: str) -> Change:
    return lambda table: table.assign(predicted=[cell, *table["predicted"].astype(str)[1:]])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    pairs = zip(answers["predicted"], submission["predicted"], strict=True)
    return sum(int(guess.split()[0]) != int(truth) for truth, guess in pairs) / len(answers)


ANSWERS = [[500 + n, SPECIES[n]] for n in TEST]
CASES = [
    Case(
        id="inaturalist-2019-fgvc6",
        raw={
            TAR: {
                **{f"train_val2019/{path}": f"photo {path}" for path in PATHS},
                "train_val2019/Birds/3/0.jpg": "a photo of the validation set",
            },
            "train2019.json": json.dumps(
                {**FURTHER, "images": _images([*range(len(SPECIES))]), "annotations": ANNOTATIONS}
            ),
            "val2019.json": VALIDATION,
            "test2019.tar.gz": {"test2019/0.jpg": "photo without a label"},
            "test2019.json": "{}",
            "kaggle_sample_submission.csv": "id,predicted\n",
        },
        prepared={
            "public/train_val2019.tar.gz": _plain_tar({PATHS[n]: f"photo {PATHS[n]}" for n in TRAIN}),
            "public/test2019.tar.gz": _plain_tar({f"{NAMES[n]}.jpg": f"photo {PATHS[n]}" for n in TEST}),
            "public/train2019.json": _json(
                {**FURTHER, "images": _images(TRAIN), "annotations": [ANNOTATIONS[n] for n in TRAIN]}
            ),
            "public/val2019.json": VALIDATION,
            "public/test2019.json": _json(
                {"images": _images(TEST, test=True), "info": FURTHER["info"], "licenses": FURTHER["licenses"]}
            ),
            "public/kaggle_sample_submission.csv": csv_text(["id", "predicted"], [[row[0], 654] for row in ANSWERS]),
            "private/answers.csv": csv_text(["id", "predicted"], ANSWERS),
        },
        # A number that is no category is wrong; of several, the first counts.
        noise=lambda perfect, _: perfect.assign(
            predicted=["-1", "5000", *(f" {guess} 1 x" for guess in perfect["predicted"][2:])]
        ),
        score=_score,
        best=0.0,
        valid={"ids as floats": lambda table: table.assign(id=table["id"].astype(float))},
        invalid={
            "a float": _first("12.0"),
            "floats": lambda table: table.assign(predicted=table["predicted"].astype(float)),
            "a word": _first("cat 7"),
            "a blank": _first(" "),
            "commas": _first("7,8"),
        },
    )
]
