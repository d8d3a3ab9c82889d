import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text, split_positions

# Ids that look like numbers among them: they are texts.
IDS = [f"{(n * 0x9E3779B97F4A7C15) % 16**12:012x}" for n in range(38)] + ["000000000012", "1234567890e1"]
ROWS = [(name, int(n % 4 == 1)) for n, name in enumerate(IDS)]
TRAIN, TEST = split_positions(40, 4)
OLD = {
    "train_labels_old.csv": "id,target\n00,1\n",
    "test_labels_old.csv": "id,target\n01,0\n",
    "train_old/0/00.npy": "old",
    "test_old/0/01.npy": "older",
}


def _path(name: str) -> str:
    return f"{name[0]}/{name}.npy"


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(target=[0.5, 0.5, 0.25, 0.125])


CASES = [
    Case(
        id="seti-breakthrough-listen",
        raw={
            "train_labels.csv": csv_text(["id", "target"], ROWS),
            "sample_submission.csv": "id,target\n",
            "test/0/00.npy": "a recording without a label",
            **{f"train/{_path(name)}": f"recording {name}" for name in IDS},
            **{f"old_leaky_data/{name}": content for name, content in OLD.items()},
        },
        prepared={
            "public/train_labels.csv": csv_text(["id", "target"], [ROWS[n] for n in TRAIN]),
            "public/sample_submission.csv": csv_text(["id", "target"], [[IDS[n], 0.5] for n in TEST]),
            "private/test.csv": csv_text(["id", "target"], [ROWS[n] for n in TEST]),
            **{f"public/train/{_path(IDS[n])}": f"recording {IDS[n]}" for n in TRAIN},
            **{f"public/test/{_path(IDS[n])}": f"recording {IDS[n]}" for n in TEST},
            **{f"public/old_leaky_data/{name}": content for name, content in OLD.items()},
        },
        noise=_noise,
        score=lambda answers, submission: float(roc_auc_score(answers["target"], submission["target"])),
        best=1.0,
    )
]
