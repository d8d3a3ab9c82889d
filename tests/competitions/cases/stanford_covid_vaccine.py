import json

import numpy as np
import pandas as pd

from tests.competitions.case import Case, Change, csv_text, split_positions

TARGETS = ["reactivity", "deg_Mg_pH10", "deg_pH10", "deg_Mg_50C", "deg_50C"]
SCORED = ["reactivity", "deg_Mg_pH10", "deg_Mg_50C"]
HEADER = ["id_seqpos", *TARGETS]
SHOWN = ["index", "id", "sequence", "structure", "predicted_loop_type", "seq_length", "seq_scored"]
LENGTH, MEASURED = 12, 5  # ten is before two as text
NOISY = {1, 4, 5, 17, 30}
CLEAN = [n for n in range(39) if n not in NOISY]
_, DRAWN = split_positions(len(CLEAN), 3)  # int(3.9), of all 39
TEST = sorted(CLEAN[position] for position in DRAWN)
TRAIN = [n for n in range(39) if n not in TEST]


def _values(n: int, target: int) -> list[float]:
    """Some whole, some below 0, one with more digits than are written."""
    return [0.3297, -0.25, 1.0, 0.123456789012, round((n * 7919 + target * 31) % 1000 / 777, 4)]


def _molecule(n: int, index: int) -> dict[str, object]:
    return {
        "index": index,
        "id": f"id_{n * 7919 % 1000:03}f",
        "sequence": "GGAAAC/U" + "ACGU",
        "structure": "." * LENGTH,
        "predicted_loop_type": "E" * LENGTH,
        "signal_to_noise": 0.5 if n in NOISY else 6.893,
        "SN_filter": 0.0 if n in NOISY else 1.0,
        "seq_length": LENGTH,
        "seq_scored": MEASURED,
        **{f"{target}_error": [0.1359, 0.25, 0.5, 0.75, 2.5] for target in TARGETS},
        **{target: _values(n, place) for place, target in enumerate(TARGETS)},
    }


def _lines(molecules: list[dict[str, object]]) -> str:
    return "".join(json.dumps(molecule) + "\n" for molecule in molecules)


def _written(molecule: dict[str, object]) -> dict[str, object]:
    """As pandas writes it: a column of whole numbers has no points, and there are ten decimals."""
    lists = {key: [round(x, 10) for x in value] for key, value in molecule.items() if isinstance(value, list)}
    filtered = {key: int(str(value)[0]) for key, value in molecule.items() if key == "SN_filter"}
    return {**molecule, **lists, **filtered}


def _compact(molecules: list[dict[str, object]]) -> str:
    return "".join(
        json.dumps(_written(molecule), separators=(",", ":")).replace("/", "\\/") + "\n" for molecule in molecules
    )


def _rows(n: int) -> list[list[str]]:
    name = _molecule(n, 0)["id"]
    lists = [_values(n, place) for place in range(len(TARGETS))]
    rows = []
    for base in range(LENGTH):
        values = [f"{values[base]:.10f}" if base < MEASURED else "0.0000000000" for values in lists]
        rows.append([f"{name}_{base}", *values, str(base < MEASURED)])
    return rows


ANSWERS = [row for n in TEST for row in _rows(n)]
HIDDEN = [{key: value for key, value in _molecule(n, index).items() if key in SHOWN} for index, n in enumerate(TEST)]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(**{name: perfect[name] + random.normal(size=len(perfect)) for name in SCORED})


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    kept = answers["keep"].to_numpy(dtype=bool)
    errors = [(answers[name] - submission[name])[kept] for name in SCORED]
    return float(sum(np.sqrt(np.dot(error, error) / kept.sum()) for error in errors) / 3)


def _first(name: str, cell: object) -> Change:
    return lambda table: table.assign(**{name: [cell, *table[name][1:]]})


CASES = [
    Case(
        id="stanford-covid-vaccine",
        raw={
            "train.json": _lines([_molecule(n, n) for n in range(39)]),
            "test.json": _lines([{key: _molecule(n, n)[key] for key in SHOWN} for n in (100, 101)]),
            "sample_submission.csv": csv_text(HEADER, []),
        },
        prepared={
            "public/train.json": _compact([_molecule(n, index) for index, n in enumerate(TRAIN)]),
            "public/test.json": _compact(HIDDEN),
            "public/sample_submission.csv": csv_text(HEADER, [[row[0], *["0.0000000000"] * 5] for row in ANSWERS]),
            "private/test.csv": csv_text([*HEADER, "keep"], ANSWERS),
        },
        noise=_noise,
        score=_score,
        best=0.0,
        valid={
            "anything behind the measured bases": lambda table: table.assign(
                reactivity=table["reactivity"].mask(table["id_seqpos"].str.endswith("_11"), 1e6)
            ),
            "nothing in a column that is not scored": _first("deg_pH10", ""),
            "a word in a column that is not scored": _first("deg_50C", "x"),
        },
        invalid={"a word in a scored column": _first("deg_Mg_50C", "x")},
    )
]
