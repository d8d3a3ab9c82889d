"""When the preparer of google-quest-challenge leaves the split alone."""

from pathlib import Path

import pandas as pd

from tasks.modules import load_module
from tasks.registry import COMPETITIONS
from tests.competitions.case import csv_text
from tests.competitions.cases.google_quest_challenge import HEADER, RAW, TEST, TRAIN


def test_nothing_is_swapped_where_a_test_pair_has_a_spelling_question(tmp_path: Path) -> None:
    place = HEADER.index("question_type_spelling")
    rows = [[*row[:place], "1.0", *row[place + 1 :]] if n == TEST[3] else row for n, row in enumerate(RAW)]
    raw, public, private = (tmp_path / name for name in ("raw", "public", "private"))
    for folder in (raw, public, private):
        folder.mkdir()
    (raw / "train.csv").write_text(csv_text(HEADER, rows))
    load_module(COMPETITIONS / "google-quest-challenge" / "prepare.py").prepare(raw, public, private)
    assert pd.read_csv(public / "train.csv")["qa_id"].tolist() == [RAW[n][0] for n in TRAIN]
    assert pd.read_csv(private / "test.csv")["qa_id"].tolist() == [RAW[n][0] for n in TEST]
