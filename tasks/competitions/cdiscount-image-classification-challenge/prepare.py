"""Products of a shop with their photos, as BSON: a tenth of Kaggle's labelled ones becomes the test set."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import DataError
from tasks import recipes

ID, TARGET = "_id", "category_id"
PRODUCT = np.dtype([(ID, "i8"), (TARGET, "i8")])
SAMPLE_CATEGORY = 1000010653
EXAMPLES = 100


def prepare(raw: Path, public: Path, private: Path) -> None:
    # Twice through the file: the split needs to know how many products there are.
    documents = _documents(raw / "train.bson")
    products = pd.DataFrame(np.fromiter(((document[ID], document[TARGET]) for document in documents), PRODUCT))
    recipes.require(products[ID].is_unique, "train.bson holds an _id twice")
    is_test = np.zeros(len(products), dtype=bool)
    is_test[recipes.split(np.arange(len(products)), test_size=0.1)[1]] = True
    answers = products[is_test].sort_values(ID)
    recipes.write_csv(answers, private / "answers.csv")
    recipes.write_csv(recipes.sample_of(answers, ID, {TARGET: SAMPLE_CATEGORY}), public / "sample_submission.csv")
    _write(raw / "train.bson", public, is_test.tolist())
    recipes.copy_files(raw, public, ["category_names.csv"])


def _write(source: Path, public: Path, is_test: list[bool]) -> None:
    """Write train and test documents in the order of `source`, those of test without their category."""
    encode = _bson().encode
    examples = 0
    with (
        (public / "train.bson").open("xb") as train,
        (public / "train_example.bson").open("xb") as example,
        (public / "test.bson").open("xb") as test,
    ):
        for document, held_out in zip(_documents(source), is_test, strict=True):
            if held_out:
                test.write(encode({key: value for key, value in document.items() if key != TARGET}))
                continue
            train.write(document.raw)
            if examples < EXAMPLES:
                example.write(document.raw)
                examples += 1


def _documents(path: Path) -> Iterator[Any]:
    """The documents of a BSON file; their pictures stay bytes that are not looked into."""
    bson = _bson()
    options = bson.codec_options.CodecOptions(document_class=bson.raw_bson.RawBSONDocument)
    try:
        with path.open("rb") as file:
            yield from bson.decode_file_iter(file, options)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except bson.errors.InvalidBSON as error:
        raise DataError(f"{path} is no whole BSON file: {error}") from error


def _bson() -> Any:
    try:
        importlib.import_module("bson.raw_bson")
    except ModuleNotFoundError as error:
        raise DataError("BSON files need the package pymongo: pip install -e '.[catalogue]'") from error
    return importlib.import_module("bson")
