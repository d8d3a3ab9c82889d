"""Data comes from the object store where it is there, and goes there where it is not."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import DataError
from store.bucket import Bucket
from tasks.data import data_hash, prepare
from tasks.registry import Competition, load_competition
from tests.object_store import BUCKET, keys, s3_client, throwaway_s3
from worker.places import Place
from worker.preparing import fetch, prepared, share
from worker.settings import load_settings

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    with throwaway_s3() as known:
        yield known


@pytest.fixture
def place(s3: dict[str, str], tmp_path: Path) -> Place:
    return Place(folder=tmp_path / "one", bucket=Bucket.open(f"s3://{BUCKET}/{tmp_path.name}", s3))


@pytest.fixture
def tiny() -> Competition:
    return load_competition("tiny", roots=[FIXTURES / "competitions"])


@pytest.fixture
def unpreparable(tiny: Competition, tmp_path: Path) -> Competition:
    """The same competition on a host that cannot prepare it."""
    (tmp_path / "prepare.py").write_text("def prepare(raw, public, private):\n    raise OSError('no way here')\n")
    return replace(tiny, folder=tmp_path)


def test_what_one_host_prepared_another_fetches(
    place: Place, tiny: Competition, unpreparable: Competition, tmp_path: Path
) -> None:
    notes: list[str] = []
    first = prepared(tiny, place, load_settings(), note=notes.append)
    other = replace(place, folder=tmp_path / "two")
    second = prepared(unpreparable, other, load_settings(), note=notes.append)
    assert second.public.is_relative_to(tmp_path / "two")
    assert data_hash(second) == data_hash(first)
    assert {path.stat().st_mode & 0o777 for path in second.public.iterdir()} == {0o644}
    assert [path.name for path in (tmp_path / "two" / "tiny").iterdir() if path.name != ".lock"] == ["prepared"]
    assert [path.name for path in (tmp_path / "one" / "tiny").iterdir() if path.name != ".lock"] == ["prepared"]
    assert sum("fetching the data of tiny" in note for note in notes) == 1


def test_what_is_in_the_object_store_already_stays(s3: dict[str, str], place: Place, tiny: Competition) -> None:
    prepare(tiny, place.folder)
    share(tiny, place, note=logging.info)
    [key] = keys(s3, f"{place.folder.parent.name}/")
    before = s3_client(s3).head_object(Bucket=BUCKET, Key=key)["LastModified"]
    share(tiny, place, note=logging.info)
    assert s3_client(s3).head_object(Bucket=BUCKET, Key=key)["LastModified"] == before
    assert key.endswith("/tiny/prepared.tar")


@pytest.mark.parametrize("content", [b"", b"no archive at all", bytes(10240)])
def test_an_archive_that_is_none_leaves_nothing(place: Place, tiny: Competition, content: bytes) -> None:
    assert place.bucket is not None
    place.bucket.put("tiny/prepared.tar", content)
    with pytest.raises(DataError):
        fetch(tiny, place, note=logging.info)
    assert [path.name for path in (place.folder / "tiny").iterdir()] == [".lock"]


def test_an_archive_that_points_out_of_its_folder_is_refused(place: Place, tiny: Competition, tmp_path: Path) -> None:
    import io
    import tarfile

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../../../escaped"), io.BytesIO())
    assert place.bucket is not None
    place.bucket.put("tiny/prepared.tar", packed.getvalue())
    with pytest.raises(DataError, match="cannot be unpacked"):
        fetch(tiny, place, note=logging.info)
    assert not list(tmp_path.rglob("escaped"))


def test_a_store_that_may_not_be_written_holds_nobody_up(s3: dict[str, str], place: Place, tiny: Competition) -> None:
    own = s3_client(s3)
    own.create_bucket(Bucket="gone-again")
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        if text.startswith("prepared in"):
            own.delete_bucket(Bucket="gone-again")

    done = prepared(tiny, replace(place, bucket=Bucket.open("s3://gone-again", s3)), load_settings(), note=note)
    assert done.public.is_dir()
    assert "could not be left for other hosts: the object store s3://gone-again: there is no such bucket" in notes[-1]
