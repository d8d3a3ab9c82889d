"""The three herbarium challenges: plants of one genus after another, of species with one to eleven photos."""

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from tests.competitions.case import Case, Content, csv_text, split_positions

CATEGORIES = {15_504: 6, 7: 11, 999: 5, 100: 4, 12_345: 3, 3: 2, 64_000: 1}  # and how many photos each has
HEADER = ["Id", "Predicted"]
Entry = dict[str, Any]


def _shuffled(categories: Mapping[int, int]) -> list[int]:
    """The category of each photo in the file's order, in which the categories are mixed."""
    photos = [category for category, count in categories.items() for _ in range(count)]
    return [photos[place] for place in np.random.RandomState(5).permutation(len(photos))]


def _parts(photos: list[int], rule: Callable[[int], tuple[list[int], list[int]]]) -> tuple[list[int], list[int]]:
    """Places of the train and of the test photos in their new order, from the rule for a category of n photos."""
    train: list[int] = []
    test: list[int] = []
    for category in dict.fromkeys(photos):
        places = [place for place, other in enumerate(photos) if other == category]
        of_train, of_test = rule(len(places))
        train += [places[n] for n in of_train]
        test += [places[n] for n in of_test]
    Random(0).shuffle(test)
    return train, test


def _json(value: Any) -> str:
    return json.dumps(value, indent=4, sort_keys=True)


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    guesses = random.permutation(perfect["Predicted"].to_numpy())
    guesses[0] = 77  # never true
    return perfect.assign(Predicted=np.where(random.uniform(size=len(perfect)) < 0.4, perfect["Predicted"], guesses))


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return float(f1_score(answers["Predicted"], submission["Predicted"], average="macro", zero_division=0))


def _case(competition_id: str, raw: Mapping[str, Content], prepared: Mapping[str, Content]) -> Case:
    return Case(
        id=competition_id,
        raw=raw,
        prepared=prepared,
        noise=_noise,
        score=_score,
        best=1.0,
        valid={
            "categories as floats": lambda table: table.assign(Predicted=table["Predicted"].astype(float)),
            "ids as floats": lambda table: table.assign(Id=table["Id"].astype(float)),
        },
        invalid={"ids from 1": lambda table: table.assign(Id=range(1, len(table) + 1))},
    )


def _rule_of_2020(n: int) -> tuple[list[int], list[int]]:
    if n >= 5:
        return split_positions(n, (n + 4) // 5)
    return (list(range(n - 1)), [n - 1]) if n >= 2 else ([0], [])


def _as_in_2020(competition_id: str, folder: str, *, encoding: str, place: str) -> Case:
    photos = _shuffled(CATEGORIES)
    train, test = _parts(photos, _rule_of_2020)
    annotations = [
        {"id": 900 + n, "image_id": 3 * n, "category_id": category, f"{place}_id": n % 4}
        for n, category in enumerate(photos)
    ]
    images = [
        {"id": 3 * n, "file_name": f"images/{category // 100:03}/{category % 100:02}/{3 * n}.jpg", "license": 1}
        for n, category in enumerate(photos)
    ]
    content = {
        "annotations": annotations,
        "images": images,
        "categories": [{"name": "Aïssa × é", "id": 7}],
        "info": {"year": 2020},
        "licenses": ["CC"],
        f"{place}s": [{"id": 0, "name": "Curaçao"}],
    }
    raw_json = json.dumps(content, ensure_ascii=False).encode()
    content = json.loads(raw_json.decode(encoding))  # for 2020 not the one it is written in
    new_train = {
        **content,
        "annotations": [annotations[n] for n in train],
        "images": [images[n] for n in train],
    }
    new_images: list[Entry] = [
        {**images[old], "id": str(new), "file_name": f"images/000/{new}.jpg"} for new, old in enumerate(test)
    ]
    new_test = {"images": new_images, "info": content["info"], "licenses": content["licenses"]}
    return _case(
        competition_id,
        raw={
            f"{folder}train/metadata.json": raw_json,
            f"{folder}test/metadata.json": "not used",
            "sample_submission.csv": "not used",
            **{f"{folder}train/{image['file_name']}": f"plant {n}" for n, image in enumerate(images)},
        },
        prepared={
            f"public/{folder}train/metadata.json": _json(new_train),
            f"public/{folder}test/metadata.json": _json(new_test),
            **{f"public/{folder}train/{images[n]['file_name']}": f"plant {n}" for n in train},
            **{f"public/{folder}test/images/000/{new}.jpg": f"plant {old}" for new, old in enumerate(test)},
            "public/sample_submission.csv": csv_text(HEADER, [(new, 0) for new in range(len(test))]),
            "private/answers.csv": csv_text(HEADER, [(new, photos[old]) for new, old in enumerate(test)]),
        },
    )


def _2022() -> Case:
    photos = _shuffled({category: count for category, count in CATEGORIES.items() if count > 1 and category < 15_505})
    train, test = _parts(photos, lambda n: split_positions(n, (n + 4) // 5))
    annotations = [
        {"genus_id": 2, "institution_id": n % 4, "category_id": category, "image_id": f"{category:05}__{n:03}"}
        for n, category in enumerate(photos)
    ]
    images = [
        {"license": 0, "file_name": f"{n % 3:03}/00/{n}.jpg", "image_id": entry["image_id"]}
        for n, entry in enumerate(annotations)
    ]
    others = {"categories": [{"category_id": 7, "species": "Aïssa"}], "distances": [{"genus_id_x": 1, "distance": 0.5}]}
    names: list[str] = []  # of the new train photos, numbered within each category
    for old in train:
        folder = f"{photos[old] // 100:03}/{photos[old] % 100:02}/{photos[old]:05}__"
        names.append(f"{folder}{1 + sum(name.startswith(folder) for name in names):03}")
    ids = [name.split("/")[-1] for name in names]
    new_train = {
        **others,
        "annotations": [{**annotations[old], "image_id": new} for old, new in zip(train, ids, strict=True)],
        "images": [
            {"license": 0, "file_name": f"{name}.jpg", "image_id": new} for name, new in zip(names, ids, strict=True)
        ],
    }
    new_test = [{"license": 0, "file_name": f"000/test-{new:06}.jpg", "image_id": str(new)} for new in range(len(test))]
    return _case(
        "herbarium-2022-fgvc9",
        raw={
            "train_metadata.json": json.dumps({"annotations": annotations, "images": images, **others}),
            "test_metadata.json": "not used",
            "sample_submission.csv": "not used",
            "test_images/000/test-000000.jpg": "not used",
            **{f"train_images/{image['file_name']}": f"plant {n}" for n, image in enumerate(images)},
        },
        prepared={
            "public/train_metadata.json": _json(new_train),
            "public/test_metadata.json": _json(new_test),
            **{f"public/train_images/{name}.jpg": f"plant {old}" for old, name in zip(train, names, strict=True)},
            **{f"public/test_images/000/test-{new:06}.jpg": f"plant {old}" for new, old in enumerate(test)},
            "public/sample_submission.csv": csv_text(HEADER, [(new, 42) for new in range(len(test))]),
            "private/answers.csv": csv_text(HEADER, [(new, photos[old]) for new, old in enumerate(test)]),
        },
    )


CASES = [
    _as_in_2020("herbarium-2020-fgvc7", "nybg2020/", encoding="latin-1", place="region"),
    _as_in_2020("herbarium-2021-fgvc8", "", encoding="utf-8", place="institution"),
    _2022(),
]
