import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["id", "attribute_ids"]
N = 41
TRAIN, TEST = split_positions(N, 7)  # ceil(6.15)
ROWS = [
    (f"{n * 7919:032x}", " ".join(map(str, sorted(np.random.RandomState(n).choice(30, 1 + n % 4, replace=False)))))
    for n in range(N)
]
LABELS = "attribute_id,attribute_name\r\n0,country::afghanistan\r\n"
EVERY = sorted({label for n in TEST for label in ROWS[n][1].split()})


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    cells = perfect["attribute_ids"].tolist()
    # Repeats, white space of all kinds, labels that no photo has, a number that is none of the labels, nothing.
    cells[:6] = [
        f"{cells[0]} {EVERY[0]} {EVERY[0]}",
        f" {EVERY[1]}\t{EVERY[2]} ",
        f"{cells[2]} 99 98",
        "3.0 4.0",
        "",
        "NA",
    ]
    return perfect.assign(attribute_ids=cells)


def _marks(cells: "pd.Series[str]") -> list[list[int]]:
    return [[int(label in cell.split()) for label in EVERY] for cell in cells]


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    truth, guess = _marks(answers["attribute_ids"]), _marks(submission["attribute_ids"])
    return float(f1_score(np.array(truth), np.array(guess), average="micro"))


CASES = [
    Case(
        id="imet-2020-fgvc7",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            "labels.csv": LABELS,
            "sample_submission.csv": "not used",
            "test/0.png": "not used",
            **{f"train/{name}.png": f"photo {name}" for name, _ in ROWS},
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "private/answers.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
            "public/sample_submission.csv": csv_text(HEADER, [(ROWS[n][0], "0 1 2") for n in TEST]),
            "public/labels.csv": LABELS,
            **{f"public/train/{ROWS[n][0]}.png": f"photo {ROWS[n][0]}" for n in TRAIN},
            **{f"public/test/{ROWS[n][0]}.png": f"photo {ROWS[n][0]}" for n in TEST},
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={
            "labels that no photo has": lambda table: table.assign(attribute_ids=table["attribute_ids"] + " 12345 x"),
        },
        invalid={
            "one label in every row": lambda table: table.assign(attribute_ids="7"),
            "one label or nothing": lambda table: table.assign(attribute_ids=["7.0", *[""] * (len(table) - 1)]),
        },
    )
]
