"""CT scans of the neck: a tenth of Kaggle's labelled studies are to learn from, all others are the test set.

Studies with boxes around fractures, with segmentations of vertebrae, with both and with neither are drawn apart.
"""

import random
from collections.abc import Collection
from pathlib import Path

from tasks import recipes

ID = "StudyInstanceUID"
TARGETS = ["patient_overall", "C1", "C2", "C3", "C4", "C5", "C6", "C7"]
BOX_COLUMNS = [ID, "x", "y", "width", "height", "slice_number"]
SEGMENTATION = ".nii"
TRAIN_SHARE = 0.1


def prepare(raw: Path, public: Path, private: Path) -> None:
    studies = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(studies, [ID, *TARGETS], "train.csv")
    recipes.require(studies[ID].is_unique, "train.csv has a study twice")
    boxes = recipes.read_csv(raw / "train_bounding_boxes.csv")
    recipes.require_columns(boxes, BOX_COLUMNS, "train_bounding_boxes.csv")
    segmented = [
        name.removesuffix(SEGMENTATION) for name in recipes.names_in(raw / "segmentations", suffix=SEGMENTATION)
    ]

    with_boxes, with_segmentation, others = _drawn(studies[ID].tolist(), set(boxes[ID]), set(segmented))
    is_train = studies[ID].isin(with_boxes | with_segmentation | others)
    train, test = studies[is_train], studies[~is_train]
    recipes.require_equal(len(train), round(len(studies) * TRAIN_SHARE), "number of studies to learn from")
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(boxes[boxes[ID].isin(with_boxes)], public / "train_bounding_boxes.csv")
    names = [f"{study}{SEGMENTATION}" for study in sorted(with_segmentation)]
    recipes.copy_files(raw / "segmentations", public / "segmentations", names)
    for part, rows in (("train", train), ("test", test)):
        recipes.copy_folders(raw / "train_images", public / f"{part}_images", rows[ID])

    answers = test.melt(id_vars=ID, value_vars=TARGETS, var_name="prediction_type", value_name="fractured")
    answers = answers.assign(row_id=answers[ID] + "_" + answers["prediction_type"])
    recipes.write_csv(answers, private / "answers.csv")
    recipes.write_csv(answers[[ID, "prediction_type", "row_id"]], public / "test.csv")
    recipes.write_csv(recipes.sample_of(answers, "row_id", {"fractured": 0.5}), public / "sample_submission.csv")


def _drawn(studies: list[str], boxed: set[str], segmented: set[str]) -> tuple[set[str], set[str], set[str]]:
    """Draw the studies to learn from: those with boxes, those with a segmentation, which overlap, and others."""
    generator = random.Random(0)  # noqa: S311 - a draw, no secret

    def draw(candidates: Collection[str], all_such: Collection[str], drawn: int = 0) -> set[str]:
        """Draw a share of `all_such`, of which some are drawn already, from the candidates."""
        return set(generator.sample(list(candidates), round(len(all_such) * TRAIN_SHARE) - drawn))

    both = sorted(boxed & segmented)
    with_both = draw(both, both)
    segmented_only = draw(sorted(segmented - boxed), segmented, len(with_both))
    boxed_only = draw(sorted(boxed - segmented), boxed, len(with_both))
    special = with_both | segmented_only | boxed_only
    others = draw([study for study in studies if study not in special], studies, len(special))
    return with_both | boxed_only, with_both | segmented_only, others
