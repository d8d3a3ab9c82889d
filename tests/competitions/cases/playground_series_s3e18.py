import numpy as np
from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text, split_positions

FLAGS = ["EC1", "EC2", "EC3", "EC4", "EC5", "EC6"]
HEADER = ["id", *(f"feature{n}" for n in range(30)), "fr_COO", *FLAGS]
ROWS = [
    [n, *(n / 7 + column for column in range(30)), n % 3, *((n * n + 2 * flag) % 5 % 2 for flag in range(6))]
    for n in range(60)
]
TRAIN, TEST = split_positions(60, 6)
BOTH = FLAGS[:2]

CASES = [
    Case(
        id="playground-series-s3e18",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            "test.csv": csv_text(HEADER[:32], []),
            "sample_submission.csv": "id,EC1,EC2\n",
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "public/test.csv": csv_text(HEADER[:32], [ROWS[n][:32] for n in TEST]),
            "public/sample_submission.csv": csv_text(["id", *BOTH], [[n, 0.5, 0.5] for n in TEST]),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
        },
        noise=lambda perfect, random: perfect.assign(**{name: random.normal(0, 9, len(perfect)) for name in BOTH}),
        score=lambda answers, submission: float(
            roc_auc_score(np.array(answers[BOTH]), np.array(submission[BOTH]), average="macro")
        ),
        best=1.0,
        valid={"ids as floats": lambda table: table.assign(id=table["id"].astype(float))},
    )
]
