import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["id", "context", "question", "answer_text", "answer_start", "language"]
TRAIN, TEST = split_positions(31, 4)  # ceil(3.1)
ANSWERS = [f"उत्तर {n}, Ab ab" if n % 2 else f"{n}  பதில் ." for n in range(31)]
ANSWERS[TEST[0]], ANSWERS[TEST[1]], ANSWERS[TRAIN[0]] = (
    "NA",
    "1889",
    "null",
)  # one is lost, a number among texts is none
ROWS = [
    (f"{n * 7919:x}f", f'"உரை"\nno. {n}', f"प्रश्न {n}?", ANSWERS[n], n, "hindi" if n % 2 else "tamil") for n in range(31)
]


def _read(answer: str) -> str:
    return "" if answer in ("NA", "null") else answer


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(PredictionString=["1889 " + text.upper() + " x x" for text in perfect["PredictionString"]])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    scores = []
    for true, guess in zip(answers["PredictionString"], submission["PredictionString"], strict=True):
        a, b = set(true.lower().split()), set(guess.lower().split())
        both = len(a) + len(b) - len(a - b) - len(b - a)
        scores.append((both / 2) / (len(a) + len(b) - both / 2))
    return float(np.mean(scores))


CASES = [
    Case(
        id="chaii-hindi-and-tamil-question-answering",
        raw={"train.csv": csv_text(HEADER, ROWS), "test.csv": "id,context,question,language\n"},
        prepared={
            "public/train.csv": csv_text(HEADER, [[*ROWS[n][:3], _read(ROWS[n][3]), *ROWS[n][4:]] for n in TRAIN]),
            "public/test.csv": csv_text([*HEADER[:3], "language"], [[*ROWS[n][:3], ROWS[n][5]] for n in TEST]),
            "public/sample_submission.csv": csv_text(
                ["id", "PredictionString"], [[ROWS[n][0], "dummy text"] for n in TEST]
            ),
            "private/test.csv": csv_text(["id", "PredictionString"], [[ROWS[n][0], _read(ROWS[n][3])] for n in TEST]),
        },
        noise=_noise,
        score=_score,
        best=0.75,  # nothing scores for the answer that was lost
        valid={
            "white space": lambda table: table.assign(PredictionString="\n" + table["PredictionString"] + "  "),
        },
        invalid={"nothing but numbers": lambda table: table.assign(PredictionString=range(len(table)))},
    )
]
