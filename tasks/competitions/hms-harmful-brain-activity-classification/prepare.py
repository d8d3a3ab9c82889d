"""Recordings of brain activity: a tenth of Kaggle's labelled spectrograms, with their EEGs, becomes the test set."""

from pathlib import Path

from tasks import recipes

EEG, SPECTROGRAM, PATIENT = "eeg_id", "spectrogram_id", "patient_id"
VOTES = ["seizure_vote", "lpd_vote", "gpd_vote", "lrda_vote", "grda_vote", "other_vote"]
COLUMNS = [
    *(EEG, "eeg_sub_id", "eeg_label_offset_seconds"),
    *(SPECTROGRAM, "spectrogram_sub_id", "spectrogram_label_offset_seconds"),
    *("label_id", PATIENT, "expert_consensus", *VOTES),
]


def prepare(raw: Path, public: Path, private: Path) -> None:
    windows = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(windows, COLUMNS, "train.csv")
    recipes.require((windows[VOTES].sum(axis="columns") > 0).all(), "train.csv has rows without votes")
    _, test_spectrograms = recipes.split(windows[SPECTROGRAM].unique(), test_size=0.1)
    is_test = windows[SPECTROGRAM].isin(test_spectrograms)
    train, test = windows[~is_test], windows[is_test]
    recipes.require_disjoint(train[EEG], test[EEG], "EEGs")
    for part, rows in (("train", train), ("test", test)):
        for kind, column in (("eegs", EEG), ("spectrograms", SPECTROGRAM)):
            names = [f"{name}.parquet" for name in rows[column].unique()]
            recipes.copy_files(raw / f"train_{kind}", public / f"{part}_{kind}", names)
    recipes.copy_folders(raw, public, ["example_figures"])
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(test[[SPECTROGRAM, EEG, PATIENT]], public / "test.csv")
    shares = test[VOTES].div(test[VOTES].sum(axis="columns"), axis="index")
    recipes.write_csv(test[[EEG]].join(shares), private / "gold_submission.csv")
    recipes.write_csv(recipes.sample_of(test, EEG, dict.fromkeys(VOTES, 1 / 6)), public / "sample_submission.csv")
