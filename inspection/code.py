"""Reading code that may be anything: Python files, notebooks and scripts. Nothing of it is ever run."""

import ast
import json
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from core.files import read_plain
from inspection.rollouts import Rollout

SUFFIXES = frozenset({".py", ".ipynb", ".sh", ".r", ".jl"})
MOST_BYTES = 1 << 20  # of one file; a syntax tree takes five hundred times as much
MOST_NOTEBOOK_BYTES = 32 << 20  # outputs are most of it
MOST_FILES = 200  # of one attempt
MAGIC = re.compile(r"^[ \t]*[%!?].*$", re.MULTILINE)  # what a notebook's cell may hold besides Python


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file of code.

    Attributes:
        file: its name below the attempt's folder, or below the folder of notebooks.
        text: its lines; of a notebook, the code cells one below the other.
        cells: of a notebook, for each code cell its first line in `text` and its number among all cells, from 1.
    """

    file: str
    text: str
    cells: tuple[tuple[int, int], ...] = ()

    def place(self, line: int) -> tuple[str, int]:
        """Give the file, and for a notebook its cell, and the line there for a line of `text`, from 1."""
        cell = next(((first, number) for first, number in reversed(self.cells) if first <= line), None)
        return (self.file, line) if cell is None else (f"{self.file} cell {cell[1]}", line - cell[0] + 1)

    def line(self, number: int) -> str:
        """Give a line of `text`, from 1."""
        lines = self.text.split("\n")
        return lines[number - 1] if 0 < number <= len(lines) else ""


def sources(rollout: Rollout) -> tuple[list[Source], list[str]]:
    """Give the code below `code/` of what an attempt left, and what of it was not read, as sentences."""
    names = [name for name in rollout.files if name.startswith("code/") and is_code(name)]
    found, limits = [], []
    for name in names[:MOST_FILES]:
        content = rollout.read(name, max_bytes=_most_bytes(name))
        source = None if content is None else source_of(name, content)
        if source is None:
            limits.append(f"{rollout.label}: {name[:200]!r} is too large or no code, and was not compared")
        else:
            found.append(source)
    if len(names) > MOST_FILES:
        limits.append(f"{rollout.label}: of {len(names)} files of code the first {MOST_FILES} were compared")
    return found, limits


def is_code(name: str) -> bool:
    """Whether a file of this name is read as code."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def read_source(path: Path, name: str) -> Source | None:
    """Read a file of code of this host; None for one that is too large, no plain file, or no notebook."""
    try:
        return source_of(name, read_plain(path, max_bytes=_most_bytes(name)))
    except (OSError, ValueError):
        return None


def source_of(name: str, content: bytes) -> Source | None:
    """Give a file of code by its content; None for a notebook that is none, and for too much code."""
    text = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    if not name.lower().endswith(".ipynb"):
        return Source(file=name, text=text)
    try:
        cells = _code_cells(json.loads(text))
    except (ValueError, RecursionError):
        return None
    lines: list[str] = []
    starts = []
    for number, code in cells:
        starts.append((len(lines) + 1, number))
        lines += code.split("\n")
    joined = "\n".join(lines)
    return None if len(joined) > MOST_BYTES else Source(file=name, text=joined, cells=tuple(starts))


def trees(source: Source) -> Iterator[tuple[int, ast.AST]]:
    """Give the syntax trees of what of a source is Python: how many lines are above each, and the tree."""
    for above, text in _parts(source):
        try:
            with warnings.catch_warnings(action="ignore"):  # of odd escapes in strings, which are not ours
                yield above, ast.parse(MAGIC.sub("", text) if source.cells else text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # no Python, or nested to break the parser
            continue


def _parts(source: Source) -> Iterable[tuple[int, str]]:
    if source.file.lower().endswith(".py"):
        return [(0, source.text)]
    lines = source.text.split("\n")
    ends = [first - 1 for first, _ in source.cells[1:]] + [len(lines)]
    cells = zip(source.cells, ends, strict=False)
    return [(first - 1, "\n".join(lines[first - 1 : end])) for (first, _), end in cells]


def _most_bytes(name: str) -> int:
    return MOST_NOTEBOOK_BYTES if name.lower().endswith(".ipynb") else MOST_BYTES


def _code_cells(notebook: Any) -> list[tuple[int, str]]:
    """Give number and text of a notebook's code cells (nbformat 4; source is a text or a list of texts)."""
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError("no cells")
    found = []
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        written = cell.get("source", "")
        code = "".join(map(str, written)) if isinstance(written, list) else str(written)
        found.append((number, code))
    return found
