"""Spoken words of one second: a tenth of Kaggle's labelled clips becomes the test set, under new names."""

from pathlib import Path, PurePosixPath

import pandas as pd

from tasks import recipes

AUDIO = "train/audio"


def prepare(raw: Path, public: Path, private: Path) -> None:
    names = recipes.names_in(raw / "train.7z", AUDIO, suffix=".wav", recursive=True)
    # As one text, not by label and then by name: "_" comes before lower-case letters and after upper-case ones.
    clips = sorted((PurePosixPath(name) for name in names), key=lambda clip: f"{clip.parent.name}_{clip.name}")
    train, test = recipes.split(clips, test_size=0.1)
    new_names = [f"clip_{number:08}.wav" for number in range(len(test))]
    # Both parts at once: each pass unpacks the whole archive.
    mapping = {f"{AUDIO}/{clip}": f"{AUDIO}/{clip.parent.name}/{clip.name}" for clip in train}
    mapping |= {f"{AUDIO}/{clip}": f"test/audio/{name}" for clip, name in zip(test, new_names, strict=True)}
    recipes.copy_files(raw / "train.7z", public, mapping)
    answers = pd.DataFrame({"fname": new_names, "label": [clip.parent.name for clip in test]})
    recipes.write_csv(answers, private / "test.csv")
    recipes.write_csv(recipes.sample_of(answers, "fname", {"label": "silence"}), public / "sample_submission.csv")
