"""Photos of cats and dogs: a tenth of Kaggle's labelled ones becomes the test set. All are numbered anew."""

from collections import Counter
from pathlib import Path

import pandas as pd

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    # Kaggle's test photos have no labels. They are not used, but a download without them is not whole.
    recipes.require(recipes.names_in(raw / "test.zip", "test"), "test.zip holds no folder test/ with files")
    photos = recipes.names_in(raw / "train.zip", "train", suffix=".jpg")
    train, test = recipes.split(photos, test_size=0.1)
    numbers: Counter[str] = Counter()
    new_train = {}
    for name in train:
        animal = "cat" if "cat" in name else "dog"
        new_train[f"train/{name}"] = f"{animal}.{numbers[animal]}.jpg"
        numbers[animal] += 1
    new_test = {f"train/{name}": f"{number}.jpg" for number, name in enumerate(test, start=1)}
    for part, names in (("train", new_train), ("test", new_test)):
        recipes.copy_files(raw / "train.zip", public / part, names)
        recipes.write_zip(public / f"{part}.zip", public / part, names.values())
    ids = range(1, len(test) + 1)
    answers = pd.DataFrame({"id": ids, "label": [int("dog" in name) for name in test]})
    recipes.write_csv(answers, private / "answers.csv")
    recipes.write_csv(recipes.sample_of(answers, "id", {"label": 0.5}), public / "sample_submission.csv")
