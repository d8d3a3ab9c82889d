"""Calls an agent's function on the tables of a view, in the sandbox, and writes what it gives. Judged is outside.

$CODE_DIR/plan.json says what to call: file, function, shape (`split` or `transform`), train, test, target, probes.
Written to $SUBMISSION_DIR:
    pairs.json              split: [[train positions, valid positions], ...]
    train.csv, test.csv     transform: the two tables it gave
    probes.json             transform: [{row, before, after}, ...], the row's cells when its own target is changed
"""

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

MOST_PAIRS = 1000

Plan = dict[str, Any]
Transform = Callable[[pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]]


def main() -> None:
    """Carry the plan out. Ends with an error where the code has one."""
    code, out, data = (Path(os.environ[name]) for name in ("CODE_DIR", "SUBMISSION_DIR", "DATA_DIR"))
    plan = json.loads((code / "plan.json").read_text(encoding="utf-8"))
    spec = importlib.util.spec_from_file_location("handed_in", code / plan["file"])
    if spec is None or spec.loader is None:
        sys.exit(f"{plan['file']} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function = getattr(module, plan["function"], None)
    if not callable(function):
        sys.exit(f"{plan['file']} has no function {plan['function']}")
    train = read(data / plan["train"])
    if plan["shape"] == "split":
        pairs = [[positions(part) for part in pair] for pair in islice(function(train), MOST_PAIRS)]
        (out / "pairs.json").write_text(json.dumps(pairs), encoding="utf-8")
    else:
        transform(function, train, read(data / plan["test"]), plan, out)


def transform(function: Transform, train: pd.DataFrame, test: pd.DataFrame, plan: Plan, out: Path) -> None:
    """Call the function once on the tables, and once for each probed row with its target changed."""
    target: str = plan["target"]
    before, after_test = function(train.copy(), test.copy())
    before = before.reset_index(drop=True)
    before.to_csv(out / "train.csv", index=False)
    after_test.reset_index(drop=True).to_csv(out / "test.csv", index=False)
    probes = []
    for row in probed_rows(train, plan):
        values = train[target].copy()
        values.iloc[row] = another(values, row)
        again = function(train.assign(**{target: values}), test.copy())[0].reset_index(drop=True)
        cells = [table.drop(columns=target, errors="ignore").iloc[row] for table in (before, again)]
        probes.append({"row": row, "before": written(cells[0]), "after": written(cells[1])})
    (out / "probes.json").write_text(json.dumps(probes), encoding="utf-8")


def probed_rows(train: pd.DataFrame, plan: Plan) -> list[int]:
    """Rows spread over the table; with gaps, where there are any."""
    most: int = plan["probes"]
    features = [name for name in train if name != plan["target"]]
    gaps = [row for row, has_gap in enumerate(train[features].isna().any(axis=1)) if has_gap]
    rows = gaps if len(gaps) >= most else list(range(len(train)))
    step = max(1, len(rows) // most)
    return rows[step // 2 :: step][:most]


def another(target: "pd.Series[Any]", row: int) -> Any:
    """A value of the target that is far from the row's own."""
    values = sorted(target.dropna().unique(), key=str if target.dtype.kind not in "iuf" else None)
    return values[-1] if target.iloc[row] != values[-1] else values[0]


def positions(part: Iterable[Any]) -> list[int]:
    return [int(place) for place in part]


def written(cells: "pd.Series[Any]") -> dict[str, str]:
    return {str(name): str(cell) for name, cell in cells.items()}


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")


if __name__ == "__main__":
    main()
