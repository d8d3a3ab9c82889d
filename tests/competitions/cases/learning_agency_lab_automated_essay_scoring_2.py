import numpy as np
from sklearn.metrics import cohen_kappa_score

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["essay_id", "full_text", "score"]
# Line ends stay as they are.
TEXTS = ['I "think", so.\n\nYes.', "One\r\ntwo", "  Plain  ", "NATO"]
ROWS = [(f"{n * 4099:07x}", f"{TEXTS[n % 4]} {n}", n * n % 6 % 5 + 1) for n in range(81)]
TRAIN, TEST = split_positions(81, 9)  # ceil(8.1)
DRAWN = np.random.RandomState(42).randint(1, 7, size=9).tolist()

CASES = [
    Case(
        id="learning-agency-lab-automated-essay-scoring-2",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            "test.csv": csv_text(HEADER[:2], []),
            "sample_submission.csv": "essay_id,score\n",
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "public/test.csv": csv_text(HEADER[:2], [ROWS[n][:2] for n in TEST]),
            "public/sample_submission.csv": csv_text(
                ["essay_id", "score"], [[ROWS[n][0], score] for n, score in zip(TEST, DRAWN, strict=True)]
            ),
            "private/answers.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
        },
        # An odd score is one more level, and levels that nobody has are none.
        noise=lambda perfect, random: perfect.assign(score=[1000, *perfect["score"][1:6], 1, 4, 1]),
        score=lambda answers, submission: float(
            cohen_kappa_score(submission["score"], answers["score"], weights="quadratic")
        ),
        best=1.0,
        valid={"scores as floats": lambda table: table.assign(score=table["score"].astype(float))},
    )
]
