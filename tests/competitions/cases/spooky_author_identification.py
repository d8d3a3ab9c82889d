import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

AUTHORS = ["EAP", "HPL", "MWS"]
HEADER = ["id", "text", "author"]
ROWS = [(f"id{19 + 7 * n:05}", f'It was night, "they" said; no. {n}', AUTHORS[n * n % 3]) for n in range(31)]
TRAIN, TEST = split_positions(31, 4)  # ceil(3.1)
SHARES = [0.403493538995863, 0.287808366106543, 0.308698094897594]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(**dict(zip(AUTHORS, random.dirichlet([1, 1, 1], len(perfect)).T, strict=True)))


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return float(-np.log((answers[AUTHORS] * submission[AUTHORS]).sum(axis=1)).mean())


CASES = [
    Case(
        id="spooky-author-identification",
        raw={"train.zip": {"train.csv": csv_text(HEADER, ROWS)}, "test.zip": {"test.csv": "id,text\n"}},
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "public/test.csv": csv_text(HEADER[:2], [ROWS[n][:2] for n in TEST]),
            "public/sample_submission.csv": csv_text(["id", *AUTHORS], [[ROWS[n][0], *SHARES] for n in TEST]),
            "private/test.csv": csv_text(
                ["id", *AUTHORS], [[ROWS[n][0], *(int(ROWS[n][2] == author) for author in AUTHORS)] for n in TEST]
            ),
        },
        noise=_noise,
        score=_score,
        best=0.0,
        valid={"classes in another order": lambda table: table[["id", "MWS", "EAP", "HPL"]]},
    )
]
