import numpy as np
import pandas as pd

from tests.competitions.case import Case, Change, csv_text, split_positions

HEADER = ["image_id", "class_name", "class_id", "rad_id", "x_min", "y_min", "x_max", "y_max"]
ANSWER = ["image_id", "class_id", "class_name", "rad_id", "x_min", "y_min", "x_max", "y_max"]
SUBMISSION = ["image_id", "PredictionString"]
COUNT = 51
IMAGES = [f"{n * 7919 % 4096:03x}a" for n in range(COUNT)]  # by first appearance, not sorted
TRAIN, TEST = split_positions(COUNT, 6)  # ceil(5.1)
Row = tuple[str, str, int, str, float | None, float | None, float | None, float | None]


def _rows(n: int) -> list[Row]:
    """Two radiologists and two or three classes an image, of which one may be 10 (as a number behind 3); or none."""
    image, place = IMAGES[n], TEST.index(n) if n in TEST else n
    if place % 6 == 2:
        return [(image, "No finding", 14, "R9", None, None, None, None)]
    x, y = 100.0 + n, 700.5 - n
    return [
        (image, "Pleural effusion", 10, "R8", x, y, x + 300, y + 200),
        (image, "Cardiomegaly", 3, "R9", 2 * x, y, 2 * x + 100, y + 40),
        (image, "Cardiomegaly", 3, "R8", 2 * x + 9, y, 2 * x + 100, y + 40),
        (image, "Pleural effusion", 10, "R9", x, y + 1, x + 300, y + 200),
    ]


# Rows of an image are not together, and the first one has a box of a class that comes later by number.
ROWS = [row for turn in range(4) for n in range(COUNT) for row in _rows(n)[turn : turn + 1]]


def _answers(n: int) -> list[list[object]]:
    firsts = {row[2]: row for row in reversed(_rows(n))}
    return [
        [image, number, name, rad, *([0.0, 0.0, 1.0, 1.0] if number == 14 else corners)]
        for number, (image, name, _, rad, *corners) in sorted(firsts.items())
    ]


TEST_SORTED = sorted(TEST, key=lambda n: IMAGES[n])
GOLD = [
    [IMAGES[n], " ".join(f"{row[1]} 1.0 {row[4]} {row[5]} {row[6]} {row[7]}" for row in _answers(n))]
    for n in TEST_SORTED
]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """True boxes with other scores and corners, twice, among others; 120 of one class in one image."""
    texts = []
    for row, text in enumerate(perfect["PredictionString"]):
        # The first box of an image overlaps nothing, so that the order of rows makes no difference.
        tokens, boxes = text.split(), ["10 0.05 5000 5000 1 1"]
        for place in range(0, len(tokens), 6):
            number, corners = tokens[place], [float(token) for token in tokens[place + 2 : place + 6]]
            for _ in range(2):
                moved = [corner + random.choice([0, 30, 400]) for corner in corners]
                boxes.append(" ".join([number, f"{random.uniform():.1f}", *map(str, moved)]))
        boxes += ["3 0.2 90 90 1 1", "5 0.5 1 1 2 2", "3 0.9 800 1 2 7", "10.0 0.3 0 0 200000 200000"]
        if row == 1:
            boxes += ["10 0.99 3000 3000 3001 3001"] * 120
        texts.append(" ".join(boxes))
    return perfect.assign(PredictionString=texts)


def _objects(text: str) -> list[list[float]]:
    tokens = [float(token) for token in text.split(" ")]
    return [tokens[place : place + 6] for place in range(0, len(tokens), 6)]


def _iou(a: list[float], b: list[float]) -> float:
    """Of corners that are read as x, y, width, height."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared) if shared else 0.0


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    true = [_objects(text) for text in answers["PredictionString"]]
    found = [_objects(text) for text in submission["PredictionString"]]
    return float(np.mean([_class_score(true, found, number) for number in {row[0] for rows in true for row in rows}]))


def _class_score(true: list[list[list[float]]], found: list[list[list[float]]], number: float) -> float:
    judged: list[tuple[float, bool]] = []
    for image, (truths, guesses) in enumerate(zip(true, found, strict=True)):
        free = [place for place, truth in enumerate(truths) if truth[0] == number]
        best = sorted((guess for guess in guesses if int(guess[0]) == number), key=lambda guess: -guess[1])[:100]
        for _, score, *corners in best:
            hit = next((place for place in free if _iou(corners, truths[place][2:]) >= 0.4), None)
            area = (corners[2] - corners[0]) * (corners[3] - corners[1])
            right = hit is not None and (image, hit) != (0, 0)
            if hit is not None:
                free.remove(hit)
            if right or 0 <= area <= 1e10:
                judged.append((score, right))
    judged.sort(key=lambda pair: -pair[0])
    count = sum(truth[0] == number for truths in true for truth in truths)
    hits = np.cumsum([right for _, right in judged])
    points = [(hit / count, hit / (place + 1)) for place, hit in enumerate(hits)]
    levels = np.arange(101) / 100
    return float(np.mean([max((p for recall, p in points if recall >= level), default=0) for level in levels]))


def _first(cell: str) -> Change:
    return lambda table: table.assign(PredictionString=[cell, *table["PredictionString"][1:]])


CASES = [
    Case(
        id="vinbigdata-chest-xray-abnormalities-detection",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            "test/kk.dicom": "not used",
            "sample_submission.csv": "not used",
            **{f"train/{image}.dicom": f"image {image}" for image in IMAGES},
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [row for row in ROWS if IMAGES.index(row[0]) in TRAIN]),
            "public/sample_submission.csv": csv_text(SUBMISSION, [[IMAGES[n], "14 1 0 0 1 1"] for n in TEST]),
            "private/answers.csv": csv_text(ANSWER, [row for n in TEST_SORTED for row in _answers(n)]),
            "private/gold_submission.csv": csv_text(SUBMISSION, GOLD),
            **{f"public/train/{IMAGES[n]}.dicom": f"image {IMAGES[n]}" for n in TRAIN},
            **{f"public/test/{IMAGES[n]}.dicom": f"image {IMAGES[n]}" for n in TEST},
        },
        noise=_noise,
        score=_score,
        best=_score(*[pd.DataFrame(GOLD, columns=SUBMISSION)] * 2),
        invalid={
            f"cell {cell!r}": _first(cell)
            for cell in (
                *(" ", "NA", "14 1 0 0 1", "14  1 0 0 1 1", "14 1 0 0 1 1 ", "14 x 0 0 1 1", "14 nan 0 0 1 1"),
                "3.9 1 0 0 1 1",
            )
        },
    )
]
