"""The texts that an attempt left beside its submission, in pieces of bounded size."""

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from inspection.rollouts import Rollout

BLOCK_BYTES = 4 << 20
MOST_BYTES = 512 << 20  # of one file
MOST_FILES = 2_000  # of one attempt
CALLS = "model_calls.jsonl"  # one exchange with a model a line: an object with `request` and `response`
MOST_CALL_BYTES = 8 << 20  # of one exchange with a model; what is longer is searched as it stands
MOST_TEXTS = 20_000  # of one exchange
BINARY = frozenset({".npy", ".npz", ".pkl", ".pt", ".pth", ".h5", ".png", ".jpg", ".jpeg", ".parquet", ".zip", ".gz"})


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some text of a file: whole lines of it, or the texts in one line of a record of model calls.

    Attributes:
        line: of its first line, from 1.
        by_model: whether a model said it.
    """

    line: int
    data: bytes
    in_one_line: bool = False
    by_model: bool = False


def searched(rollout: Rollout) -> tuple[list[str], list[str]]:
    """Give the names of the text files an attempt left beside its submission, and what is too much of it."""
    names = [
        name
        for name in rollout.files
        if "submission" not in PurePosixPath(name).parts and PurePosixPath(name).suffix.lower() not in BINARY
    ]
    names.sort(key=lambda name: (name != "run.log", not name.endswith(CALLS), name))
    large = [name for name in names if rollout.files[name].bytes > MOST_BYTES]
    limits = [f"{rollout.label}: of {name[:200]!r} the first {MOST_BYTES >> 20} MiB were searched" for name in large]
    if len(names) > MOST_FILES:
        limits.append(f"{rollout.label}: of {len(names)} files the first {MOST_FILES} were searched")
    return names[:MOST_FILES], limits


def pieces(path: Path, name: str) -> Iterator[Piece]:
    """Give a file's text in pieces: blocks of whole lines, or the texts in a record of model calls."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # it was a plain file when it was listed, and is none now
        return
    with os.fdopen(descriptor, "rb") as file:
        yield from _exchanges(file) if name.endswith(CALLS) else _blocks(file)


def texts(value: Any) -> Iterator[str]:
    """Give the texts in a JSON value, keys too, at most MOST_TEXTS."""
    waiting, given = [value], 0
    while waiting and given < MOST_TEXTS:
        entry = waiting.pop()
        if isinstance(entry, str):
            given += 1
            yield entry
        elif isinstance(entry, list):
            waiting += reversed(entry[:MOST_TEXTS])
        elif isinstance(entry, dict):
            for key in reversed(list(entry)[:MOST_TEXTS]):
                waiting += [entry[key], key]


def assembled(answer: Any) -> Any:
    """Put a streamed answer, recorded as the text of its events (`data: {...}`), together; others are given back.

    Both of OpenAI's APIs are known: the pieces of chat completions, and the deltas of responses.
    """
    if not isinstance(answer, str) or "data:" not in answer:
        return answer
    spoken = "".join(_spoken(line.removeprefix("data:")) for line in answer.split("\n") if line.startswith("data:"))
    return spoken or answer


def _spoken(event: str) -> str:
    try:
        value = json.loads(event)
    except (ValueError, RecursionError):  # [DONE], or cut off
        return ""
    if not isinstance(value, dict):
        return ""
    if isinstance(value.get("delta"), str):
        return str(value["delta"])
    choices = value.get("choices")
    entries = choices if isinstance(choices, list) else ()
    deltas = [choice.get("delta") for choice in entries if isinstance(choice, dict)]
    contents = [delta.get("content") or delta.get("tool_calls") for delta in deltas if isinstance(delta, dict)]
    return "".join(text for content in contents for text in _contents(content))


def _contents(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for call in content if isinstance(content, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and isinstance(function.get("arguments"), str):
            yield function["arguments"]


def _blocks(file: io.BufferedIOBase) -> Iterator[Piece]:
    """Give blocks that end with a line's end, but where a line is longer than a block."""
    line, read = 1, 0
    while read < MOST_BYTES and (data := file.read(BLOCK_BYTES)):
        data += file.readline(BLOCK_BYTES)
        read += len(data)
        yield Piece(line=line, data=data)
        line += data.count(b"\n")


def _exchanges(file: io.BufferedIOBase) -> Iterator[Piece]:
    """Give the texts of each exchange; a line that is no JSON as it stands."""
    read, number = 0, 0
    while read < MOST_BYTES and (data := file.readline(MOST_CALL_BYTES)):
        read += len(data)
        number += 1
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            yield Piece(line=number, data=data, in_one_line=True)
            continue
        answer = value.pop("response", None) if isinstance(value, dict) else None
        yield Piece(line=number, data=_joined(value), in_one_line=True)
        yield Piece(line=number, data=_joined(assembled(answer)), in_one_line=True, by_model=True)


def _joined(value: Any) -> bytes:
    return "\n".join(texts(value)).encode("utf-8", "replace")
