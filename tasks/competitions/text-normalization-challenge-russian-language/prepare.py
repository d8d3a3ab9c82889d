"""Russian tokens and how they are read aloud: a tenth of Kaggle's labelled sentences becomes the test set."""

from pathlib import Path

from tasks.families import text_normalization


def prepare(raw: Path, public: Path, private: Path) -> None:
    text_normalization.prepare(raw, public, private, language="ru")
