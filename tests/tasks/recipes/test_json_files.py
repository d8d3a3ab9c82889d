"""Reading JSON files of the raw data."""

from pathlib import Path

import pytest

from core.errors import DataError
from tasks import recipes


def test_a_value_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"b": 1.50, "a": "é"}]', encoding="utf-8")
    (found,) = recipes.read_json(path)
    assert list(found.items()) == [("b", 1.5), ("a", "é")]


@pytest.mark.parametrize("content", [b"", b"{", b"[1] 2", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.json is no JSON"):
        recipes.read_json(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.json is missing"):
        recipes.read_json(tmp_path / "a.json")
