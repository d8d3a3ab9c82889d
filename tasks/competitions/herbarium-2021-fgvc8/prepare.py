"""Pressed plants of five herbaria: a fifth of each species becomes the test set."""

from pathlib import Path

from tasks.families import herbarium


def prepare(raw: Path, public: Path, private: Path) -> None:
    herbarium.prepare(raw, public, private, folder=".", encoding="utf-8")
