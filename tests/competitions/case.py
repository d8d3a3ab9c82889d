"""What the tests of one competition of the catalogue consist of, and helpers to write it down.

A case makes raw data with the real layout and says, worked out by other means than the recipes, what has to come out.
"""

import csv
import importlib
import io
import pkgutil
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from tests.competitions import cases

# The content of a file; of an archive: its members; or what looks at a file and asserts. None: it is only there.
Content = str | bytes | Mapping[str, str | bytes] | Callable[[Path], None] | None
Change = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One competition, small.

    Attributes:
        raw: files below raw/, as Kaggle's archive holds them.
        prepared: all files below prepared/ but the description, as "public/..." and "private/...".
        noise: makes an imperfect, valid submission of the perfect one.
        score: the metric by other means than grading/: takes answers and submission, rows in the same order.
        best: what the perfect submission scores.
        perfect: makes the perfect submission of the answers; without it, their columns are the submission's.
        valid: further submissions, by name, made of the noisy one, that get the same score as the noisy one.
        invalid: further submissions, by name, made of the perfect one, that are refused.
    """

    id: str
    raw: Mapping[str, Content]
    prepared: Mapping[str, Content]
    noise: Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]
    score: Callable[[pd.DataFrame, pd.DataFrame], float]
    best: float
    perfect: Change | None = None
    valid: Mapping[str, Change] = field(default_factory=dict)
    invalid: Mapping[str, Change] = field(default_factory=dict)


def all_cases() -> dict[str, Case]:
    """The cases of tests/competitions/cases/, by id."""
    modules = [
        importlib.import_module(f"{cases.__name__}.{entry.name}") for entry in pkgutil.iter_modules(cases.__path__)
    ]
    return {case.id: case for module in modules for case in module.CASES}


def split_positions(rows: int, test_rows: int, *, seed: int = 0) -> tuple[list[int], list[int]]:
    """Positions of the train and of the test rows of scikit-learn's train_test_split, from its definition."""
    order = np.random.RandomState(seed).permutation(rows)
    return [int(position) for position in order[test_rows:]], [int(position) for position in order[:test_rows]]


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]], *, quoting: int = csv.QUOTE_MINIMAL) -> str:
    """A CSV file with LF line ends; floats in their shortest form, None as an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]  # a constant of csv
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def write_files(folder: Path, files: Mapping[str, Content]) -> None:
    """Write files, and archives of which the members are given. A callable writes the file itself."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Mapping):
            _write_archive(path, content)
        elif callable(content):
            content(path)
        else:
            path.write_bytes(as_bytes(content or b""))


def read_archive(path: Path) -> dict[str, bytes]:
    """The members of an archive that are files."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as opened:
            return {entry.filename: opened.read(entry) for entry in opened.infolist() if not entry.is_dir()}
    return _read_7z(path) if path.suffix == ".7z" else _read_tar(path)


def as_bytes(content: str | bytes) -> bytes:
    """A file's content as it is on disk."""
    return content.encode() if isinstance(content, str) else content


def _write_archive(path: Path, members: Mapping[str, str | bytes]) -> None:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
            for name, content in members.items():
                opened.writestr(name, content)
    elif path.suffix == ".7z":
        py7zr = importlib.import_module("py7zr")
        with py7zr.SevenZipFile(path, "w") as opened:
            for name, content in members.items():
                opened.writestr(content, name)
    else:
        tarfile = importlib.import_module("tarfile")
        with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as opened:
            for name, content in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(as_bytes(content))
                opened.addfile(entry, io.BytesIO(as_bytes(content)))


def _read_7z(path: Path) -> dict[str, bytes]:
    py7zr = importlib.import_module("py7zr")
    factory = importlib.import_module("py7zr.io").BytesIOFactory(1 << 30)
    with py7zr.SevenZipFile(path) as opened:
        opened.extractall(factory=factory)
    return {name: product.read() for name, product in factory.products.items()}


def _read_tar(path: Path) -> dict[str, bytes]:
    tarfile = importlib.import_module("tarfile")
    with tarfile.open(path) as opened:
        return {entry.name: opened.extractfile(entry).read() for entry in opened if entry.isfile()}
