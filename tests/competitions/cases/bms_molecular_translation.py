from itertools import pairwise

import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["image_id", "InChI"]
N = 41
TRAIN, TEST = split_positions(N, 9)  # ceil(8.2)
WATER = "InChI=1S/H2O/h1H2"


def _name(n: int) -> str:
    """Some look like a number, some like one with an exponent."""
    return ["{:012}", "{:010}e1", "{:x}b1a64c74fff"][n % 3].format(n)[-12:]


ROWS = [[_name(n), f"InChI=1S/C{n}H6/c1-2{',3' * (n % 3)}/h1-6H"] for n in range(N)]


def _path(n: int) -> str:
    name = _name(n)
    return f"{name[0]}/{name[1]}/{name[2]}/{name}.png"


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    cuts = random.integers(3, 12, len(perfect))
    texts = [text[cut:] + "é" for text, cut in zip(perfect["InChI"], cuts, strict=True)]
    return perfect.assign(InChI=["", "NA", " nan", *texts[3:]])


def _distance(first: str, second: str) -> int:
    """By the table of Wagner and Fischer, row after row."""
    row = list(range(len(second) + 1))
    for place, character in enumerate(first, start=1):
        following = [place]
        for (diagonal, above), other in zip(pairwise(row), second, strict=True):
            following.append(min(above + 1, following[-1] + 1, diagonal + (character != other)))
        row = following
    return row[-1]


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    texts = ["nan", "nan", " nan", *submission["InChI"][3:]]  # missing texts are the text nan
    return float(np.mean([_distance(true, guess) for true, guess in zip(answers["InChI"], texts, strict=True)]))


CASES = [
    Case(
        id="bms-molecular-translation",
        raw={
            "train_labels.csv": csv_text(HEADER, ROWS),
            "extra_approved_InChIs.csv": "InChI\r\nInChI=1S/CH4/h1H4\r\n",
            "sample_submission.csv": "not used",
            "test/0/0/0/000000000000.png": "a picture without a label",
            **{f"train/{_path(n)}": f"picture {n}" for n in range(N)},
        },
        prepared={
            "public/train_labels.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
            "public/sample_submission.csv": csv_text(HEADER, [[_name(n), WATER] for n in TEST]),
            "public/extra_approved_InChIs.csv": "InChI\r\nInChI=1S/CH4/h1H4\r\n",
            **{f"public/train/{_path(n)}": f"picture {n}" for n in TRAIN},
            **{f"public/test/{_path(n)}": f"picture {n}" for n in TEST},
        },
        noise=_noise,
        score=_score,
        best=0.0,
        valid={"other words for a missing text": lambda table: table.replace({"InChI": {"": "null", "NA": "nan"}})},
    )
]
