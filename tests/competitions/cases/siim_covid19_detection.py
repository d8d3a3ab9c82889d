import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from tests.competitions.case import Case, Change, csv_text, split_positions

STUDY = ["id", "Negative for Pneumonia", "Typical Appearance", "Indeterminate Appearance", "Atypical Appearance"]
IMAGE = ["id", "boxes", "label", "StudyInstanceUID"]
HEADER = ["id", "PredictionString"]
NAMES = ["negative", "typical", "indeterminate", "atypical"]
COUNT = 71
TRAIN, TEST = split_positions(COUNT, 8)  # ceil(7.1)
STUDIES = [f"{n * 7919 % 4096:03x}b" for n in range(COUNT)]
TRAIN, TEST = (sorted(part, key=lambda n: STUDIES[n]) for part in (TRAIN, TEST))
BOXES = ["opacity 1 10 20 30.5 60 opacity 1 100 20 140 60", "none 1 0 0 1 1", "opacity 1 5 5 9 9"]


def _class(n: int) -> int:
    return TEST.index(n) % 4 if n in TEST else n % 4


def _study(n: int) -> list[object]:
    """One study has two classes, of which the first counts, and one has none, which makes it negative."""
    ones = [int(_class(n) == place) for place in range(4)]
    if n == TEST[1]:
        ones[3] = 1
    return [f"{STUDIES[n]}_study", *([0] * 4 if n == TEST[4] else ones)]


def _images(n: int) -> list[list[object]]:
    """One or two images a study."""
    names = [f"{(n * 31 + 7 * k) % 4096:03x}{n:02}{k}_image" for k in range(1 + n % 2)]
    rows: list[list[object]] = []
    for k, name in enumerate(names):
        label = BOXES[(n + k) % 3]
        boxes = "" if label.startswith("none") else "[{'x': 10.0, 'y': 20.0}, {'x': 5, 'y': 5}]"
        rows.append([name, boxes, label, STUDIES[n]])
    return rows


def _sorted_images(part: list[int]) -> list[list[object]]:
    return sorted((row for n in part for row in _images(n)), key=lambda row: str(row[0]))


def _files(part: list[int]) -> dict[str, str]:
    return {
        f"{row[3]}/{row[3]}s/{str(row[0]).removesuffix('_image')}.dcm": f"picture {row[0]}"
        for n in part
        for row in _images(n)
    }


ANSWERS: list[list[object]] = [[f"{STUDIES[n]}_study", f"{NAMES[_class(n)]} 1 0 0 1 1"] for n in TEST]
ANSWERS += [[row[0], row[2]] for row in _sorted_images(TEST)]
GUESSES = {
    # The best box first, a second on the same object, one shifted so that it is below a half, one of another class.
    BOXES[0]: "opacity 0.5 11 20 31 60 opacity 0.9 10 22 30 60  opacity 0.8 125 20 160 60 none 0.1 0 0 1 1",
    BOXES[1]: "opacity 0.5 0 0 1 1\tnone 0.7 0 0 1 1",
    BOXES[2]: "opacity -0.5 5 5 9 9 opacity 0.3 5 5 9 7 bird 0.2 9 9 9 9 opacity 0.6 9 9 5 5",
    "negative 1 0 0 1 1": " ",
}


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    guesses = perfect["PredictionString"].map(lambda text: GUESSES.get(text, f"typical 0.4 0 0 1 1 {text}"))
    return perfect.assign(PredictionString=guesses)


def _parse(text: str, label: str) -> list[list[float]]:
    tokens = text.split()
    groups = [tokens[place : place + 6] for place in range(0, len(tokens), 6)]
    return [[float(token) for token in group[1:]] for group in groups if group[0] == label]


def _iou(a: list[float], b: list[float]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    scores = []
    for label in (*NAMES, "opacity", "none"):
        truths, confidences = [], []
        for true, guess in zip(answers["PredictionString"], submission["PredictionString"], strict=True):
            boxes = [box[1:] for box in _parse(true, label)]
            found = sorted(_parse(guess, label), key=lambda box: -box[0])
            if not boxes and not found:
                truths.append(0)
                confidences.append(0.0)
            for confidence, *corners in found:
                overlaps = [_iou(box, corners) for box in boxes]
                right = max(overlaps, default=0) > 0.5
                if right:
                    del boxes[overlaps.index(max(overlaps))]
                truths.append(int(right))
                confidences.append(confidence)
            truths += [1] * len(boxes)
            confidences += [0.0] * len(boxes)
        scores.append(average_precision_score(truths, confidences))
    return float(np.mean(scores))


def _first(cell: str) -> Change:
    return lambda table: table.assign(PredictionString=[cell, *table["PredictionString"][1:]])


CASES = [
    Case(
        id="siim-covid19-detection",
        raw={
            "train_study_level.csv": csv_text(STUDY, [_study(n) for n in range(COUNT)]),
            "train_image_level.csv": csv_text(IMAGE, [row for n in range(COUNT) for row in _images(n)]),
            "test/kk/kk/kk.dcm": "not used",
            "sample_submission.csv": "not used",
            **{f"train/{name}": text for name, text in _files(list(range(COUNT))).items()},
        },
        prepared={
            "public/train_study_level.csv": csv_text(STUDY, [_study(n) for n in TRAIN]),
            "public/train_image_level.csv": csv_text(IMAGE, _sorted_images(TRAIN)),
            "public/sample_submission.csv": csv_text(
                HEADER,
                [
                    [row[0], f"{'negative' if place < len(TEST) else 'none'} 1 0 0 1 1"]
                    for place, row in enumerate(ANSWERS)
                ],
            ),
            "private/test.csv": csv_text(HEADER, ANSWERS),
            **{f"public/train/{name}": text for name, text in _files(TRAIN).items()},
            **{f"public/test/{name}": text for name, text in _files(TEST).items()},
        },
        noise=_noise,
        score=_score,
        best=1.0,
        invalid={
            f"cell {cell!r}": _first(cell)
            for cell in ("NA", "negative", "negative 1 0 0 1", "negative x 0 0 1 1", "negative nan 0 0 1 1")
        },
    )
]
