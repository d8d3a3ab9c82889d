"""Sentences with one word missing: a hundredth of Kaggle's corpus, drawn line by line, becomes the test set."""

from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np

from tasks import archives, recipes

LINES = 30_301_028
TEST_SHARE = 0.01
FEWEST_WORDS = 3
HEADER = '"id","sentence"\n'


def prepare(raw: Path, public: Path, private: Path) -> None:
    with (
        archives.opened_member(raw / "train_v2.txt.zip", "train_v2.txt") as packed,
        recipes.new_zip(public / "train_v2.txt.zip") as new,
        new.member("train_v2.txt") as file,
        (private / "test.csv").open("x", encoding="utf-8", newline="\n") as answers,
        (private / "sample_submission.csv").open("x", encoding="utf-8", newline="\n") as sample,
    ):
        answers.write(HEADER)
        sample.write(HEADER)
        # Line ends of all kinds become \n.
        corpus = islice(TextIOWrapper(packed, encoding="utf-8"), LINES)
        for number, (whole, shortened) in enumerate(_held_out(corpus, file)):
            answers.write(f'{number},"{whole}"\n')
            sample.write(f'{number},"{shortened}"\n')
    recipes.write_zip(public / "test_v2.txt.zip", private, {"sample_submission.csv": "test_v2.txt"})


def _held_out(corpus: Iterable[str], train: IO[bytes]) -> Iterator[tuple[str, str]]:
    """Draw test sentences, each as it is and with a word missing, quotes doubled; write all other lines to `train`."""
    # Each draw depends on what the line before was, hence line by line.
    random = np.random.RandomState(0)
    draw, write = random.random_sample, train.write
    for line in corpus:
        if draw() <= TEST_SHARE and len(line.split()) >= FEWEST_WORDS:
            sentence = line.strip().replace('"', '""')
            words = sentence.split()
            del words[random.randint(1, len(words) - 1)]  # neither the first nor the last
            yield sentence, " ".join(words)
        else:
            write(line.encode())
