"""Drives with phones: those of a tenth of the days of Kaggle's labelled drives become the test set."""

from pathlib import Path

import pandas as pd

from tasks import recipes

TRUTH = "ground_truth.csv"
COLUMNS = ["UnixTimeMillis", "LatitudeDegrees", "LongitudeDegrees"]
SOMEWHERE = {"LatitudeDegrees": 37.904611315634504, "LongitudeDegrees": -86.48107806249548}


def prepare(raw: Path, public: Path, private: Path) -> None:
    source = raw / "train"
    files = [name for name in recipes.names_in(source, recursive=True) if "/" in name]
    dates = {drive: _date(drive) for drive in {_drive(name) for name in files}}
    _, test_dates = recipes.split(sorted(set(dates.values())), test_size=0.1)
    test = [name for name in files if dates[_drive(name)] in test_dates]
    train = [name for name in files if dates[_drive(name)] not in test_dates]
    recipes.copy_files(source, public / "train", train)
    recipes.copy_files(source, public / "test", [name for name in test if not _is_truth(name)])
    recipes.copy_folders(raw, public, ["metadata"])
    # By the folders' names, so that "...-mtv" comes before "...-mtv-2".
    truths = sorted((name for name in test if _is_truth(name)), key=lambda name: name.split("/"))
    known = {_drive(name) for name in truths}
    recipes.require(all(_drive(name) in known for name in test), f"a test drive has no {TRUTH}")
    answers = pd.concat([_positions(source, name) for name in truths])
    recipes.write_csv(answers, private / "test.csv")
    sample = recipes.sample_of(answers, ["tripId", "UnixTimeMillis"], SOMEWHERE)
    recipes.write_csv(sample, public / "sample_submission.csv")


def _positions(source: Path, truth: str) -> pd.DataFrame:
    """Where a phone was at each time."""
    drive, phone, _ = truth.split("/")
    positions = recipes.read_csv_old_floats(source / truth)[COLUMNS]
    positions.insert(0, "tripId", f"{drive}-{phone}")
    return positions


def _drive(name: str) -> str:
    return name.partition("/")[0]


def _is_truth(name: str) -> bool:
    return name.endswith(f"/{TRUTH}")


def _date(drive: str) -> str:
    """The day of a drive as YYYY-MM-DD; its name may leave out zeros."""
    parts = drive.split("-")[:3]
    recipes.require(len(parts) == 3 and all(part.isdecimal() for part in parts), f"{drive} does not start with a date")
    return "-".join(part.zfill(2) for part in parts)
