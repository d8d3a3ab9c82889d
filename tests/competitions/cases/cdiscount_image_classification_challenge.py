import struct

import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

N = 142
IDS = [(n * 7919) % 1009 for n in range(N)]  # not in rising order
CATEGORIES = [1000010653 if n % 4 else 1000004141 + n for n in range(N)]
TRAIN, TEST = split_positions(N, 15)  # ceil(14.2)
NEW_TRAIN, NEW_TEST = sorted(TRAIN), sorted(TEST)  # the order of the raw file
BY_ID = sorted((IDS[n], CATEGORIES[n]) for n in TEST)
HEADER = ["_id", "category_id"]
NAMES = "category_id,category_level1,category_level2,category_level3\r\n1000010653,TELEPHONIE,ACCESSOIRES,COQUE\r\n"


def _bson(*elements: tuple[int, str, bytes]) -> bytes:
    """A document: its length, elements of a type, a name and a content, and a zero. See bsonspec.org."""
    content = b"".join(bytes([kind]) + name.encode() + b"\0" + value for kind, name, value in elements)
    return struct.pack("<i", len(content) + 5) + content + b"\0"


def _product(n: int, *, test: bool = False) -> bytes:
    pictures = [f"JPEG {n} {k}".encode() * 20 for k in range(1 + n % 4)]
    images = [
        (3, str(k), _bson((5, "picture", struct.pack("<iB", len(picture), 0) + picture)))
        for k, picture in enumerate(pictures)
    ]
    category = (16, "category_id", struct.pack("<i", CATEGORIES[n]))
    # Ids of 32 bits and of 64 bits.
    number = (18, "_id", struct.pack("<q", IDS[n])) if n % 5 == 0 else (16, "_id", struct.pack("<i", IDS[n]))
    return _bson(number, (4, "imgs", _bson(*images)), *([] if test else [category]))


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(category_id=[7, 1000010653, *perfect["category_id"].iloc[2:-1], -1])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return float(np.mean([a == b for a, b in zip(answers["category_id"], submission["category_id"], strict=True)]))


CASES = [
    Case(
        id="cdiscount-image-classification-challenge",
        raw={"train.bson": b"".join(_product(n) for n in range(N)), "category_names.csv": NAMES, "test.bson": b""},
        prepared={
            "public/train.bson": b"".join(_product(n) for n in NEW_TRAIN),
            "public/train_example.bson": b"".join(_product(n) for n in NEW_TRAIN[:100]),
            "public/test.bson": b"".join(_product(n, test=True) for n in NEW_TEST),
            "public/category_names.csv": NAMES,
            "public/sample_submission.csv": csv_text(HEADER, [[number, 1000010653] for number, _ in BY_ID]),
            "private/answers.csv": csv_text(HEADER, BY_ID),
        },
        noise=_noise,  # with categories that do not exist
        score=_score,
        best=1.0,
        valid={
            "whole numbers as floats": lambda table: table.astype(float),
        },
    )
]
