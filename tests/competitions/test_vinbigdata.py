"""The first box of a vinbigdata submission, which the reference's evaluator lets match a true box again."""

from pathlib import Path

import pandas as pd
import pytest

from tasks.registry import COMPETITIONS, load_competition

TRUTH = {"a": "3 1.0 0 0 9 9", "b": "3 1.0 10 10 20 20"}
FOUND = {"a": "3 0.1 500 500 9 9", "b": "3 0.9 10 10 20 20 3 0.8 10 10 20 20"}


@pytest.mark.parametrize(("order", "expected"), [("ab", 51 / 101), ("ba", 1.0)])
def test_a_box_that_the_first_one_found_may_be_found_again(order: str, expected: float, tmp_path: Path) -> None:
    competition = load_competition("vinbigdata-chest-xray-abnormalities-detection", roots=[COMPETITIONS])
    for name, texts in (("gold_submission.csv", TRUTH), ("submission.csv", {image: FOUND[image] for image in order})):
        table = pd.DataFrame({"image_id": list(texts), "PredictionString": list(texts.values())})
        table.to_csv(tmp_path / name, index=False)
    assert competition.score(tmp_path / "submission.csv", tmp_path, tmp_path) == pytest.approx(expected, abs=1e-5)
