"""MRI slices and the organs on them: a tenth of Kaggle's labelled cases and the later days of others become test."""

from pathlib import Path, PurePosixPath

import pandas as pd

from tasks import recipes

TRAIN_DAYS = 4  # of a case; later ones are test
PREDICTED = "1 1 5 2"  # of the sample


def prepare(raw: Path, public: Path, private: Path) -> None:
    rows = recipes.read_csv(raw / "train.csv", dtype="str")
    recipes.require_columns(rows, ["id", "class", "segmentation"], "train.csv")
    # case<N>_day<D>_slice_<number>
    days = rows["id"].str.extract(r"^(?P<day>(?P<case>case[^_]*)_day(?P<number>\d+))_slice_\d+$")
    recipes.require(days["day"].notna().all(), "train.csv has ids that do not read case<N>_day<D>_slice_<number>")
    _, test_cases = recipes.split(days["case"].unique().tolist(), test_size=0.1, seed=42)
    test_days = _test_days(days, set(test_cases))
    is_test = days["day"].isin(test_days)
    train, test = rows[~is_test], rows[is_test]

    scans = recipes.names_in(raw / "train", recursive=True)
    without_scans = set(days["day"]) - {folder for name in scans for folder in name.split("/")[1:2]}
    recipes.require(not without_scans, f"{len(without_scans)} days of train.csv have no folder in train/")
    recipes.copy_files(raw / "train", public, _new_places(scans, set(days["case"]), set(test_cases), test_days))
    answers = test.rename(columns={"segmentation": "predicted"}).merge(
        _sizes(scans), how="left", on="id", validate="many_to_one"
    )
    recipes.require(answers["image_width"].notna().all(), "test rows without a scan in train/")
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test[["id", "class"]], public / "test.csv")
    recipes.write_csv(answers, private / "test.csv")
    sample = recipes.sample_of(test, ["id", "class"], {"predicted": PREDICTED})
    recipes.write_csv(sample, public / "sample_submission.csv")


def _test_days(days: pd.DataFrame, test_cases: set[str]) -> set[str]:
    """All days of the test cases, and those of other cases after the first four."""
    distinct = days.drop_duplicates().assign(number=lambda table: table["number"].astype("int64"))
    place = distinct.sort_values("number").groupby("case").cumcount()
    return set(distinct["day"][distinct["case"].isin(test_cases) | (place >= TRAIN_DAYS)])


def _new_places(scans: list[str], cases: set[str], test_cases: set[str], test_days: set[str]) -> dict[str, str]:
    """Where each file below train/ goes: `<case>/<day>/...`, with days that have no rows as the rest of the case."""
    mapping = {}
    for name in scans:
        case, *folders, _ = PurePosixPath(name).parts
        if case in cases:
            mapping[name] = f"{'test' if case in test_cases or test_days & set(folders) else 'train'}/{name}"
    return mapping


def _sizes(scans: list[str]) -> pd.DataFrame:
    """Width and height of each slice, which its file tells: <day>/scans/slice_<number>_<width>_<height>_....png."""
    pattern = r"/(?P<day>[^/]*)/scans/slice_(?P<slice>\d+)_(?P<width>\d+)_(?P<height>\d+)_[^/]*\.png$"
    parts = pd.Series(scans, dtype="str").str.extract(pattern).dropna()
    return pd.DataFrame(
        {
            "id": parts["day"] + "_slice_" + parts["slice"],
            "image_width": parts["width"].astype("float64"),
            "image_height": parts["height"].astype("float64"),
        }
    )
