"""Whom a submission to h-and-m has to name: everybody when it is validated, the buyers when it is graded."""

from pathlib import Path

import pandas as pd
import pytest

from core.errors import SubmissionInvalid
from tasks.data import prepare
from tasks.registry import COMPETITIONS, load_competition
from tests.competitions.case import write_files
from tests.competitions.cases.h_and_m_personalized_fashion_recommendations import BUYERS, CASES, CUSTOMERS


@pytest.mark.parametrize(
    ("customers", "validated", "graded"),
    [(CUSTOMERS, True, True), (BUYERS, False, True), (BUYERS[1:], False, False)],
    ids=["everybody", "the buyers", "not all buyers"],
)
def test_the_buyers_are_needed_for_a_grade(customers: list[str], validated: bool, graded: bool, tmp_path: Path) -> None:
    competition = load_competition(CASES[0].id, roots=[COMPETITIONS])
    write_files(tmp_path / competition.id / "raw", CASES[0].raw)
    prepared = prepare(competition, tmp_path, verify=False)
    submission = tmp_path / "submission.csv"
    pd.DataFrame({"customer_id": customers, "prediction": "706016002"}).to_csv(submission, index=False)

    if validated:
        competition.check(submission, prepared.public)
    else:
        with pytest.raises(SubmissionInvalid, match="lacks"):
            competition.check(submission, prepared.public)
    if graded:
        assert competition.score(submission, prepared.public, prepared.private) == 0.25
    else:
        with pytest.raises(SubmissionInvalid, match=r"give a row for each one of sample_submission\.csv"):
            competition.score(submission, prepared.public, prepared.private)
