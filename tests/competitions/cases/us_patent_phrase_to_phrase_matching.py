import numpy as np
import pandas as pd
from scipy.stats import pearsonr

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["id", "anchor", "target", "context", "score"]
# Phrases with quotes and commas, and words that are read as missing.
PHRASES = ["abatement", 'a "flow" meter', "null", "acid, strong", "NA", "el. circuit"]
TRAIN, TEST = split_positions(41, 5)  # ceil(4.1)
ROWS = [
    (f"{n * 0x9E3779B97F4A7C15 % 16**16:016x}", PHRASES[n % 3], PHRASES[n % 6], f"{'ABH'[n % 3]}{n:02}", n * n % 5 / 4)
    for n in range(41)
]
WRITTEN = [["" if cell in ("null", "NA") else cell for cell in row] for row in ROWS]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(score=random.normal(size=len(perfect)))


CASES = [
    Case(
        id="us-patent-phrase-to-phrase-matching",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            "test.csv": csv_text(HEADER[:-1], []),
            "sample_submission.csv": "id,score\n",
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [WRITTEN[n] for n in TRAIN]),
            "public/test.csv": csv_text(HEADER[:-1], [WRITTEN[n][:-1] for n in TEST]),
            "public/sample_submission.csv": csv_text(["id", "score"], [[ROWS[n][0], 0] for n in TEST]),
            "private/test.csv": csv_text(HEADER, [WRITTEN[n] for n in TEST]),
        },
        noise=_noise,
        score=lambda answers, submission: float(pearsonr(answers["score"], submission["score"]).statistic),
        best=1.0,
    )
]
