"""Prepared files against known checksums."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from core.errors import DataError
from tasks.data import is_prepared, prepare
from tasks.registry import Competition, load_competition
from tests.tasks.conftest import PREPARE, Write

TRAIN_MD5 = hashlib.md5(b"id,x,label\n0,1,a\n1,2,b\n").hexdigest()
TEST_MD5 = hashlib.md5(b"id,label\n2,a\n3,b\n4,b\n5,a\n").hexdigest()
WRONG = "0" * 31 + "a"

Known = Callable[..., Competition]


@pytest.fixture
def known(write: Write, root: Path) -> Known:
    """Write the toy competition with checksums and load it."""

    def known(prepare: str = PREPARE, **checksums: object) -> Competition:
        folder = write(prepare=prepare, source="kaggle")
        (folder / "checksums.yaml").write_text(yaml.safe_dump(checksums))
        return load_competition("toy", roots=[root])

    return known


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "data" / "toy" / "raw").mkdir(parents=True)
    (tmp_path / "data" / "toy" / "raw" / "download").touch()
    return tmp_path / "data"


def test_data_with_the_known_checksums_is_taken(known: Known, data_dir: Path) -> None:
    competition = known(public={"train.csv": TRAIN_MD5}, private={"test.csv": TEST_MD5})
    assert prepare(competition, data_dir).public.is_dir()


def test_a_mismatch_names_file_expected_and_found_and_keeps_the_download(known: Known, data_dir: Path) -> None:
    competition = known(public={"train.csv": WRONG}, private={"test.csv": TEST_MD5})
    with pytest.raises(DataError) as caught:
        prepare(competition, data_dir, keep_raw=False)
    text = str(caught.value)
    assert f"public/train.csv has MD5 {TRAIN_MD5}, expected {WRONG}" in text
    assert "private/test.csv" not in text
    assert str(data_dir / "toy" / "raw") in text
    assert "--skip-verification" in text
    assert not is_prepared(competition, data_dir)
    assert (data_dir / "toy" / "raw" / "download").exists()


def test_a_file_that_was_not_prepared_is_a_mismatch(known: Known, data_dir: Path) -> None:
    with pytest.raises(DataError, match=r"public/more\.csv is missing, expected MD5"):
        prepare(known(public={"more.csv": WRONG}), data_dir)


def test_verification_can_be_skipped(known: Known, data_dir: Path) -> None:
    assert prepare(known(public={"train.csv": WRONG}), data_dir, verify=False).public.is_dir()


def test_archives_and_binary_tables_are_not_compared_by_their_bytes(known: Known, data_dir: Path) -> None:
    names = ["train.zip", "train.7z", "train.tar.gz", "train.parquet"]
    preparer = PREPARE + f"    for name in {names}:\n        (public / name).touch()\n"
    assert prepare(known(preparer, public=dict.fromkeys(names, WRONG)), data_dir).public.is_dir()


def test_they_have_to_be_there_all_the_same(known: Known, data_dir: Path) -> None:
    with pytest.raises(DataError, match=r"public/train\.parquet is missing"):
        prepare(known(public={"train.parquet": WRONG}), data_dir)


def test_of_many_mismatches_the_first_are_named(known: Known, data_dir: Path) -> None:
    with pytest.raises(DataError, match="and 2 more"):
        prepare(known(public={f"{number}.csv": WRONG for number in range(5)}), data_dir)
