import csv

import pandas as pd
from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text

HEADER = ["Insult", "Date", "Comment"]
TRAIN = csv_text(HEADER, [[n % 2, "", f'"train\\n comment {n}, \\u2019"'] for n in range(8)], quoting=csv.QUOTE_ALL)
# Two texts occur twice, one of them with both labels.
TEXTS = [f'"you\\xa0are no. {n}, ""really"""' for n in range(18)] + ['"same"', '"same"', '"again"', '"again"']
ROWS = [
    [int(n in (2, 5, 9, 18)), None if n % 3 else f"201206031635{n:02}Z", text, "PublicTest" if n % 2 else "PrivateTest"]
    for n, text in enumerate(TEXTS)
]
# Copies keep their line ends and quotes.
SOLVED = csv_text([*HEADER, "Usage"], ROWS, quoting=csv.QUOTE_NONNUMERIC).replace("\n", "\r\n")

CASES = [
    Case(
        id="detecting-insults-in-social-commentary",
        raw={"train.csv": TRAIN, "test_with_solutions.csv": SOLVED, "test.csv": "id,Date,Comment\n"},
        prepared={
            "public/train.csv": TRAIN,
            "public/test.csv": csv_text(HEADER[1:], [row[1:3] for row in ROWS]),
            "public/sample_submission_null.csv": csv_text(HEADER, [[0, *row[1:3]] for row in ROWS]),
            "private/test.csv": SOLVED,
            "private/gold_submission.csv": csv_text(HEADER, [row[:3] for row in ROWS]),
        },
        noise=lambda perfect, random: perfect.assign(Insult=random.uniform(size=len(perfect))),
        score=lambda answers, submission: float(roc_auc_score(answers["Insult"], submission["Insult"])),
        best=1.0,
        valid={
            "rows in another order, those of one text in theirs": lambda table: table.sort_values(
                "Comment", kind="stable"
            ),
            "with the date": lambda table: table.assign(Date="20120603163526Z"),
        },
        invalid={
            "texts without their quotes": lambda table: table.assign(Comment=table["Comment"].str.strip('"')),
            "escapes resolved": lambda table: table.assign(Comment=table["Comment"].str.replace("\\xa0", "\xa0")),
            "a text once more in place of another": lambda table: pd.concat([table.iloc[1:], table.tail(1)]),
        },
    )
]
