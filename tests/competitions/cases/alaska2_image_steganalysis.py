import os
import random
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import auc, roc_curve

from tests.competitions.case import Case, Content, csv_text, split_positions

# 5,000 pictures are test, whatever their number: most are hard links to the first of their folder, which is quick.
PICTURES = [f"{n:05d}.jpg" for n in range(1, 5008)]
FOLDERS = ["Cover", "JMiPOD", "JUNIWARD", "UERD"]
TRAIN, TEST = split_positions(len(PICTURES), 5000, seed=42)
OWN_CONTENT = {*PICTURES[::100], *(PICTURES[n] for n in TRAIN)}


def _link(path: Path) -> None:
    os.link(path.with_name(PICTURES[0]), path)


def _raw(folder: str, name: str) -> Content:
    return _content(folder, name) if name in OWN_CONTENT else _link


def _content(folder: str, name: str) -> str:
    return f"{folder} {name if name in OWN_CONTENT else PICTURES[0]}"


def _drawn() -> list[tuple[str, str]]:
    """Folder and picture of each test file."""
    random.seed(0)
    names = [PICTURES[n] for n in TEST]
    random.shuffle(names)
    return [("Cover" if random.choice([True, False]) else random.choice(FOLDERS[1:]), name) for name in names]


DRAWN = _drawn()
IDS = [f"{n:04d}.jpg" for n in range(1, 5001)]
LABELS = [int(folder != "Cover") for folder, _ in DRAWN]


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    false_rate, true_rate, _ = roc_curve(answers["Label"], submission["Label"], drop_intermediate=False)
    # Both at a fine grid of true positive rates, the areas by that of the other axis.
    rates = np.linspace(0, 1, 2_000_001)
    false_rates = np.interp(rates, true_rate, false_rate)
    low = rates <= 0.4
    return float((2 * auc(rates[low], 1 - false_rates[low]) + auc(rates[~low], 1 - false_rates[~low])) / 1.4)


CASES = [
    Case(
        id="alaska2-image-steganalysis",
        raw={
            **{f"{folder}/{name}": _raw(folder, name) for folder in FOLDERS for name in PICTURES},
            "Test/0001.jpg": "picture without a label",
        },
        prepared={
            **{
                f"public/{folder}/{k:05d}.jpg": _content(folder, PICTURES[n])
                for folder in FOLDERS
                for k, n in enumerate(TRAIN, start=1)
            },
            **{f"public/Test/{name}": _content(*source) for name, source in zip(IDS, DRAWN, strict=True)},
            "public/sample_submission.csv": csv_text(["Id", "Label"], [[name, 0] for name in IDS]),
            "private/test.csv": csv_text(["Id", "Label"], zip(IDS, LABELS, strict=True)),
        },
        noise=lambda perfect, random: perfect.assign(Label=perfect["Label"] + random.normal(size=len(perfect))),
        score=_score,
        best=1.0,
    )
]
