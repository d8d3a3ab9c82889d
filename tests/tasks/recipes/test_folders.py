"""Whole folders are copied with all that is below them."""

from pathlib import Path

import pytest

from core.errors import DataError
from tasks import recipes


def test_folders_are_copied_with_all_that_is_below_them(tmp_path: Path) -> None:
    for name in ("1/a.dcm", "1/T1w/b.dcm", "2/a.dcm", "10/a.dcm"):
        (tmp_path / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / name).write_text(name)
    recipes.copy_folders(tmp_path / "raw", tmp_path / "new" / "train", ["1", "10"])
    found = {path.relative_to(tmp_path / "new").as_posix() for path in tmp_path.glob("new/**/*") if path.is_file()}
    assert found == {"train/1/a.dcm", "train/1/T1w/b.dcm", "train/10/a.dcm"}
    assert (tmp_path / "new" / "train" / "1" / "T1w" / "b.dcm").read_text() == "1/T1w/b.dcm"


def test_a_folder_without_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "raw" / "1" / "empty").mkdir(parents=True)
    with pytest.raises(DataError, match=r"raw/1 holds no files"):
        recipes.copy_folders(tmp_path / "raw", tmp_path / "new", ["1"])
    with pytest.raises(DataError, match=r"raw/2 is missing, expected a folder"):
        recipes.copy_folders(tmp_path / "raw", tmp_path / "new", ["2"])
