"""Lung capacities of patients over time: a tenth of Kaggle's patients become the test set, with their first visit."""

from pathlib import Path

import pandas as pd

from tasks import recipes

COLUMNS = ["Patient", "Weeks", "FVC", "Percent", "Age", "Sex", "SmokingStatus"]


def prepare(raw: Path, public: Path, private: Path) -> None:
    visits = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(visits, COLUMNS, "train.csv")
    # Groups come sorted by patient, each with its rows in the order of the file.
    train_groups, test_groups = recipes.split([group for _, group in visits.groupby("Patient")], test_size=0.1)
    train, test = pd.concat(train_groups), pd.concat(test_groups)
    recipes.require(not test.duplicated(["Patient", "Weeks"]).any(), "a test patient has two visits in one week")
    recipes.write_csv(train, public / "train.csv")
    first_visits = test.sort_values("Weeks").groupby("Patient").first().reset_index()
    recipes.write_csv(first_visits, public / "test.csv")
    answers = _every_week(test).assign(Confidence=100)
    recipes.write_csv(answers, private / "test.csv")
    sample = recipes.sample_of(answers, "Patient_Week", {"FVC": 2000, "Confidence": 100})
    recipes.write_csv(sample, public / "sample_submission.csv")
    for part, table in (("train", train), ("test", test)):
        for patient in table["Patient"].unique():
            scans = recipes.names_in(raw / "train", patient, recursive=True)
            recipes.copy_files(raw / "train" / patient, public / part / patient, scans)


def _every_week(visits: pd.DataFrame) -> pd.DataFrame:
    """A row for each patient and each week between the first and the last one of all patients' visits."""
    weeks = range(visits["Weeks"].min(), visits["Weeks"].max() + 1)
    grid = pd.MultiIndex.from_product([visits["Patient"].unique(), weeks], names=["Patient", "Weeks"])
    table = grid.to_frame(index=False).merge(visits, how="left", on=["Patient", "Weeks"])
    return table.assign(Patient_Week=table["Patient"] + "_" + table["Weeks"].astype("str"))
