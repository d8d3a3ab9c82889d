"""Pressed plants of the New York Botanical Garden: a fifth of each species becomes the test set."""

from pathlib import Path

from tasks.families import herbarium


def prepare(raw: Path, public: Path, private: Path) -> None:
    # The file is UTF-8 and was read as Latin-1 when the data were made: names with accents look broken.
    herbarium.prepare(raw, public, private, folder="nybg2020", encoding="latin-1")
