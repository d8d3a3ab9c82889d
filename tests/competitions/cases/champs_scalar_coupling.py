import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["id", "molecule_name", "atom_index_0", "atom_index_1", "type", "scalar_coupling_constant"]
MOLECULES = sorted(f"dsgdb9nsd_{n:06}" for n in range(1, 60, 5))  # 12
TRAIN, TEST = split_positions(12, 2)  # ceil(1.2), of molecules
TYPES = ["1JHC", "2JHH", "3JHN"]
# Rows of a molecule are scattered, and molecules stand in another order than their names'.
PAIRS: list[tuple[int, str, int, int, str, str | float]] = [
    (n, MOLECULES[-1 - n % 12], n % 4, n % 3, TYPES[n % 7 % 3], ["84.80", "-0.00", "0.000010", "-11.257"][n % 4])
    for n in range(60)
]
PRINTED: dict[str | float, str] = {"84.80": "84.8", "-0.00": "-0.0", "0.000010": "1e-05", "-11.257": "-11.257"}
WRITTEN = [(*row[:5], PRINTED[row[5]]) for row in PAIRS]
ALL = [*MOLECULES, "dsgdb9nsd_133885"]  # structures are there for Kaggle's test molecules too
TABLES: dict[str, tuple[list[str], list[tuple[object, ...]]]] = {
    "structures.csv": (
        ["molecule_name", "atom_index", "atom", "x", "y", "z"],
        [(name, atom, "CH"[atom], 0.5, -1.25, 1e-05) for name in ALL for atom in (0, 1)],
    ),
    "dipole_moments.csv": (["molecule_name", "X", "Y", "Z"], [(name, 1.5, 0.0, 2.25) for name in MOLECULES]),
    "magnetic_shielding_tensors.csv": (
        ["molecule_name", "atom_index", "XX", "YX", "ZX", "XY", "YY", "ZY", "XZ", "YZ", "ZZ"],
        [(name, 0, *[31.341] * 9) for name in MOLECULES],
    ),
    "mulliken_charges.csv": (
        ["molecule_name", "atom_index", "mulliken_charge"],
        [(name, 0, -0.535689) for name in MOLECULES],
    ),
    "potential_energy.csv": (["molecule_name", "potential_energy"], [(name, -40.52368) for name in MOLECULES]),
    "scalar_coupling_contributions.csv": (
        ["molecule_name", "atom_index_0", "atom_index_1", "type", "fc", "sd", "pso", "dso"],
        [(name, 1, 0, "1JHC", 83.0224, 0.254579, 1.25862, 0.27201) for name in MOLECULES],
    ),
}
TRAIN_NAMES = [MOLECULES[n] for n in TRAIN]


def _of(positions: list[int]) -> list[tuple[object, ...]]:
    return [row for n in positions for row in WRITTEN if row[1] == MOLECULES[n]]


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    logs = []
    for kind in sorted(set(answers["type"])):
        chosen = [n for n, other in enumerate(answers["type"]) if other == kind]
        true, guess = answers[HEADER[5]].iloc[chosen], submission[HEADER[5]].iloc[chosen]
        logs.append(np.log(np.mean([abs(a - b) for a, b in zip(true, guess, strict=True)])))
    return float(np.mean(logs))


CASES = [
    Case(
        id="champs-scalar-coupling",
        raw={
            "train.csv": csv_text(HEADER, PAIRS),
            **{name: csv_text(*table) for name, table in TABLES.items()},
            **{f"structures/{name}.xyz": f"2\n\nC {name}" for name in ALL},
            "test.csv": "id,molecule_name,atom_index_0,atom_index_1,type\n",
        },
        prepared={
            "public/train.csv": csv_text(HEADER, _of(TRAIN)),
            "public/test.csv": csv_text(HEADER[:5], [row[:5] for row in _of(TEST)]),
            "public/sample_submission.csv": csv_text(["id", HEADER[5]], [[row[0], 0] for row in _of(TEST)]),
            "private/answers.csv": csv_text(HEADER, _of(TEST)),
            **{
                f"public/{name}": csv_text(header, [row for row in rows if row[0] in TRAIN_NAMES])
                for name, (header, rows) in TABLES.items()
            },
            **{f"public/structures/{name}.xyz": f"2\n\nC {name}" for name in TRAIN_NAMES},
        },
        noise=lambda perfect, random: perfect.assign(
            **{HEADER[5]: perfect[HEADER[5]] + random.normal(size=len(perfect))}
        ),
        score=_score,
        best=float(np.log(1e-9)),
        valid={"ids as floats": lambda table: table.assign(id=table["id"].astype(float))},
    )
]
