"""Reads the question from the YAML block at the end of a competition's description."""

import re
from pathlib import Path
from typing import Any

import yaml

from .metrics import find_metric
from .question import Answer, Goal, Kind, NotUnderstood, Question

BLOCK = re.compile(r"^```ya?ml\s*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def read_block(description: str) -> dict[str, Any] | None:
    """The last YAML block of `description` that describes a table, or None."""
    for text in reversed(BLOCK.findall(description)):
        try:
            block = yaml.safe_load(text)
        except yaml.YAMLError:  # an example in the text, and not meant for programs
            continue
        if isinstance(block, dict) and isinstance(block.get("table"), dict):
            return block
    return None


def read_question(block: dict[str, Any], data: Path) -> Question:
    """The question that `block` describes, about the data in the folder `data`.

    Raises:
        NotUnderstood: the block lacks what is needed, or names files that are not there.
    """
    table, submission = block["table"], block.get("submission") or {}
    try:
        train, target, identifier = data / table["train"], table["target"], table["id"]
        goal = _goal(target, table["kind"], submission.get("columns") or [target])
    except KeyError as error:
        raise NotUnderstood(f"the description's table lacks {error}") from error
    test = data / table["test"] if table.get("test") else None
    sample = data / submission.get("sample", "sample_submission.csv")
    for path in (train, sample, *([test] if test else [])):
        if not path.is_file():
            raise NotUnderstood(f"the description names {path.relative_to(data)}, which is not there")
    metric = block.get("metric")
    name = str(metric.get("name", "") if isinstance(metric, dict) else metric)
    images = table.get("images")
    return Question(
        train=train,
        test=test,
        sample=sample,
        id=identifier,
        goals=(goal,),
        metric=find_metric(name) or "",
        time=table.get("time"),
        groups=tuple(table.get("groups") or ()),
        categorical=tuple(table.get("categorical") or ()),
        ordinal={column: tuple(levels) for column, levels in (table.get("ordinal") or {}).items()},
        text=tuple(table.get("text") or ()),
        images=(str(data / images["train"]), str(data / images["test"])) if images else None,
    )


def _goal(target: str, kind: str, columns: list[Any]) -> Goal:
    entries = [column if isinstance(column, dict) else {"name": column} for column in columns]
    names = tuple(str(entry["name"]) for entry in entries)
    asked = str(entries[0].get("kind", ""))
    if kind == "regression":
        answer = Answer.INTEGER if asked == "integer" else Answer.NUMBER
        return Goal(target=target, kind=Kind.NUMBER, answer=answer, columns=names[:1])
    if len(names) > 1:
        answer = Answer.PROBABILITIES
    elif asked in ("label", "integer", "text") or (not asked and kind == "multiclass"):
        answer = Answer.LABEL
    else:
        answer = Answer.PROBABILITY
    return Goal(target=target, kind=Kind.CLASSES, answer=answer, columns=names)
