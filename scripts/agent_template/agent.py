"""Trains one model on a competition's table. The variables that it reads are the contract of every agent."""

import argparse
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.preprocessing import OrdinalEncoder

DATA = Path(os.environ["DATA_DIR"])  # the competition's public data, read-only
SUBMISSION = Path(os.environ["SUBMISSION_DIR"])  # submission.csv goes here
CODE = Path(os.environ["CODE_DIR"])  # the code that made it
AGENT = Path(os.environ["AGENT_DIR"])  # this folder
SEED = int(os.environ["SEED"])  # attempts differ in it
# os.environ["TIME_LIMIT_SECS"] says how long the agent may work.


def main() -> None:
    """Hand in something valid first, and something better when there is it."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--iterations", type=int, default=200)  # from kwargs of agent.yaml
    iterations = arguments.parse_args().iterations
    shutil.copy(__file__, CODE)

    if technique := os.environ.get("TECHNIQUE_TASK"):  # a question about the data, in technique_description.md
        (SUBMISSION / f"{technique}_analysis.json").write_text("{}")
        return
    question = described((DATA / "description.md").read_text())
    if question is None:
        print("the description has no part for programs: write what reads this competition's data")
        for sample in DATA.glob("*ample*ubmission*.csv"):
            hand_in(pd.read_csv(sample))
        return
    hand_in(pd.read_csv(DATA / question["submission"]["sample"]))
    better = predictions(question, iterations)
    if better is not None:
        hand_in(better)


def described(description: str) -> dict[str, Any] | None:
    """Give what the YAML block at the end of a description says, if there is one: table, metric, submission."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", description, re.MULTILINE | re.DOTALL)
    block = yaml.safe_load(blocks[-1]) if blocks else None
    return block if isinstance(block, dict) and block.get("table") and block.get("submission") else None


def predictions(question: dict[str, Any], iterations: int) -> pd.DataFrame | None:
    """Train on the training table, and give the submission for the test table; None where there is nothing to learn."""
    table, columns = question["table"], question["submission"]["columns"]
    train, test = pd.read_csv(DATA / table["train"]), pd.read_csv(DATA / table["test"])
    names = [name for name in test.columns if name in train.columns and name not in (table["id"], table["time"])]
    if not names:
        print("the table has no features: write what looks into the pictures")
        return None
    known, asked = features(train[names], test[names], texts=table["text"])
    print(f"learning {table['target']} from {len(known):,} rows of {known.shape[1]} features")
    submission = pd.DataFrame({question["submission"]["id"]: test[table["id"]]})
    if table["kind"] == "regression":
        regressor = HistGradientBoostingRegressor(max_iter=iterations, random_state=SEED)
        predicted = regressor.fit(known, train[table["target"]]).predict(asked)
        submission[columns[0]["name"]] = predicted.clip(min=0) if columns[0]["kind"] == "non_negative" else predicted
        return submission
    classifier = HistGradientBoostingClassifier(max_iter=iterations, random_state=SEED)
    classifier.fit(known, train[table["target"]])
    if len(columns) > 1:  # a probability for each class
        probabilities = pd.DataFrame(classifier.predict_proba(asked), columns=classifier.classes_.astype(str))
        for column in columns:
            submission[column["name"]] = probabilities[column["name"]]
    elif columns[0]["kind"] == "probability":  # of the second of two classes, such as 1
        submission[columns[0]["name"]] = classifier.predict_proba(asked)[:, 1]
    else:
        submission[columns[0]["name"]] = classifier.predict(asked)
    return submission


def features(train: pd.DataFrame, test: pd.DataFrame, *, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Give the columns as numbers: a word becomes its number, a text its length."""
    known, asked = train.copy(), test.copy()
    for part in (known, asked):
        for name in texts:
            part[name] = part[name].str.len()
    words = [name for name in known.columns if not pd.api.types.is_numeric_dtype(known[name])]
    if words:
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        known[words] = encoder.fit_transform(known[words].astype(str))
        asked[words] = encoder.transform(asked[words].astype(str))
    return known.to_numpy(dtype=float), asked.to_numpy(dtype=float)


def hand_in(submission: pd.DataFrame) -> None:
    """Write submission.csv by way of another name, so that it is whole at any moment, and have its format checked."""
    unfinished = SUBMISSION / ".submission.csv"
    submission.to_csv(unfinished, index=False)
    unfinished.replace(SUBMISSION / "submission.csv")
    check = AGENT.parent / "validate_submission.sh"
    subprocess.run(["bash", check, SUBMISSION / "submission.csv"], check=False)


if __name__ == "__main__":
    main()
