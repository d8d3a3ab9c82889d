"""Turns image files into rows of numbers."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff")
MAX_SIDE = 24  # larger images are shrunk: the models see every pixel
MAX_FILES = 200_000


def find_images(data: Path, *, train: pd.DataFrame, test: pd.DataFrame, identifier: str) -> tuple[str, str] | None:
    """Patterns of the paths of train's and test's images, where the ids name image files; else None."""
    candidates = (path for path in data.rglob("*") if path.suffix.lower() in ENDINGS)
    files = list(islice(candidates, MAX_FILES))
    if not files or identifier not in train.columns or identifier not in test.columns:
        return None
    patterns = [_pattern(files, str(part[identifier].iloc[0]), identifier) for part in (train, test)]
    if patterns[0] is None or patterns[1] is None:
        return None
    return patterns[0], patterns[1]


def _pattern(files: Sequence[Path], value: str, identifier: str) -> str | None:
    """The path of the file called `value`, with or without its ending, as a pattern."""
    for path in files:
        if path.name == value:
            return str(path.parent / f"{{{identifier}}}")
        if path.stem == value:
            return str(path.parent / f"{{{identifier}}}{path.suffix}")
    return None


def image_paths(table: pd.DataFrame, pattern: str) -> list[Path]:
    """The path of each row's image: `pattern` with {column} replaced by the row's cell."""
    columns = [column for column in table if f"{{{column}}}" in pattern]
    paths = [pattern] * len(table)
    for column in columns:
        cells = table[column].astype(str)
        paths = [path.replace(f"{{{column}}}", cell) for path, cell in zip(paths, cells, strict=True)]
    return [Path(path) for path in paths]


def read_images(paths: Sequence[Path]) -> NDArray[np.float32]:
    """One row per image: its pixels, 0 to 1, all brought to one size.

    The first image decides about size and colour. An image that is missing or broken becomes grey.
    """
    size, mode = _form(paths)
    depth = 3 if mode == "RGB" else 1
    pixels = np.full((len(paths), size[0] * size[1] * depth), 0.5, dtype=np.float32)
    for row, path in enumerate(paths):
        try:
            with Image.open(path) as image:
                pixels[row] = np.asarray(image.convert(mode).resize(size), dtype=np.float32).ravel() / 255
        except OSError:  # also what Pillow raises for a file that is no image
            continue
    return pixels


def _form(paths: Sequence[Path]) -> tuple[tuple[int, int], str]:
    for path in paths:
        try:
            with Image.open(path) as image:
                shrink = max(1.0, max(image.size) / MAX_SIDE)
                size = (max(1, round(image.width / shrink)), max(1, round(image.height / shrink)))
                return size, "L" if image.mode in ("1", "L", "I", "I;16", "F") else "RGB"
        except OSError:
            continue
    return (1, 1), "L"
