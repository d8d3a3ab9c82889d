import numpy as np
import pandas as pd

from tasks.registry import COMPETITIONS
from tests.competitions.case import Case, csv_text

CLASSES = (COMPETITIONS / "freesound-audio-tagging-2019" / "classes.txt").read_text().split()
LABELS = {f"{n * 7919:08x}.wav": [CLASSES[(n * 31 + k * 7) % 80] for k in range(1 + n % 3)] for n in range(14)}
PRIVATE = [name for n, name in enumerate(LABELS) if n % 3]  # in the file's order, which is not the sample's
PUBLISHED = csv_text(
    ["fname", "labels", "usage", "freesound_id", "license"],
    [(name, ",".join(labels), "Private" if name in PRIVATE else "Public", 7, "CC0") for name, labels in LABELS.items()],
)
COPIED = {
    "train_curated.csv": "fname,labels\r\n0006ae4e.wav,Bark\r\n",
    "train_noisy.csv": 'fname,labels\n00097e21.wav,"Bathtub_(filling_or_washing),Bark"\n',
    "sample_submission.csv": csv_text(["fname", *CLASSES], [[name, *[0] * 80] for name in sorted(PRIVATE)[::-1]]),
    "train_curated/0006ae4e.wav": "bark",
    "train_noisy/00097e21.wav": "bath",
    "test/a/b.wav": "a folder in a folder",
}


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    scores = random.integers(-3, 4, (len(perfect), 80)) / 2  # with many ties, outside of 0 to 1
    return pd.DataFrame(scores, columns=CLASSES).assign(fname=perfect["fname"])[["fname", *CLASSES]]


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    precisions = []
    for row in range(len(answers)):
        true = [name for name in CLASSES if answers[name][row] == 1]
        scores = {name: submission[name][row] for name in CLASSES}
        for label in true:
            level = [name for name in CLASSES if scores[name] >= scores[label]]
            precisions.append(sum(name in true for name in level) / len(level))
    return sum(precisions) / len(precisions)


def _scaled(table: pd.DataFrame) -> pd.DataFrame:
    """Each row's scores changed, their order not."""
    factors = 1 + np.arange(len(table)) % 2
    return table.assign(**{name: table[name] * factors for name in CLASSES})


def _swapped(table: pd.DataFrame) -> pd.DataFrame:
    return table[["fname", *CLASSES[1::-1], *CLASSES[2:]]]


CASES = [
    Case(
        id="freesound-audio-tagging-2019",
        raw={**COPIED, "FSDKaggle2019.meta.zip": {"FSDKaggle2019.meta/test_post_competition.csv": PUBLISHED}},
        prepared={
            **{f"public/{path}": content for path, content in COPIED.items()},
            "private/test.csv": csv_text(
                ["fname", *CLASSES], [[name, *(int(label in LABELS[name]) for label in CLASSES)] for name in PRIVATE]
            ),
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={"other scores in the same order": _scaled},
        invalid={"two labels in another order": _swapped},
    )
]
