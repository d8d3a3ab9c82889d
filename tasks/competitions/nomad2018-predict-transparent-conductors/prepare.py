"""Oxides of aluminium, gallium and indium: a tenth of Kaggle's labelled ones becomes the test set, numbered anew."""

from pathlib import Path

import pandas as pd

from core.errors import DataError
from tasks import recipes

COLUMNS = [
    "id",
    "spacegroup",
    "number_of_total_atoms",
    *("percent_atom_al", "percent_atom_ga", "percent_atom_in"),
    *("lattice_vector_1_ang", "lattice_vector_2_ang", "lattice_vector_3_ang"),
    *("lattice_angle_alpha_degree", "lattice_angle_beta_degree", "lattice_angle_gamma_degree"),
]
SAMPLE = {"formation_energy_ev_natom": 0.1779, "bandgap_energy_ev": 1.8892}  # the targets' means


def prepare(raw: Path, public: Path, private: Path) -> None:
    for name in ("test.csv.zip", "test.zip"):  # not used, but a download without them is not whole
        recipes.require((raw / name).is_file(), f"raw/{name} is missing")
    materials = recipes.read_csv(raw / "train.csv.zip", member="train.csv")
    recipes.require_columns(materials, [*COLUMNS, *SAMPLE], "train.csv")
    geometries = _geometries(raw / "train.zip")
    parts = dict(zip(("train", "test"), recipes.split(materials, test_size=0.1), strict=True))
    for part, rows in parts.items():
        new_names = {
            geometries[old]: f"{new}/geometry.xyz" for new, old in enumerate(rows["id"], start=1) if old in geometries
        }
        recipes.require_equal(len(new_names), len(rows), f"materials of {part} with a geometry")
        recipes.copy_files(raw / "train.zip", public / part, new_names)

    # Both parts count from 1: an id names a material together with its part.
    train, test = (rows.assign(id=range(1, len(rows) + 1)) for rows in parts.values())
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(test.drop(columns=list(SAMPLE)), public / "test.csv")
    recipes.write_csv(recipes.sample_of(test, "id", SAMPLE), public / "sample_submission.csv")


def _geometries(archive: Path) -> dict[int, str]:
    """The files train/<id>/*.xyz by id."""
    names = [f"train/{name}" for name in recipes.names_in(archive, "train", suffix=".xyz", recursive=True)]
    try:
        found = pd.Series({name: int(name.split("/")[1]) for name in names if name.count("/") == 2})
    except ValueError as error:
        raise DataError(f"{archive.name} holds a folder that is no number: {error}") from error
    recipes.require(found.is_unique, f"{archive.name} holds two geometries of one material")
    return {number: str(name) for name, number in found.items()}
