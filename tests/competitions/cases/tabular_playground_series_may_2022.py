from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["id", *(f"f_{n:02}" for n in range(31)), "target"]
N_TEST = 100_000  # whatever the number of rows
N = N_TEST + 25
RANDOM = np.random.RandomState(1)
REALS = RANDOM.normal(size=(100, 20)).tolist()
TEXTS = ["".join(letters) for letters in RANDOM.choice(list("ABCDE"), (100, 10)).tolist()]


def _row(n: int, real: str = "2.5") -> list[object]:
    """All but the id. Rows recur after 2,100, among them a number that is longer in the raw file."""
    return [*REALS[n % 100], *range(n % 7, n % 7 + 6), real, TEXTS[n % 100], 0.5, 1, "-3.0", n % 3 % 2]


def _new_rows(*, test: bool) -> Iterator[list[object]]:
    train_positions, test_positions = split_positions(N, N_TEST)
    first, positions = (len(train_positions), test_positions) if test else (0, train_positions)
    return ([first + new, *_row(old)] for new, old in enumerate(positions))


# Tables of this size are made when they are needed.
def _write_raw(path: Path) -> None:
    path.write_text(csv_text(HEADER, ([3 * n, *_row(n, "2.500")] for n in range(N))))


def _assert_train(path: Path) -> None:
    assert path.read_text() == csv_text(HEADER, _new_rows(test=False))


def _assert_answers(path: Path) -> None:
    assert path.read_text() == csv_text(HEADER, _new_rows(test=True))


def _assert_test(path: Path) -> None:
    assert path.read_text() == csv_text(HEADER[:-1], (row[:-1] for row in _new_rows(test=True)))


def _assert_gold(path: Path) -> None:
    assert path.read_text() == csv_text(["id", "target"], ([row[0], row[-1]] for row in _new_rows(test=True)))


def _assert_sample(path: Path) -> None:
    assert path.read_text() == csv_text(["id", "target"], ([row[0], 0.5] for row in _new_rows(test=True)))


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
