import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["id", "breath_id", "R", "C", "time_step", "u_in", "u_out", "pressure"]
BREATHS = [9, 10, 2, 31, 4, 57, 66, 70, 8, 100, 11, 12, 13]  # not in the order of their numbers
# Numbers of more than ten digits, whole ones among the others, and steps of breaths that alternate.
ROWS = [
    (1, breath, 5 * (1 + breath % 3), 10, step / 30, breath * step / 7, int(step > 2), 5 + breath / 3 + step)
    for half in (range(2), range(2, 5))
    for breath in BREATHS
    for step in half
]
TRAIN, TEST = ([sorted(BREATHS)[n] for n in part] for part in split_positions(13, 2))  # ceil(1.3)


def _part(breaths: list[int], columns: list[str]) -> str:
    rows = [row for breath in breaths for row in ROWS if row[1] == breath]
    cells = ({**dict(zip(HEADER, row, strict=True)), "id": number} for number, row in enumerate(rows, start=1))
    return csv_text(columns, ([_written(row[name]) for name in columns] for row in cells))


def _written(cell: float) -> str:
    return f"{cell:.10g}"


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(pressure=perfect["pressure"] + random.normal(size=len(perfect)))


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    errors = (answers["pressure"] - submission["pressure"]).abs()
    return float(np.mean([error for error, out in zip(errors, answers["u_out"], strict=True) if out == 0]))


CASES = [
    Case(
        id="ventilator-pressure-prediction",
        raw={
            "train.csv": csv_text(HEADER, ((n, *row[1:]) for n, row in enumerate(ROWS, start=1))),
            "test.csv": csv_text(HEADER[:-1], []),
            "sample_submission.csv": "id,pressure\n",
        },
        prepared={
            "public/train.csv": _part(TRAIN, HEADER),
            "public/test.csv": _part(TEST, HEADER[:-1]),
            "public/sample_submission.csv": csv_text(["id", "pressure"], [[n, 0] for n in range(1, 11)]),
            "private/test.csv": _part(TEST, HEADER),
        },
        noise=_noise,
        score=_score,
        best=0.0,
        valid={
            "rows that are not scored": lambda table: table.assign(
                pressure=[value if n % 5 < 3 else -1e9 for n, value in enumerate(table["pressure"])]
            ),
            "ids as floats": lambda table: table.assign(id=table["id"].astype(float)),
        },
    )
]
