"""Screening mammograms: a tenth of the patients becomes the test set, where each breast is one prediction."""

from pathlib import Path

from tasks import recipes

ID, TARGET, PATIENT, IMAGE, SIDE = "prediction_id", "cancer", "patient_id", "image_id", "laterality"
KNOWN = ["site_id", PATIENT, IMAGE, SIDE, "view", "age", "implant", "machine_id"]  # of the test images
COLUMNS = [
    *("site_id", PATIENT, IMAGE, SIDE, "view", "age", TARGET, "biopsy", "invasive", "BIRADS"),
    *("implant", "density", "machine_id", "difficult_negative_case"),
]


def prepare(raw: Path, public: Path, private: Path) -> None:
    images = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(images, COLUMNS, "train.csv")
    _, test_patients = recipes.split(images[PATIENT].unique(), test_size=0.1, seed=42)
    is_test = images[PATIENT].isin(test_patients)
    train, test = images[~is_test], images[is_test]
    test = test.assign(**{ID: test[PATIENT].astype("str") + "_" + test[SIDE]})
    for part, rows in (("train", train), ("test", test)):
        names = [f"{patient}/{image}.dcm" for patient, image in zip(rows[PATIENT], rows[IMAGE], strict=True)]
        recipes.copy_files(raw / "train_images", public / f"{part}_images", names)
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test[[*KNOWN, ID]], public / "test.csv")
    # All images of a breast have the same label.
    answers = test.drop_duplicates(ID)[[ID, TARGET]].sort_values(ID)
    recipes.require(len(answers) < len(test), "no test patient has two images of one breast")
    recipes.write_csv(answers, private / "answers.csv")
    recipes.write_csv(recipes.sample_of(answers, ID, {TARGET: train[TARGET].mean()}), public / "sample_submission.csv")
