import math
import random

import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text

ID = "StudyInstanceUID"
TYPES = ["patient_overall", "C1", "C2", "C3", "C4", "C5", "C6", "C7"]
BOXES = [ID, "x", "y", "width", "height", "slice_number"]
N = 95


def _name(n: int) -> str:
    """Names of several lengths, in no order."""
    return f"1.2.826.0.1.3680043.{n * 7919 % 9973}"


def _labels(n: int) -> list[int]:
    vertebrae = np.random.RandomState(n).randint(0, 4, 7) == 0
    return [int(vertebrae.any()), *vertebrae.astype(int).tolist()]


ROWS: list[list[object]] = [[_name(n), *_labels(n)] for n in range(N)]
BOXED = [_name(n) for n in range(5, 60)]  # 55: a tenth rounds to 6
SEGMENTED = [_name(n) for n in range(35, 80)]  # 45, 25 of them boxed: tenths are 4 and 2, halves go to the even
BOX_ROWS = [[name, f"{20 + n / 4:.5f}", "30.0", 5, 6, n] for n in range(2) for name in reversed(BOXED)]


def _share(names: list[str]) -> int:
    return {25: 2, 45: 4, 55: 6, 95: 10}[len(names)]  # 9.5 goes to 10


def _draw() -> tuple[list[str], list[str], list[str], list[str]]:
    """The draw, step by step as it is specified."""
    draw = random.Random(0)
    both = sorted(name for name in BOXED if name in SEGMENTED)
    overlap = draw.sample(both, _share(both))
    segmented = draw.sample(sorted(name for name in SEGMENTED if name not in both), _share(SEGMENTED) - len(overlap))
    boxed = draw.sample(sorted(name for name in BOXED if name not in both), _share(BOXED) - len(overlap))
    special = [*overlap, *segmented, *boxed]
    rest = [_name(n) for n in range(N) if _name(n) not in special]
    return overlap, segmented, boxed, draw.sample(rest, 10 - len(special))


IN_BOTH, IN_SEGMENTED, IN_BOXED, IN_REST = _draw()
TRAIN = [n for n in range(N) if _name(n) in [*IN_BOTH, *IN_SEGMENTED, *IN_BOXED, *IN_REST]]
TEST = [n for n in range(N) if n not in TRAIN]
MELTED = [(n, place) for place in range(8) for n in TEST]


def _answer(n: int, place: int) -> list[object]:
    return [_name(n), TYPES[place], ROWS[n][1 + place], f"{_name(n)}_{TYPES[place]}"]


def _slices(folder: str, positions: list[int]) -> dict[str, str]:
    return {f"{folder}/{_name(n)}/{number}.dcm": f"{number} of {n}" for n in positions for number in (1, 2, 10)}


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    guesses = random.uniform(size=len(perfect)).round(3)
    guesses[:3] = 1 - perfect["fractured"][:3]  # as wrong as can be
    return perfect.assign(fractured=guesses)


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    losses, weights = dict.fromkeys(answers[ID], 0.0), dict.fromkeys(answers[ID], 0)
    for row_id, y, value in zip(answers["row_id"], answers["fractured"], submission["fractured"], strict=True):
        study, _, kind = row_id.partition("_")
        p = min(max(value, 1e-15), 1 - 1e-15)
        weight = {"patient_overall": (7, 14)}.get(kind, (1, 2))[y]
        losses[study] -= weight * math.log(p if y else 1 - p)
        weights[study] += weight
    return sum(losses[study] / weights[study] for study in losses) / len(losses)


CASES = [
    Case(
        id="rsna-2022-cervical-spine-fracture-detection",
        raw={
            "train.csv": csv_text([ID, *TYPES], ROWS),
            "train_bounding_boxes.csv": csv_text(BOXES, BOX_ROWS),
            "test.csv": "not used",
            "sample_submission.csv": "not used",
            "test_images/1.2.3/1.dcm": "not used",
            "train_images/1.2.3/1.dcm": "a study without labels",
            f"segmentations/{_name(90)}.nii.gz": "of another type",
            **{f"segmentations/{name}.nii": f"vertebrae of {name}" for name in SEGMENTED},
            **_slices("train_images", list(range(N))),
        },
        prepared={
            "public/train.csv": csv_text([ID, *TYPES], [ROWS[n] for n in TRAIN]),
            "public/train_bounding_boxes.csv": csv_text(
                BOXES, [[row[0], float(str(row[1])), *row[2:]] for row in BOX_ROWS if row[0] in [*IN_BOTH, *IN_BOXED]]
            ),
            "public/test.csv": csv_text(
                [ID, "prediction_type", "row_id"],
                [[_name(n), TYPES[place], f"{_name(n)}_{TYPES[place]}"] for n, place in MELTED],
            ),
            "public/sample_submission.csv": csv_text(
                ["row_id", "fractured"], [[f"{_name(n)}_{TYPES[place]}", 0.5] for n, place in MELTED]
            ),
            "private/answers.csv": csv_text(
                [ID, "prediction_type", "fractured", "row_id"], [_answer(n, place) for n, place in MELTED]
            ),
            **{f"public/segmentations/{name}.nii": f"vertebrae of {name}" for name in [*IN_BOTH, *IN_SEGMENTED]},
            **_slices("public/train_images", TRAIN),
            **_slices("public/test_images", TEST),
        },
        noise=_noise,
        score=_score,
        best=0.0,
    )
]
