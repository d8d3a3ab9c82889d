import math
from typing import Any

import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["Patient", "Weeks", "FVC", "Percent", "Age", "Sex", "SmokingStatus"]
PATIENTS = [f"ID{n * 7919 % 100:05}" for n in range(1, 15)]  # not in the order of their names
# Rows of a patient are not in the order of weeks, and some patients have fewer than three visits.
WEEKS = {name: [8, -5 + n, 30 + n, 17, 52][: 2 + n % 4] for n, name in enumerate(PATIENTS)}
VISITS: dict[str, list[Any]] = {
    name: [(name, week, 2000 + 37 * week + n, 55.0 + week / 7, 60 + n, "Male", "Ex-smoker") for week in WEEKS[name]]
    for n, name in enumerate(PATIENTS)
}
TRAIN, TEST = ([sorted(PATIENTS)[n] for n in part] for part in split_positions(14, 2))  # ceil(1.4)
TEST_VISITS = {(name, week): visit for name in TEST for visit in VISITS[name] for week in visit[1:2]}
ALL_WEEKS = [week for _, week in TEST_VISITS]
GRID = [(name, week) for name in TEST for week in range(min(ALL_WEEKS), max(ALL_WEEKS) + 1)]
IDS = [f"{name}_{week}" for name, week in GRID]
SCANS = {f"{name}/{n}.dcm": f"{name} {n}" for name in PATIENTS for n in (1, 2, 10)}


def _week(visit: Any) -> int:
    return int(visit[1])


def _answer(name: str, week: int) -> list[object]:
    visit = TEST_VISITS.get((name, week))
    cells = [None] * 5 if visit is None else [float(visit[2]), visit[3], float(visit[4]), *visit[5:]]
    return [name, week, *cells, f"{name}_{week}", 100]


def _perfect(answers: pd.DataFrame) -> pd.DataFrame:
    measured = pd.to_numeric(answers["FVC"].replace("", "2000"))
    return pd.DataFrame({"Patient_Week": answers["Patient_Week"], "FVC": measured, "Confidence": 70})


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(
        FVC=perfect["FVC"] + random.uniform(-1500, 1500, len(perfect)),
        Confidence=random.uniform(-50, 300, len(perfect)),
    )


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    predicted = {name: (fvc, confidence) for name, fvc, confidence in submission.to_numpy()}
    values: list[float] = []
    for name in TEST:
        for week in sorted(WEEKS[name])[-3:]:
            fvc, confidence = predicted[f"{name}_{week}"]
            sigma = max(confidence, 70)
            delta = min(abs(TEST_VISITS[name, week][2] - fvc), 1000)
            values.append(-math.sqrt(2) * delta / sigma - math.log(math.sqrt(2) * sigma))
    return sum(values) / len(values)


CASES = [
    Case(
        id="osic-pulmonary-fibrosis-progression",
        raw={
            "train.csv": csv_text(HEADER, [visit for name in PATIENTS for visit in VISITS[name]]),
            "test.csv": csv_text(HEADER, []),
            "sample_submission.csv": "Patient_Week,FVC,Confidence\n",
            **{f"train/{name}": content for name, content in SCANS.items()},
            "test/ID1/1.dcm": "a scan of a patient that is not used",
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [visit for name in TRAIN for visit in VISITS[name]]),
            "public/test.csv": csv_text(HEADER, [min(VISITS[name], key=_week) for name in sorted(TEST)]),
            "public/sample_submission.csv": csv_text(
                ["Patient_Week", "FVC", "Confidence"], [[name, 2000, 100] for name in IDS]
            ),
            "private/test.csv": csv_text(
                [*HEADER, "Patient_Week", "Confidence"], [_answer(name, week) for name, week in GRID]
            ),
            **{
                f"public/{'test' if name.split('/')[0] in TEST else 'train'}/{name}": content
                for name, content in SCANS.items()
            },
        },
        perfect=_perfect,
        noise=_noise,
        score=_score,
        best=-math.log(math.sqrt(2) * 70),
        invalid={
            "no weeks but those of one patient": lambda table: table[table["Patient_Week"].str.startswith(TEST[0])],
            "a confidence of nothing": lambda table: table.assign(Confidence=None),
        },
    )
]
