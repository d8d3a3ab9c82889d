"""Requests for a pizza, as JSON: Kaggle's labelled ones are split in the ratio of Kaggle's own train and test."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import DataError
from tasks import recipes

ID, TARGET = "request_id", "requester_received_pizza"


def prepare(raw: Path, public: Path, private: Path) -> None:
    labelled, unlabelled = _requests(raw / "train.json"), _requests(raw / "test.json")
    train, test = recipes.split(labelled, test_size=len(unlabelled) / (len(labelled) + len(unlabelled)))
    # What is known when a request is posted: the fields of Kaggle's test objects.
    known = list(unlabelled[0])
    recipes.write_json(train, public / "train.json", indent=4)
    recipes.write_json([{field: request[field] for field in known} for request in test], public / "test.json", indent=4)
    recipes.write_zip(public / "train.zip", public, ["train.json"])
    recipes.write_zip(public / "test.zip", public, ["test.json"])
    answers = pd.DataFrame({ID: [request[ID] for request in test], TARGET: [int(request[TARGET]) for request in test]})
    recipes.write_csv(answers, private / "test.csv")
    recipes.write_csv(recipes.sample_of(answers, ID, {TARGET: 0}), public / "sampleSubmission.csv")


def _requests(path: Path) -> list[dict[str, Any]]:
    try:
        requests: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    recipes.require(requests, f"{path.name} holds no requests")
    recipes.require(
        all(request.keys() == requests[0].keys() for request in requests),
        f"the requests of {path.name} differ in fields",
    )
    return requests
