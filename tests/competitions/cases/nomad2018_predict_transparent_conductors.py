import numpy as np
import pandas as pd
from sklearn.metrics import mean_squared_log_error

from tests.competitions.case import Case, csv_text, split_positions

TARGETS = ["formation_energy_ev_natom", "bandgap_energy_ev"]
HEADER = [
    *("id", "spacegroup", "number_of_total_atoms", "percent_atom_al", "percent_atom_ga", "percent_atom_in"),
    *("lattice_vector_1_ang", "lattice_vector_2_ang", "lattice_vector_3_ang"),
    *("lattice_angle_alpha_degree", "lattice_angle_beta_degree", "lattice_angle_gamma_degree"),
    *TARGETS,
]
N = 31
TRAIN, TEST = split_positions(N, 4)  # ceil(3.1)


def _row(n: int, share: str) -> list[object]:
    angles = [90 + n % 3, 120.5, 91.1 + n / 8]
    return [n + 1, 167 + n % 9, 80, share, "0.375", "0.0", 10.5 + n / 7, 5.2, 4.9, *angles, n / 100, 1 + n / 3]


def _part(positions: list[int], columns: int) -> str:
    """Numbered anew; 0.6250 loses its zero."""
    return csv_text(
        HEADER[:columns], [[new, *_row(old, "0.625")[1:columns]] for new, old in enumerate(positions, start=1)]
    )


def _geometries(part: str, positions: list[int]) -> dict[str, str]:
    return {f"public/{part}/{new}/geometry.xyz": f"atoms {old + 1}" for new, old in enumerate(positions, start=1)}


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(**{name: perfect[name] * random.uniform(0, 2, len(perfect)) for name in TARGETS})


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return sum(float(np.sqrt(mean_squared_log_error(answers[name], submission[name]))) for name in TARGETS) / 2


CASES = [
    Case(
        id="nomad2018-predict-transparent-conductors",
        raw={
            "train.csv.zip": {"train.csv": csv_text(HEADER, [_row(n, "0.6250") for n in range(N)])},
            "train.zip": {
                **{f"train/{n + 1}/geometry.xyz": f"atoms {n + 1}" for n in range(N)},
                "train/1/old/geometry.xyz": "a level too deep",
                "train/900/geometry.xyz": "a material without a row",
                "train/1/notes.txt": "no geometry",
            },
            "test.csv.zip": {"test.csv": "not used"},
            "test.zip": {"test/1/geometry.xyz": "not used"},
            "sample_submission.csv.zip": {"sample_submission.csv": "not used"},
        },
        prepared={
            "public/train.csv": _part(TRAIN, len(HEADER)),
            "public/test.csv": _part(TEST, len(HEADER) - 2),
            "private/test.csv": _part(TEST, len(HEADER)),
            "public/sample_submission.csv": csv_text(
                ["id", *TARGETS], [[new, 0.1779, 1.8892] for new in range(1, len(TEST) + 1)]
            ),
            **_geometries("train", TRAIN),
            **_geometries("test", TEST),
        },
        noise=_noise,
        score=_score,
        best=0.0,
        valid={"ids as floats": lambda table: table.assign(id=table["id"].astype(float))},
        invalid={
            "ids from 0": lambda table: table.assign(id=range(len(table))),
            "just below 0": lambda table: table.assign(bandgap_energy_ev=-1e-9),
        },
    )
]
