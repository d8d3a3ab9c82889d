import json
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from tests.competitions.case import Case, Change, csv_text, split_positions

NONE = {"start_token": -1, "candidate_index": -1, "end_token": -1}
SPAN = {"start_token": 5, "candidate_index": 0, "end_token": 40}
SHORT = [{"start_token": 7, "end_token": 9}, {"start_token": 20, "end_token": 21}]
# (yes or no, long answer, short answers): no answer, a passage alone, with phrases, with a yes, with both.
KINDS: list[tuple[str, dict[str, int], list[dict[str, int]]]] = [
    ("NONE", NONE, []),
    ("NONE", SPAN, []),
    ("NONE", SPAN, SHORT),
    ("YES", SPAN, []),
    ("NO", SPAN, SHORT[:1]),
]
# What JSON may write in several ways: slashes, quotes, control characters, letters beyond ASCII and the basic plane.
TEXT = '<P> 1/2 "quoted" \\u007f \x7f \t\x01 é ♥ \U0001f355 "annotations": [] </P>'


def _item(n: int) -> dict[str, Any]:
    yes_no, long, short = KINDS[n * n % 7 % 5]
    return {
        "document_text": f"{TEXT} {n}",
        "long_answer_candidates": [{"start_token": 5, "top_level": n % 2 == 0, "end_token": 40}],
        "question_text": f"is it {n} / {n}",
        "annotations": [
            {
                "yes_no_answer": yes_no,
                "long_answer": long,
                "short_answers": short,
                "annotation_id": 2**64 - 1 - n,
            }
        ],
        "document_url": f"https://en.wikipedia.org/?curid={n}",
        "example_id": (-1) ** n * (2**62 + n),
    }


ITEMS = [_item(n) for n in range(1035)]
# A block of 1,000 lines, and one of 35 with ceil(3.5) of them for test.
PARTS = zip(split_positions(1000, 100), split_positions(35, 4), strict=True)
TRAIN, TEST = ([ITEMS[n] for n in first] + [ITEMS[1000 + n] for n in second] for first, second in PARTS)
TEST_FIELDS = ["example_id", "question_text", "document_text", "long_answer_candidates"]


def _lines(items: list[dict[str, Any]], fields: list[str]) -> str:
    rows = [{**item, "example_id": str(item["example_id"])} for item in items]
    # Each item on its own, so that blocks cannot matter.
    return "".join(
        pd.DataFrame([{field: row[field] for field in fields}]).to_json(orient="records", lines=True) for row in rows
    )


def _gold(item: dict[str, Any]) -> list[tuple[str, str]]:
    yes_no, long, short = (item["annotations"][0][name] for name in ("yes_no_answer", "long_answer", "short_answers"))
    shorts = [yes_no] if yes_no != "NONE" else [f"{span['start_token']}:{span['end_token']}" for span in short]
    longs = [] if long["start_token"] == -1 else [f"{long['start_token']}:{long['end_token']}"]
    return [(f"{item['example_id']}_short", [*shorts, ""][0]), (f"{item['example_id']}_long", [*longs, ""][0])]


GOLD = [row for item in TEST for row in _gold(item)]
ITEM_OF = {str(item["example_id"]): item for item in TEST}


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    guesses = ["5:40", " +7 : 9 ", "20:21", "YES", "NO", "", " ", "5:41", "-1:-1"]
    return perfect.assign(PredictionString=random.choice(guesses, len(perfect)))


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    true, predicted = [], []
    for row, cell in zip(submission["example_id"], submission["PredictionString"], strict=True):
        name, kind = row.split("_")
        annotation = ITEM_OF[name]["annotations"][0]
        spans = annotation["short_answers"] if kind == "short" else [annotation["long_answer"]]
        valid = [f"{span['start_token']}:{span['end_token']}" for span in spans if span["start_token"] != -1]
        if kind == "short" and annotation["yes_no_answer"] != "NONE":
            valid.append(annotation["yes_no_answer"])
        guess = cell.replace(" ", "").replace("+", "")
        predicted.append(int(guess != ""))
        true.append(int(guess in valid if guess else bool(valid)))
    return float(f1_score(true, predicted, average="micro"))


def _with_cell(cell: str) -> Change:
    return lambda table: table.assign(PredictionString=[cell, *table["PredictionString"][1:]])


CASES = [
    Case(
        id="tensorflow2-question-answering",
        raw={
            "simplified-nq-train.jsonl": "".join(json.dumps(item) + "\n" for item in ITEMS),
            "simplified-nq-test.jsonl": "",
            "sample_submission.csv": "example_id,PredictionString\n",
        },
        prepared={
            "public/simplified-nq-train.jsonl": _lines(TRAIN, list(ITEMS[0])),
            "public/simplified-nq-test.jsonl": _lines(TEST, TEST_FIELDS),
            "public/sample_submission.csv": csv_text(
                ["example_id", "PredictionString"], [[name, ""] for name, _ in GOLD]
            ),
            "private/test.jsonl": _lines(TEST, list(ITEMS[0])),
            "private/gold_submission.csv": csv_text(["example_id", "PredictionString"], GOLD),
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={
            "words for missing": lambda table: table.assign(
                PredictionString=table["PredictionString"].replace({"": "null", " ": "None"})
            )
        },
        invalid={
            f"prediction {cell!r}": _with_cell(cell)
            for cell in ("5", "5:", ":5", "1:2:3", "yes", "No", "a:b", "1.0:2", "1_0:12", "1 2", "9" * 30 + ":1")
        },
    )
]
