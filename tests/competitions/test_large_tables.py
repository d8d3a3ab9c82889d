"""Preparers that stream a table give the same files whatever the sizes of the parts."""

from pathlib import Path

import pytest

from tasks.modules import load_module
from tasks.registry import COMPETITIONS
from tests.competitions.case import all_cases, as_bytes, write_files

SIZES = [
    ("new-york-city-taxi-fare-prediction", {"CHUNK_ROWS": 1_000, "BUCKET_ROWS": 7}),
    ("h-and-m-personalized-fashion-recommendations", {"CHUNK_ROWS": 9}),
]


@pytest.mark.parametrize(("name", "sizes"), SIZES, ids=[name for name, _ in SIZES])
def test_small_parts_give_the_same_files(name: str, sizes: dict[str, int], tmp_path: Path) -> None:
    case = all_cases()[name]
    raw, folders = tmp_path / "raw", {part: tmp_path / part for part in ("public", "private")}
    write_files(raw, case.raw)
    for folder in folders.values():
        folder.mkdir()
    module = load_module(COMPETITIONS / name / "prepare.py")
    for constant, value in sizes.items():
        assert hasattr(module, constant)
        setattr(module, constant, value)
    module.prepare(raw, folders["public"], folders["private"])
    files = {
        f"{part}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for part, folder in folders.items()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert files == {
        path: as_bytes(content) for path, content in case.prepared.items() if isinstance(content, str | bytes)
    }
