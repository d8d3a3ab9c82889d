"""Photos with and without a hidden message: 5,000 of Kaggle's pictures become the test set, each in one version."""

import random
from pathlib import Path

import pandas as pd

from tasks import recipes

COVER, ALGORITHMS = "Cover", ["JMiPOD", "JUNIWARD", "UERD"]
TEST_PICTURES = 5000


def prepare(raw: Path, public: Path, private: Path) -> None:
    pictures = recipes.names_in(raw, COVER, suffix=".jpg")
    recipes.require(len(pictures) > TEST_PICTURES, f"{COVER}/ holds {len(pictures)} pictures, expected 75,000")
    train, test = recipes.split(pictures, test_size=TEST_PICTURES, seed=42)
    for version in (COVER, *ALGORITHMS):
        names = {name: f"{number:05d}.jpg" for number, name in enumerate(train, start=1)}
        recipes.copy_files(raw / version, public / version, names)

    draw = random.Random(0)  # noqa: S311 - has to repeat the known draw
    draw.shuffle(test)
    versions = [_version(draw) for _ in test]
    ids = [f"{number:04d}.jpg" for number in range(1, len(test) + 1)]
    sources = [f"{version}/{name}" for version, name in zip(versions, test, strict=True)]
    recipes.copy_files(raw, public / "Test", dict(zip(sources, ids, strict=True)))
    answers = pd.DataFrame({"Id": ids, "Label": [int(version != COVER) for version in versions]})
    recipes.write_csv(answers, private / "test.csv")
    recipes.write_csv(recipes.sample_of(answers, "Id", {"Label": 0}), public / "sample_submission.csv")


def _version(draw: random.Random) -> str:
    """Draw whether a picture stays untouched, and only if not, the algorithm that altered it."""
    return COVER if draw.choice([True, False]) else draw.choice(ALGORITHMS)
