from collections.abc import Iterable
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, split_positions

HEADER = ["id", *(f"f_{n:02}" for n in range(31)), "target"]
N_TEST = 100_000  # whatever the number of rows
N = N_TEST + 25
PERIOD = 210  # rows recur, all but their ids, so that so many are made quickly
RANDOM = np.random.RandomState(1)
REALS = RANDOM.normal(size=(PERIOD, 2)).tolist()
TEXTS = ["".join(letters) for letters in RANDOM.choice(list("ABCDE"), (PERIOD, 10)).tolist()]


def _features(n: int, real: str) -> str:
    cells = [*REALS[n], *range(n % 7, n % 7 + 24), real, TEXTS[n], 0.5, 1, "-3.0"]
    return ",".join(map(str, cells))


RAW_FEATURES = [_features(n, "2.500") for n in range(PERIOD)]
FEATURES = [_features(n, "2.5") for n in range(PERIOD)]


def _target(n: int) -> int:
    return n % 3 % 2


def _table(header: list[str], lines: Iterable[str]) -> str:
    return "\n".join([",".join(header), *lines, ""])


def _numbered(*, test: bool) -> Iterable[tuple[int, int]]:
    """New ids and old places of a part."""
    train_places, test_places = split_positions(N, N_TEST)
    return enumerate(test_places, start=len(train_places)) if test else enumerate(train_places)


# Tables of this size are made when they are needed.
def _write_raw(path: Path) -> None:
    path.write_text(_table(HEADER, (f"{3 * n},{RAW_FEATURES[n % PERIOD]},{_target(n)}" for n in range(N))))


def _assert_train(path: Path) -> None:
    lines = (f"{new},{FEATURES[old % PERIOD]},{_target(old)}" for new, old in _numbered(test=False))
    assert path.read_text() == _table(HEADER, lines)


def _assert_answers(path: Path) -> None:
    lines = (f"{new},{FEATURES[old % PERIOD]},{_target(old)}" for new, old in _numbered(test=True))
    assert path.read_text() == _table(HEADER, lines)


def _assert_test(path: Path) -> None:
    lines = (f"{new},{FEATURES[old % PERIOD]}" for new, old in _numbered(test=True))
    assert path.read_text() == _table(HEADER[:-1], lines)


def _assert_gold(path: Path) -> None:
    lines = (f"{new},{_target(old)}" for new, old in _numbered(test=True))
    assert path.read_text() == _table(["id", "target"], lines)


def _assert_sample(path: Path) -> None:
    assert path.read_text() == _table(["id", "target"], (f"{new},0.5" for new, _ in _numbered(test=True)))


CASES = [
    Case(
        id="tabular-playground-series-may-2022",
        raw={"train.csv": _write_raw, "test.csv": "not used", "sample_submission.csv": "not used"},
        prepared={
            "public/train.csv": _assert_train,
            "private/test.csv": _assert_answers,
            "private/gold_submission.csv": _assert_gold,
            "public/test.csv": _assert_test,
            "public/sample_submission.csv": _assert_sample,
        },
        noise=lambda perfect, random: perfect.assign(target=random.integers(0, 9, len(perfect)) / 8),
        score=lambda answers, submission: float(roc_auc_score(answers["target"], submission["target"])),
        best=1.0,
        valid={"ids as floats": lambda table: table.assign(id=table["id"].astype(float))},
        invalid={"ids from 0": lambda table: table.assign(id=range(len(table)))},
    )
]
