"""Clips of everyday sounds: Kaggle's data as they are, and the labels that were published of its test clips.

All that lies in the raw folder becomes public, but for these labels.
"""

from pathlib import Path

from tasks import recipes

ID = "fname"
CLASSES = list(recipes.read_lines(Path(__file__).with_name("classes.txt")))
LABELS = "FSDKaggle2019.meta"  # not of Kaggle: https://doi.org/10.5281/zenodo.3612637


def prepare(raw: Path, public: Path, private: Path) -> None:
    archive = raw / f"{LABELS}.zip"
    recipes.require(
        archive.is_file(),
        f"raw/{archive.name}, the labels of the test clips, is missing: Kaggle's archive does not hold it; download "
        f"https://zenodo.org/records/3612637/files/{archive.name} into {raw}",
    )
    labels = recipes.read_csv(archive, member=f"{LABELS}/test_post_competition.csv")
    private_test = labels[labels["usage"] == "Private"]
    marks = private_test["labels"].str.get_dummies(sep=",").reindex(columns=CLASSES, fill_value=0)
    answers = marks.assign(**{ID: private_test[ID]})[[ID, *CLASSES]]
    sample = recipes.read_csv(raw / "sample_submission.csv")
    recipes.require_columns(sample, [ID, *CLASSES], "sample_submission.csv")
    same = sorted(sample[ID]) == sorted(answers[ID])
    recipes.require(same, f"the private test clips of {archive.name} are not those of sample_submission.csv")
    _copy_all(raw, public)
    recipes.write_csv(answers, private / "test.csv")


def _copy_all(raw: Path, public: Path) -> None:
    entries = [entry for entry in sorted(raw.iterdir()) if LABELS not in entry.name]
    recipes.copy_files(raw, public, [entry.name for entry in entries if not entry.is_dir()])
    for folder in (entry for entry in entries if entry.is_dir()):
        recipes.copy_files(folder, public / folder.name, recipes.names_in(folder, recursive=True))
