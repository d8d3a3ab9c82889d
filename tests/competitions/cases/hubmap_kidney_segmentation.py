import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tests.competitions.case import Case, Change, csv_text, split_positions

IDS = [f"{n:x}f6ecfc{n:x}a" for n in range(15)]
WIDTHS, HEIGHTS = [7 + n for n in range(20)], [30 - n for n in range(20)]
MASKS = [f"2 3 {20 + n} 4 {40 + n} 5 100 1" for n in range(15)]
HEADER = ["image_file", "width_pixels", "height_pixels", "race", "bmi_kg/m^2", "age"]
# In an order of its own. A gap among the twenty makes all ages floats.
FILES = [f"{name}.tiff" for name in ["aa05346ff", *IDS[::-1], "b2dc8411c", "c68fe75ea", "d488c759a", "57512b7f1"]]
INFORMATION = [(FILES[n], WIDTHS[n], HEIGHTS[n], "W, or other", 24.5 + n, 40 + n if n else None) for n in range(20)]
SIZES = {row[0].removesuffix(".tiff"): (row[1], row[2]) for row in INFORMATION}
TRAIN, TEST = split_positions(15, 3)
SUFFIXES = [".tiff", ".json", "-anatomical-structure.json"]
SAMPLE = csv_text(["id", "predicted"], [[IDS[n], None] for n in TEST])


def _files(folder: str, ids: list[str]) -> dict[str, str]:
    return {f"{folder}/{name}{suffix}": f"{name} {suffix}" for name in ids for suffix in SUFFIXES}


def _mask(encoding: str, width: int, height: int) -> NDArray[np.bool_]:
    numbers = [int(token) for token in encoding.split()]
    mask = np.zeros(width * height, dtype=bool)
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        mask[start - 1 : start - 1 + length] = True
    return mask


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    scores = []
    columns = [answers[name].tolist() for name in ("encoding", "width_pixels", "height_pixels")]
    for true, width, height, guess in zip(*columns, submission["predicted"], strict=True):
        first, second = _mask(true, width, height), _mask(guess, width, height)
        scores.append(2 * (first & second).sum() / (first.sum() + second.sum()))
    return float(np.mean(scores))


def _cell(text: str) -> Change:
    return lambda table: table.assign(predicted=[text, *table["predicted"][1:]])


CASES = [
    Case(
        id="hubmap-kidney-segmentation",
        raw={
            "train.csv": csv_text(["id", "encoding"], zip(IDS, MASKS, strict=True)),
            "HuBMAP-20-dataset_information.csv": csv_text(HEADER, INFORMATION),
            **_files("train", IDS),
            "test/b2dc8411c.tiff": "an image without a mask",
            "sample_submission.csv": "id,predicted\n",
        },
        prepared={
            "public/train.csv": csv_text(["id", "encoding"], [[IDS[n], MASKS[n]] for n in TRAIN]),
            "public/HuBMAP-20-dataset_information.csv": csv_text(
                HEADER, [[*row[:5], float(row[5] or 0)] for row in INFORMATION if row[0].removesuffix(".tiff") in IDS]
            ),
            **_files("public/train", [IDS[n] for n in TRAIN]),
            **_files("public/test", [IDS[n] for n in TEST]),
            "public/sample_submission.csv": SAMPLE,
            "public/test/sample_submission.csv": SAMPLE,
            "private/gold_submission.csv": csv_text(["id", "predicted"], [[IDS[n], MASKS[n]] for n in TEST]),
            "private/test.csv": csv_text(
                ["id", "encoding", "width_pixels", "height_pixels"],
                [[IDS[n], MASKS[n], *SIZES[IDS[n]]] for n in TEST],
            ),
        },
        perfect=lambda answers: answers[["id"]].assign(predicted=answers["encoding"]),
        # Nothing, runs that touch, and a run past the last pixel.
        noise=lambda perfect, random: perfect.assign(predicted=["", "1 2 3 5 30 2", "3 19 100 9000"]),
        score=_score,
        best=1.0,
        valid={
            "a word for missing": lambda table: table.assign(predicted=table["predicted"].replace("", "NA")),
            "blanks for nothing": lambda table: table.assign(predicted=table["predicted"].replace("", "  ")),
            "a run behind the last pixel": lambda table: table.assign(
                predicted=[*table["predicted"][:2], f"{table['predicted'][2]} 20000 5"]
            ),
        },
        invalid={
            "falling starts": _cell("9 1 5 2"),
            "runs that overlap": _cell("5 3 7 1"),
            "equal starts": _cell("5 1 5 1"),
            "a start of 0": _cell("0 4"),
            "a length of 0": _cell("4 0"),
            "a negative length": _cell("4 -1"),
            "a fraction": _cell("4.0 2"),
            "a word": _cell("4 two"),
            "one number": _cell("4"),
            "three numbers": _cell("4 2 9"),
            "five numbers": _cell("4 2 9 1 20"),
            "nothing but numbers": lambda table: table.assign(predicted=range(1, 4)),
        },
    )
]
