"""JSON files."""

import json
from pathlib import Path
from typing import Any

from core.errors import DataError


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
