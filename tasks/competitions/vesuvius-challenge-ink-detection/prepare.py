"""Ink on carbonised papyrus: the third of Kaggle's labelled fragments becomes the test set."""

from pathlib import Path, PurePosixPath

from PIL import Image, UnidentifiedImageError

from core.errors import DataError
from tasks import recipes

TEST = "train/3"
LABELS, PHOTOGRAPH = "inklabels_rle.csv", "ir.png"
HIDDEN = {"inklabels.png", LABELS, PHOTOGRAPH}
SUBMISSION = ["Id", "Predicted"]


def prepare(raw: Path, public: Path, private: Path) -> None:
    recipes.copy_folders(raw, public, ["train/1", "train/2"])
    files = recipes.names_in(raw, TEST, recursive=True)
    recipes.copy_files(
        raw, public, {f"{TEST}/{name}": f"test/a/{name}" for name in files if PurePosixPath(name).name not in HIDDEN}
    )
    labels = recipes.read_csv(raw / TEST / LABELS)
    recipes.require_columns(labels, SUBMISSION, f"{TEST}/{LABELS}")
    recipes.require_equal(len(labels), 1, f"rows of {TEST}/{LABELS}")
    width, height = _size(raw / TEST / PHOTOGRAPH)
    answers = labels.assign(Id="a", width=width, height=height)
    recipes.write_csv(answers, private / LABELS)
    recipes.write_csv(answers[SUBMISSION], private / "gold_submission.csv")
    sample = recipes.sample_of(answers, "Id", {"Predicted": "1 1 5 1"})
    recipes.write_csv(sample, public / "sample_submission.csv")


def _size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, UnidentifiedImageError) as error:
        raise DataError(f"{path} is missing, or is no image") from error
