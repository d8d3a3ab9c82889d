"""Reading an agent's answer to a technique: a JSON object of any content, from a file that may be anything.

What is hostile stays harmless: a value that cannot be read as what is asked for reads as None, never as an error.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from core.errors import SubmissionInvalid
from core.files import read_plain

MAX_BYTES = 16 * 2**20
MAX_ITEMS = 20_000  # entries of one list or object that are looked at
EXCERPT_ITEMS = 30
EXCERPT_TEXT = 300
EXCERPT_DEPTH = 4
YES, NO = frozenset({"true", "yes", "1", "y"}), frozenset({"false", "no", "0", "n"})
NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,4})?)\s*%?\s*")
WORDS = re.compile(r"[^a-z0-9]+")

Answer = Mapping[str, Any]


def read_answer(path: Path) -> Answer:
    """Read an answer file; its top-level keys become lower case.

    Raises:
        SubmissionInvalid: there is no such file, or it is no JSON object; one line says what it is.
    """
    try:
        return named(_parsed(read_text(path, max_bytes=MAX_BYTES)))
    except OSError as error:
        raise SubmissionInvalid(f"{path.name} cannot be read: {error.strerror}") from None


def read_text(path: Path, *, max_bytes: int) -> str:
    """Read a hostile file: a plain one, not too large, in UTF-8.

    Raises:
        SubmissionInvalid: it is something else.
        OSError: it cannot be opened.
    """
    try:
        data = read_plain(path, max_bytes=max_bytes)
    except ValueError as error:
        raise SubmissionInvalid(f"{path.name} {error}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SubmissionInvalid(f"{path.name} is not UTF-8 text") from None


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except RecursionError:
        raise SubmissionInvalid("the answer is nested too deeply") from None
    except ValueError as error:  # JSONDecodeError, or an integer of thousands of digits
        reason = str(error).partition("\n")[0]
        raise SubmissionInvalid(f"the answer is not JSON: {reason[:200]}") from None
    if not isinstance(value, dict):
        kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
        raise SubmissionInvalid(f"the answer is {kinds.get(type(value), 'a number')}; expected a JSON object")
    return value


def name(value: object) -> str:
    """Give a name as names are compared: without case and outer blanks, whole numbers without a decimal point."""
    text = str(value).strip().casefold() if isinstance(value, str | int | float) else ""
    return text[:-2] if text.endswith(".0") and text[:-2].lstrip("-").isdigit() else text


def named(value: object) -> dict[str, Any]:
    """Read an object, by its keys' names; {} for anything else."""
    if not isinstance(value, Mapping) or len(value) > MAX_ITEMS:
        return {}
    return {name(key): entry for key, entry in value.items()}


def entry(value: object, key: str) -> Any:
    """Read what an object has under a key: exactly that key, or else one of the same name. None where it has none."""
    if isinstance(value, Mapping) and key in value:
        return value[key]
    return named(value).get(name(key))


def names(value: object) -> list[str]:
    """Read a list of names; the keys of an object, or one name, stand for a list."""
    if isinstance(value, Mapping):
        value = list(value)
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        return []
    return [found for entry in value if (found := name(entry))]


def number(value: object) -> float | None:
    """Read a finite number, also from a text such as "12" or "12.5%"."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        matched = NUMBER.fullmatch(value[:100].replace(",", ""))
        value = float(matched[1]) if matched else None
    if not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def flag(value: object) -> bool | None:
    """Read true or false, also from a text such as "yes" or "false"."""
    text = name(value)
    return True if text in YES else False if text in NO else None


def choice(value: object, options: Iterable[str]) -> str | None:
    """Read one of `options`: the words may be joined by blanks, dashes or underscores. None for anything else."""
    if not isinstance(value, str) or len(value) > EXCERPT_TEXT:
        return None
    said = WORDS.sub("", value.casefold())
    return next((option for option in options if WORDS.sub("", option.casefold()) == said), None)


def is_given(answer: Answer, field: str) -> bool:
    """Whether a field is there at all; an empty list is an answer, a missing one is none."""
    return answer.get(field) is not None


def excerpt(value: object, depth: int = 0) -> Any:
    """Give `value` as it may stand in a report: small, flat, and JSON for certain."""
    if isinstance(value, Mapping | list | tuple) and depth >= EXCERPT_DEPTH:
        return "..."
    if isinstance(value, Mapping):
        shown = {str(excerpt(str(key))): excerpt(value[key], depth + 1) for key in list(value)[:EXCERPT_ITEMS]}
        return shown if len(value) <= EXCERPT_ITEMS else shown | {"...": f"{len(value)} entries"}
    if isinstance(value, list | tuple):
        listed = [excerpt(entry, depth + 1) for entry in value[:EXCERPT_ITEMS]]
        return listed if len(value) <= EXCERPT_ITEMS else [*listed, f"... {len(value)} entries"]
    if isinstance(value, str):
        text = value.encode("utf-8", "replace").decode()
        return text if len(text) <= EXCERPT_TEXT else f"{text[:EXCERPT_TEXT]}..."
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) >= 10**30:  # of thousands of digits, perhaps
        return "a very large number"
    return value if isinstance(value, int | float | None) else str(type(value).__name__)
