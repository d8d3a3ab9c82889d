import random

import pandas as pd

from tests.competitions.case import Case, Change, csv_text

IDS = [f"{n:04}" for n in (1, 403, 300, 12, 399, 410, 5, 44)]
SEQUENCES = ["2 12 3", "5", "20 1 1 7", "8 9 10", "3 3", "14 2 6 11 17", "1 2", "4"]
TEST = ["0300", "0399", "0403", "0410"]  # of part 4, sorted
_DRAWING = random.Random(0)
DRAWN = [[name, " ".join(map(str, _DRAWING.sample(range(1, 21), 20)))] for name in TEST]
PARTS = [f"{kind}{number}.tar.gz" for kind in ("training", "validation") for number in (1, 2, 3)]
COPIED = {**{name: {"Sample00001.zip": name} for name in PARTS}, "sample_code_mmrgc.zip": {"a.m": "code"}}
COPIED |= {name: {"a.avi": name} for name in ("devel01-40.7z", "valid_all_files_combined.7z")}
PART_4 = {f"Sample0{name}.zip": name for name in ("0410", "0300", "0403", "0399")} | {
    "more/Sample09999.zip": "",
    "a": "",
}


def _rows(*, test: bool) -> list[tuple[str, str]]:
    return [row for row in zip(IDS, SEQUENCES, strict=True) if (row[0] in TEST) == test]


def _cell(text: str) -> Change:
    return lambda table: table.assign(Sequence=[text, *table["Sequence"][1:]])


def _distance(one: list[int], other: list[int]) -> int:
    if not one or not other:
        return len(one) + len(other)
    kept = _distance(one[1:], other[1:]) + (one[0] != other[0])
    return min(kept, 1 + _distance(one[1:], other), 1 + _distance(one, other[1:]))


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    true, guessed = ([[int(t) for t in cell.split()] for cell in table["Sequence"]] for table in (answers, submission))
    return sum(map(_distance, true, guessed)) / sum(map(len, true))


CASES = [
    Case(
        id="multi-modal-gesture-recognition",
        raw={
            "training.csv": csv_text(["Id", "Sequence"], zip(IDS, SEQUENCES, strict=True)),
            "training4.tar.gz": PART_4,
            **COPIED,
            "test.csv": "Id\n",
            "randomPredictions.csv": "Id,Sequence\n",
        },
        prepared={
            "public/training.csv": csv_text(["Id", "Sequence"], _rows(test=False)),
            "public/test.csv": csv_text(["Id"], [[name] for name in TEST]),
            "public/randomPredictions.csv": csv_text(["Id", "Sequence"], DRAWN),
            "public/test.tar.gz": PART_4,
            **{f"public/{name}": members for name, members in COPIED.items()},
            "private/test.csv": csv_text(["Id", "Sequence"], _rows(test=True)),
        },
        # A list of nothing, numbers that are no gestures, one too few, one too many, and a swap.
        noise=lambda perfect, _: perfect.assign(Sequence=["5 007 -3", " ", "3", "2 14 6 11 17 99 100"]),
        score=_score,
        best=0.0,
        valid={
            "ids as numbers": lambda table: table.assign(Id=table["Id"].astype(int)),
            "ids as floats": lambda table: table.assign(Id=table["Id"].astype(float)),
            "further blanks": lambda table: table.assign(Sequence=table["Sequence"] + "  "),
        },
        invalid={
            "a float": _cell("5.0"),
            "commas": _cell("2,12"),
            "a word": _cell("2 basta"),
            "a word for missing": _cell("nan"),
            "names of samples as ids": lambda table: table.assign(Id="Sample0" + table["Id"]),
        },
    )
]
