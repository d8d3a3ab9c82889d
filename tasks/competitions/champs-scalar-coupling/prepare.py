"""Pairs of atoms and how they couple: a tenth of Kaggle's labelled molecules becomes the test set."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tasks import recipes

ID, MOLECULE, TARGET = "id", "molecule_name", "scalar_coupling_constant"
COLUMNS = [ID, MOLECULE, "atom_index_0", "atom_index_1", "type", TARGET]
OF_MOLECULES = (
    "structures.csv",
    "dipole_moments.csv",
    "magnetic_shielding_tensors.csv",
    "mulliken_charges.csv",
    "potential_energy.csv",
    "scalar_coupling_contributions.csv",
)


def prepare(raw: Path, public: Path, private: Path) -> None:
    pairs = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(pairs, COLUMNS, "train.csv")
    train_molecules, test_molecules = recipes.split(sorted(pairs[MOLECULE].unique()), test_size=0.1)
    train, test = _pairs_of(train_molecules, pairs), _pairs_of(test_molecules, pairs)
    recipes.require_disjoint(train[ID], test[ID], "ids")
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "answers.csv")
    recipes.write_csv(test.drop(columns=TARGET), public / "test.csv")
    recipes.write_csv(recipes.sample_of(test, ID, {TARGET: 0}), public / "sample_submission.csv")
    # As in the reference benchmark, test molecules lose their structures too.
    for name in OF_MOLECULES:
        table = recipes.read_csv(raw / name)
        table = table[table[MOLECULE].isin(train_molecules)]
        recipes.require_equal(table[MOLECULE].nunique(), len(train_molecules), f"train molecules in {name}")
        recipes.write_csv(table, public / name)
    recipes.copy_files(raw / "structures", public / "structures", [f"{name}.xyz" for name in train_molecules])


def _pairs_of(molecules: Sequence[str], pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs of one molecule after the other; those of each in the order of the raw table."""
    places = pd.Index(molecules).get_indexer(pd.Index(pairs[MOLECULE]))
    rows = np.flatnonzero(places >= 0)
    return pairs.iloc[rows[np.argsort(places[rows], kind="stable")]]
