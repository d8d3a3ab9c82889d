"""What the herbarium preparers make of many photos, and of metadata that is not as it should be."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import DataError
from tasks.families import herbarium
from tests.competitions.case import write_files


def metadata(count: int) -> dict[str, Any]:
    """Two photos of each species."""
    return {
        "annotations": [{"image_id": n, "category_id": n // 2} for n in range(count)],
        "images": [{"id": n, "file_name": f"images/{n}.jpg"} for n in range(count)],
        "info": {},
        "licenses": [],
    }


def prepare(folder: Path, content: str | dict[str, Any], photos: int) -> Path:
    """Prepare as 2021; gives the public folder."""
    raw, public, private = (folder / name for name in ("raw", "public", "private"))
    for part in (raw, public, private):
        part.mkdir()
    text = content if isinstance(content, str) else json.dumps(content)
    write_files(raw, {"train/metadata.json": text, **{f"train/images/{n}.jpg": f"plant {n}" for n in range(photos)}})
    herbarium.prepare(raw, public, private, folder=".", encoding="utf-8")
    return public


def test_test_photos_lie_in_folders_of_a_thousand(tmp_path: Path) -> None:
    public = prepare(tmp_path, metadata(2_004), photos=2_004)
    assert sorted(path.name for path in (public / "test" / "images").iterdir()) == ["000", "001"]
    assert sorted(path.name for path in (public / "test" / "images" / "001").iterdir()) == ["1000.jpg", "1001.jpg"]
    listed = json.loads((public / "test" / "metadata.json").read_text())["images"]
    assert listed[1_001]["id"] == "1001"
    assert listed[1_001]["file_name"] == "images/001/1001.jpg"


def broken(key: str, place: int, **changes: object) -> dict[str, Any]:
    content = metadata(8)
    content[key][place] |= changes
    return content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is no JSON as expected"),
        (broken("annotations", 3, image_id=2), "not in the same order"),
        ({**metadata(8), "images": metadata(7)["images"]}, "not in the same order"),
        (broken("images", 3, file_name="images/0.jpg"), "names a file twice"),
        (broken("images", 3, file_name="images/9.jpg"), r"images/9\.jpg is missing"),
        # Of a test photo, which gets a new name.
        (broken("images", 3, file_name="../../../secret"), "leads elsewhere"),
    ],
)
def test_metadata_that_is_not_as_it_should_be_is_refused(
    content: str | dict[str, Any], reason: str, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("of somebody else")
    with pytest.raises(DataError, match=reason):
        prepare(tmp_path, content, photos=8)
