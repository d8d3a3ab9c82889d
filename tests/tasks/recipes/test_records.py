"""JSON files of records: what is read, and what is said of one that is not as expected."""

import json
from pathlib import Path

import pytest

from core.errors import DataError
from tasks import recipes

RECORDS = {"images": ["id"]}


def _read(path: Path) -> object:
    return recipes.read_records(path, keys=["images", "info"], records=RECORDS)


def test_an_object_is_read_with_all_its_fields(tmp_path: Path) -> None:
    content = {"info": None, "images": [{"id": 1, "name": "née"}, {"id": 2}]}
    (tmp_path / "a.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    assert _read(tmp_path / "a.json") == content


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("\udcff", "is no JSON"),
        ("[]", "holds no JSON object"),
        ('{"images": []}', "keys of a.json"),
        ('{"images": [], "info": 1, "more": 2}', "keys of a.json"),
        ('{"images": {"id": 1}, "info": 1}', "images is no list of objects"),
        ('{"images": [{"id": 1}, {"name": 1}], "info": 1}', "images is no list of objects"),
        ('{"images": [3], "info": 1}', "images is no list of objects"),
    ],
)
def test_what_is_no_such_object_is_refused_with_a_reason(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(DataError, match=reason):
        _read(tmp_path / "a.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.json is missing"):
        _read(tmp_path / "a.json")
