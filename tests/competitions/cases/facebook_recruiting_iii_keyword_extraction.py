import csv

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["Id", "Title", "Body", "Tags"]
NAMES = ["c#", "php", "r", "asp.net-mvc", "7zip"]
TRAIN, TEST = split_positions(41, 5)  # ceil(4.1)
TAGS = [" ".join(sorted({NAMES[n % 5], NAMES[n * n % 5]})) for n in range(41)]
TAGS[TEST[2]] = TAGS[TRAIN[1]] = "null"  # the only tag, and lost
TITLES = [f'How to "x", {n}?' if n % 7 else "NA" for n in range(41)]
ROWS = [(str(n + 1), TITLES[n], f"<p>a,\r\nb &lt; {n}</p>\n", TAGS[n]) for n in range(41)]
READ = [["" if cell in ("NA", "null") else cell for cell in row] for row in ROWS]
SAMPLE = "javascript c# python php java"


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    # A tag twice, one that no answer has, one that is wrong, and one in upper case.
    return perfect.assign(Tags=["php php unheard-of", "R", *("r " + tags for tags in perfect["Tags"].iloc[2:])])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    binarizer = MultiLabelBinarizer().fit([tags.split() for tags in answers["Tags"]])
    known = set(binarizer.classes_)
    guessed = [[tag for tag in tags.split() if tag in known] for tags in submission["Tags"]]
    true = binarizer.transform([tags.split() for tags in answers["Tags"]])
    return float(f1_score(true, binarizer.transform(guessed), average="micro"))


CASES = [
    Case(
        id="facebook-recruiting-iii-keyword-extraction",
        raw={"Train.zip": {"Train.csv": csv_text(HEADER, ROWS, quoting=csv.QUOTE_ALL)}, "Test.zip": {"Test.csv": ""}},
        prepared={
            "public/train.csv": csv_text(HEADER, [READ[n] for n in TRAIN]),
            "public/test.csv": csv_text(HEADER[:3], [READ[n][:3] for n in TEST]),
            "public/sample_submission.csv": csv_text(HEADER, [[*READ[n][:3], SAMPLE] for n in TEST]),
            "private/test.csv": csv_text(HEADER, [READ[n] for n in TEST]),
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={
            "ids as floats": lambda table: table.assign(Id=table["Id"].astype(float)),
            "double blanks": lambda table: table.assign(Tags=table["Tags"].str.replace(" ", "  ")),
        },
        invalid={"nothing but numbers": lambda table: table.assign(Tags=range(len(table)))},
    )
]
