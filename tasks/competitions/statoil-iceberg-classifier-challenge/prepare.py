"""Radar patches of ships and icebergs, as JSON: a fifth of Kaggle's labelled ones becomes the test set."""

import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import DataError
from tasks import archives, recipes

ID, TARGET = "id", "is_iceberg"
CHUNK_CHARACTERS = 1 << 22  # several patches


def prepare(raw: Path, public: Path, private: Path) -> None:
    # Of Kaggle's test patches, which have no labels, only the fields are used: those that a test patch has.
    known = _shared_fields(_patches(raw, "test"), "test.json")
    labelled = list(_patches(raw, "train"))
    fields = _shared_fields(iter(labelled), "train.json")
    recipes.require(
        {*known, TARGET} <= set(fields), f"train.json has the fields {fields}, expected {known} and {TARGET}"
    )
    train, test = recipes.split(labelled, test_size=0.2)
    recipes.require_disjoint([patch[ID] for patch in train], [patch[ID] for patch in test], "patches")
    with tempfile.TemporaryDirectory(dir=private) as folder:
        unpacked = Path(folder)
        recipes.write_json(train, unpacked / "train.json")
        recipes.write_json([{field: patch[field] for field in known} for patch in test], unpacked / "test.json")
        for name in ("train.json", "test.json"):
            recipes.write_7z(public / f"{name}.7z", unpacked, [name])
    answers = pd.DataFrame({ID: [patch[ID] for patch in test], TARGET: [int(patch[TARGET]) for patch in test]})
    recipes.write_csv(answers, private / "test.csv")
    recipes.write_csv(recipes.sample_of(answers, ID, {TARGET: 0.5}), private / "sample_submission.csv")
    recipes.write_7z(public / "sample_submission.csv.7z", private, ["sample_submission.csv"])


def _shared_fields(patches: Iterator[dict[str, Any]], what: str) -> list[str]:
    """The fields of the first patch, which all others have as well."""
    first: dict[str, Any] = next(patches, {})
    recipes.require(first, f"{what} holds no patches")
    recipes.require(all(patch.keys() == first.keys() for patch in patches), f"the patches of {what} differ in fields")
    return list(first)


def _patches(raw: Path, part: str) -> Iterator[dict[str, Any]]:
    """Patches one after the other, since a file has up to 1.5 GB of text."""
    decoder = json.JSONDecoder()
    with archives.opened_member(raw / f"{part}.json.7z", f"data/processed/{part}.json") as file:
        reader = io.TextIOWrapper(file, encoding="utf-8")
        text = reader.read(CHUNK_CHARACTERS).lstrip(" \r\n\t[")
        while not text.startswith("]"):
            try:
                patch, end = decoder.raw_decode(text)
            except json.JSONDecodeError as error:
                more = reader.read(CHUNK_CHARACTERS)
                if not more:
                    raise DataError(f"{part}.json is no list of JSON objects: {error}") from error
                text = (text + more).lstrip(" \r\n\t,")
            else:
                yield patch
                text = text[end:].lstrip(" \r\n\t,")
