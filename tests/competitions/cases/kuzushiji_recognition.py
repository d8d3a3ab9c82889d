import numpy as np
import pandas as pd

from tests.competitions.case import Case, Change, csv_text, split_positions

# Page n has n + 1 boxes in a row, each 20 wide and 10 high, of three characters; one box is tiny.
CODES = ["U+306F", "U+304C", "U+3044"]
LABELS = [" ".join(f"{CODES[box % 3]} {30 * box + 5} {7 * n} 20 10" for box in range(n + 1)) for n in range(24)]
IDS = [f"100241706_{n:05}_2" for n in range(24)]
TRAIN, TEST = split_positions(24, 3)  # ceil(2.4)
BLANK = TRAIN[0]  # a page without text
LABELS[BLANK] = ""
SAMPLE = "U+003F 1 1 U+FF2F 2 2"


def _points(labels: str) -> str:
    boxes = np.array(labels.split()).reshape(-1, 5)
    return " ".join(f"{code} {int(x) + 1} {int(y) + 1}" for code, x, y, _, _ in boxes)


def _noise(perfect: pd.DataFrame, _: object) -> pd.DataFrame:
    """No points; points on edges, doubled, of other characters, and no numbers; points within by fractions."""
    third = [[code, float(x) + 0.5, y] for code, x, y in np.array(perfect["labels"][2].split()).reshape(-1, 3)]
    mixed = f"U+306F 5 300 U+306F nan inf U+304C -1 1e3 U+0000 1 1 {perfect['labels'][1]} {perfect['labels'][1]}"
    return perfect.assign(labels=["", mixed, " ".join(f"{code} {x} {y}" for code, x, y in third)])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    hits = misses = surplus = 0
    for truth, guess in zip(answers["labels"], submission["labels"], strict=True):
        left = [tuple(entry) for entry in np.array(guess.split()).reshape(-1, 3)]
        for code, *box in np.array(truth.split()).reshape(-1, 5):
            x, y, width, height = map(float, box)
            for point in left:
                if point[0] == code and x < float(point[1]) < x + width and y < float(point[2]) < y + height:
                    hits += 1
                    left.remove(point)
                    break
            else:
                misses += 1
        surplus += len(left)
    precision, recall = hits / (hits + surplus), hits / (hits + misses)
    return 2 * precision * recall / (precision + recall)


def _cell(text: str) -> Change:
    return lambda table: table.assign(labels=[text, *table["labels"][1:]])


CASES = [
    Case(
        id="kuzushiji-recognition",
        raw={
            "train.csv": csv_text(["image_id", "labels"], zip(IDS, LABELS, strict=True)),
            "train_images.zip": {f"{name}.jpg": f"page {name}" for name in IDS},
            "unicode_translation.csv": "Unicode,char\nU+306F,\u306f\n",
            "test_images.zip": {"test_1.jpg": "page without labels"},
            "sample_submission.csv": "image_id,labels\n",
        },
        prepared={
            "public/train.csv": csv_text(["image_id", "labels"], [[IDS[n], LABELS[n]] for n in TRAIN]),
            "public/train_images.zip": {f"{IDS[n]}.jpg": f"page {IDS[n]}" for n in TRAIN},
            "public/test_images.zip": {f"{IDS[n]}.jpg": f"page {IDS[n]}" for n in TEST},
            "public/unicode_translation.csv": "Unicode,char\nU+306F,\u306f\n",
            "public/sample_submission.csv": csv_text(["image_id", "labels"], [[IDS[n], SAMPLE] for n in TEST]),
            "private/test.csv": csv_text(["image_id", "labels"], [[IDS[n], LABELS[n]] for n in TEST]),
            "private/gold_submission.csv": csv_text(
                ["image_id", "labels"], [[IDS[n], _points(LABELS[n])] for n in TEST]
            ),
        },
        perfect=lambda answers: answers.assign(labels=answers["labels"].map(_points)),
        noise=_noise,
        score=_score,
        best=1.0,
        valid={"a word for missing": lambda table: table.assign(labels=table["labels"].replace("", "NA"))},
        invalid={
            "boxes in place of points": _cell("U+306F 5 10 20 10"),
            "a blank at the end": _cell("U+306F 5 10 "),
            "two blanks": _cell("U+306F 5  10"),
            "a blank alone": _cell(" "),
            "a coordinate that is no number": _cell("U+306F 5 ten"),
            "numbers": lambda table: table.assign(labels=7),
        },
    )
]
