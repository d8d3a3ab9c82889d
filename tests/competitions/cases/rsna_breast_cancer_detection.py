import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

HEADER = [
    *("site_id", "patient_id", "image_id", "laterality", "view", "age", "cancer", "biopsy", "invasive", "BIRADS"),
    *("implant", "density", "machine_id", "difficult_negative_case"),
]
KNOWN = ["site_id", "patient_id", "image_id", "laterality", "view", "age", "implant", "machine_id"]
PATIENTS = [10_006 + n * 7919 % 60_000 for n in range(31)]  # in no order, with four and five digits
N = 4 * len(PATIENTS)
_, TEST_PATIENTS = split_positions(len(PATIENTS), 4, seed=42)  # ceil(3.1)


def _patient(n: int) -> int:
    """Which of the patients; the images of one are not all together."""
    return n // 3 if n < 93 else n - 93


def _has_cancer(patient: int, side: str) -> int:
    return int(patient % 3 == 0 and side == "LR"[patient % 2])


def _row(n: int, age: str, density: str) -> list[object]:
    patient, side = _patient(n), "RL"[n % 2]
    cancer = _has_cancer(patient, side)
    others = [cancer, cancer, 0, "" if n % 4 else "1.0", n % 2, density, 21 + n % 9, "False" if n % 5 else "True"]
    return [1 + n % 2, PATIENTS[patient], 1_864_590_858 - n, side, ["CC", "MLO"][n % 3 % 2], age, *others]


RAW = [_row(n, "" if n == 7 else f"{40 + n % 30}", "NA" if n % 7 == 0 else "B") for n in range(N)]
# A missing age makes the others floats; NA is a missing density.
ROWS = [_row(n, "" if n == 7 else f"{40 + n % 30}.0", "" if n % 7 == 0 else "B") for n in range(N)]
TEST = [n for n in range(N) if _patient(n) in TEST_PATIENTS]
TRAIN = [n for n in range(N) if n not in TEST]


def _test_row(n: int) -> list[object]:
    return [*(ROWS[n][HEADER.index(name)] for name in KNOWN), f"{ROWS[n][1]}_{ROWS[n][3]}"]


ANSWERS = sorted({(f"{ROWS[n][1]}_{ROWS[n][3]}", _has_cancer(_patient(n), str(ROWS[n][3]))) for n in TEST})
SHARE = sum(_has_cancer(_patient(n), str(ROWS[n][3])) for n in TRAIN) / len(TRAIN)


def _path(n: int) -> str:
    return f"{ROWS[n][1]}/{ROWS[n][2]}.dcm"


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(cancer=np.round(perfect["cancer"] + random.normal(0, 0.4, len(perfect)), 3))  # also outside


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    hits = false_alarms = 0.0
    for label, value in zip(answers["cancer"], submission["cancer"], strict=True):
        hits += min(max(value, 0.0), 1.0) * label
        false_alarms += min(max(value, 0.0), 1.0) * (1 - label)
    return 2 * hits / (hits + false_alarms + answers["cancer"].sum())  # the harmonic mean, written out


CASES = [
    Case(
        id="rsna-breast-cancer-detection",
        raw={
            "train.csv": csv_text(HEADER, RAW),
            "test.csv": "not used",
            "sample_submission.csv": "prediction_id,cancer\n10008-L,0\n",
            "test_images/10008/1.dcm": "not used",
            f"train_images/{PATIENTS[0]}/5.dcm": "an image that is not listed",
            **{f"train_images/{_path(n)}": f"image {n}" for n in range(N)},
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "public/test.csv": csv_text([*KNOWN, "prediction_id"], [_test_row(n) for n in TEST]),
            "private/answers.csv": csv_text(["prediction_id", "cancer"], ANSWERS),
            "public/sample_submission.csv": csv_text(
                ["prediction_id", "cancer"], [[breast, SHARE] for breast, _ in ANSWERS]
            ),
            **{f"public/train_images/{_path(n)}": f"image {n}" for n in TRAIN},
            **{f"public/test_images/{_path(n)}": f"image {n}" for n in TEST},
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={"cut to 0 to 1": lambda table: table.assign(cancer=table["cancer"].clip(0, 1))},
        invalid={
            "nothing but negative numbers": lambda table: table.assign(cancer=-0.5),
            "a hyphen in the ids": lambda table: table.assign(
                prediction_id=table["prediction_id"].str.replace("_", "-")
            ),
        },
    )
]
