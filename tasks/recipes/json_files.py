"""JSON files, and those that hold one object with lists of records in it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from core.errors import DataError
from tasks.recipes.checks import require, require_equal


def read_json(path: Path) -> Any:
    """Read a file that is one JSON value, as Python's json.load does.

    Raises:
        DataError: it is missing, or is no JSON.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON: {error}") from error


def read_records(source: Path, *, keys: Iterable[str], records: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """Read an object with lists of records, such as the annotations of images in COCO's form.

    Args:
        keys: all keys of the object.
        records: those whose values are lists of records, each with the fields that every record has.

    Raises:
        DataError: it is missing, is no JSON, or lacks a key or a field.
    """
    content = read_json(source)
    require(isinstance(content, dict), f"{source.name} holds no JSON object")
    require_equal(sorted(content), sorted(keys), f"keys of {source.name}")
    for key, fields in records.items():
        require(_are_records(content[key], set(fields)), f"{source.name}: {key} is no list of objects with {fields}")
    return dict(content)


def _are_records(value: object, fields: set[str]) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) and fields <= entry.keys() for entry in value)
