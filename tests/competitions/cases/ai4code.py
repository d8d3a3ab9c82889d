import json
import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from tests.competitions.case import Case, Content, csv_text

# 20,000 notebooks are test, whatever their number: most are hard links to the first one, which is quick.
IDS = [f"{n * 7919:014x}" for n in range(20_060)]
CELLS = ["1862f0a6", "2a9e43d6", "7e2f170a", "3e99dee9"]
# One family of 19,970, one of 40, one of 10, and 40 of one.
FAMILIES = ["large"] * 19_970 + ["medium"] * 40 + ["small"] * 10 + [f"alone {n}" for n in range(40)]
PARENTS = [IDS[n - 1] if n % 3 == 0 and n else None for n in range(len(IDS))]
OWN_CONTENT = set(range(0, len(IDS), 500))
SHUFFLED = [int(n) for n in np.random.RandomState(0).permutation(len(IDS))]


def _cells(n: int) -> list[str]:
    """As the file lists them."""
    return [f"{n + k:08x}" for k in range(5)] if n in OWN_CONTENT and n else CELLS


def _order(n: int) -> str:
    cells = _cells(n)
    return " ".join([*cells[n % 3 :], *cells[: n % 3]])


def _notebook(n: int) -> str:
    cells = _cells(n)
    kinds = {cell: "code" if k < 2 else "markdown" for k, cell in enumerate(cells)}
    return json.dumps({"cell_type": kinds, "source": dict.fromkeys(cells, "x = 'né'")})


def _link(path: Path) -> None:
    os.link(path.with_name(f"{IDS[0]}.json"), path)


def _raw(n: int) -> Content:
    return _notebook(n) if n in OWN_CONTENT else _link


def _test() -> set[int]:
    members: dict[str, list[int]] = {}
    for n in SHUFFLED:
        members.setdefault(FAMILIES[n], []).append(n)
    test: set[int] = set()
    for family in members.values():
        if len(test) + len(family) <= 20_000:
            test.update(family)
    return test


TEST = _test()
TEST_ROWS, TRAIN_ROWS = sorted(TEST), [n for n in range(len(IDS)) if n not in TEST]
ANCESTORS, ORDERS = ["id", "ancestor_id", "parent_id"], ["id", "cell_order"]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(cell_order=[" ".join(random.permutation(cells.split())) for cells in perfect["cell_order"]])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    wrong = ordered = 0
    for true, guess in zip(answers["cell_order"], submission["cell_order"], strict=True):
        cells = guess.split()
        wrong += sum(cells.index(one) > cells.index(other) for one, other in combinations(true.split(), 2))
        ordered += len(cells) * (len(cells) - 1)
    return 1 - 4 * wrong / ordered


def _changed(table: pd.DataFrame, cells: str) -> pd.DataFrame:
    return table.assign(cell_order=[cells, *table["cell_order"].iloc[1:]])


CASES = [
    Case(
        id="AI4Code",
        raw={
            **{f"train/{IDS[n]}.json": _raw(n) for n in range(len(IDS))},
            "train_orders.csv": csv_text(ORDERS, [[IDS[n], _order(n)] for n in range(len(IDS))]),
            "train_ancestors.csv": csv_text(ANCESTORS, zip(IDS, FAMILIES, PARENTS, strict=True)),
        },
        prepared={
            **{f"public/train/{IDS[n]}.json": _notebook(n if n in OWN_CONTENT else 0) for n in TRAIN_ROWS},
            **{f"public/test/{IDS[n]}.json": _notebook(n if n in OWN_CONTENT else 0) for n in TEST_ROWS},
            "public/train_orders.csv": csv_text(ORDERS, [[IDS[n], _order(n)] for n in TRAIN_ROWS]),
            "public/train_ancestors.csv": csv_text(
                ANCESTORS, [[IDS[n], FAMILIES[n], PARENTS[n]] for n in SHUFFLED if n not in TEST]
            ),
            "public/sample_submission.csv": csv_text(ORDERS, [[IDS[n], " ".join(_cells(n))] for n in TEST_ROWS]),
            "private/test_orders.csv": csv_text(ORDERS, [[IDS[n], _order(n)] for n in TEST_ROWS]),
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={
            "repeated blanks": lambda table: table.assign(cell_order=" " + table["cell_order"].str.replace(" ", "  "))
        },
        invalid={
            "a cell missing": lambda table: _changed(table, " ".join(table["cell_order"].iloc[0].split()[1:])),
            "a cell twice": lambda table: _changed(table, table["cell_order"].iloc[0] + " " + CELLS[0]),
            "a cell in place of another": lambda table: _changed(table, table["cell_order"].iloc[0][:-1] + "x"),
        },
    )
]
