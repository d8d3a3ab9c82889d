"""Files from folders and archives: the same bytes under the right names, and never out of their folder."""

import json
from pathlib import Path

import pytest

from core.errors import DataError
from tasks import archives, recipes
from tests.competitions.case import read_archive, write_files

PHOTOS = {f"train/{n}.png": f"photo {n}" for n in (1, 2, 10)}
SOURCES = ["folder", "photos.zip", "photos.7z", "photos.tar.gz", "photos.tar"]


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The same files in a folder and in each kind of archive."""
    files = {**PHOTOS, "train/note.txt": "", "train/old/3.png": "old", "other/4.png": "other"}
    if request.param == "folder":
        write_files(tmp_path / "folder", files)
    else:
        write_files(tmp_path, {request.param: files})
    return tmp_path / str(request.param)


def _tree(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_names_are_sorted_as_text(source: Path) -> None:
    assert recipes.names_in(source, "train", suffix=".png") == ["1.png", "10.png", "2.png"]
    assert recipes.names_in(source, "train", suffix=".png", recursive=True) == ["1.png", "10.png", "2.png", "old/3.png"]
    assert recipes.names_in(source) == []


def test_files_get_their_new_names(source: Path, tmp_path: Path) -> None:
    recipes.copy_files(source, tmp_path / "out", {"train/1.png": "a/x.png", "train/10.png": "y.png"})
    assert _tree(tmp_path / "out") == {"a/x.png": "photo 1", "y.png": "photo 10"}
    recipes.copy_files(source, tmp_path / "same", ["train/old/3.png"])
    assert _tree(tmp_path / "same") == {"train/old/3.png": "old"}


def test_a_missing_file_is_named(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train/7\.png"):
        recipes.copy_files(source, tmp_path / "out", ["train/1.png", "train/7.png"])
    with pytest.raises(DataError, match=r"train/7\.png"):
        recipes.write_zip(tmp_path / "out.zip", source, ["train/7.png"])


def test_no_file_is_written_twice(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two files would get the same name"):
        recipes.copy_files(source, tmp_path / "out", {"train/1.png": "x", "train/2.png": "x"})
    recipes.copy_files(source, tmp_path / "out", {"train/1.png": "x"})
    with pytest.raises(DataError, match="x would be written twice"):
        recipes.copy_files(source, tmp_path / "out", {"train/2.png": "x"})
    assert _tree(tmp_path / "out") == {"x": "photo 1"}


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/../../x"])
def test_no_file_is_written_elsewhere(name: str, source: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="leads elsewhere"):
        recipes.copy_files(source, tmp_path / "out", {"train/1.png": name})


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "train/../../secret"])
def test_no_file_is_taken_from_elsewhere(name: str, source: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of somebody else")
    with pytest.raises(DataError, match="leads elsewhere"):
        recipes.copy_files(source, tmp_path / "out", {name: "x"})


def test_a_missing_folder_or_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none/train is missing, expected a folder"):
        recipes.names_in(tmp_path / "none", "train")
    with pytest.raises(DataError, match=r"none/x is missing"):
        recipes.copy_files(tmp_path / "none", tmp_path / "out", ["x"])


def test_a_folder_on_the_same_disk_is_linked(tmp_path: Path) -> None:
    write_files(tmp_path / "raw", PHOTOS)
    recipes.copy_files(tmp_path / "raw", tmp_path / "public", list(PHOTOS))
    assert (tmp_path / "public/train/1.png").samefile(tmp_path / "raw/train/1.png")


CLASSES = {f"{label}/{number}.png": f"{label} {number}" * 5000 for label in ("cat", "dog") for number in range(100)}
# What was cat/0 is last, and what was dog/99 first.
SHUFFLED = {old: f"{len(CLASSES) - position:03}.png" for position, old in enumerate(CLASSES)}


@pytest.mark.parametrize("name", ["folder", "photos.zip", "photos.7z", "photos.tar"])
def test_files_under_new_names_tell_nothing_of_the_order_of_the_old_ones(name: str, tmp_path: Path) -> None:
    write_files(tmp_path, {f"folder/{old}": text for old, text in CLASSES.items()})
    write_files(tmp_path, {name: CLASSES} if name != "folder" else {})
    recipes.copy_files(tmp_path / name, tmp_path / "public", SHUFFLED)
    states = [path.stat() for path in sorted((tmp_path / "public").iterdir())]
    assert len(states) == len(CLASSES)
    assert all(state.st_nlink == 1 for state in states), "a link shows where it was made"
    made = [state.st_mtime_ns for state in states]
    assert made == sorted(made) and made[0] < made[-1]


def test_members_of_archives_come_by_their_new_names(source: Path, tmp_path: Path) -> None:
    names = {"train/1.png": "c", "train/2.png": "a", "train/10.png": "b"}
    recipes.write_zip(tmp_path / "out.zip", source, names)
    recipes.write_7z(tmp_path / "out.7z", source, names)
    for name in ("out.zip", "out.7z"):
        assert archives.members(tmp_path / name) == ["a", "b", "c"]
    assert list(tmp_path.glob(".unpacking*")) == []


def test_what_cannot_be_linked_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    write_files(tmp_path / "raw", PHOTOS)
    monkeypatch.setattr("os.link", refuse)
    recipes.copy_files(tmp_path / "raw", tmp_path / "public", list(PHOTOS))
    assert _tree(tmp_path / "public") == PHOTOS
    assert not (tmp_path / "public/train/1.png").samefile(tmp_path / "raw/train/1.png")
    with pytest.raises(DataError, match="would be written twice"):
        recipes.copy_files(tmp_path / "raw", tmp_path / "public", list(PHOTOS))


def test_a_linked_file_becomes_its_content(tmp_path: Path) -> None:
    write_files(tmp_path, {"elsewhere": "content"})
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/link").symlink_to(tmp_path / "elsewhere")
    recipes.copy_files(tmp_path / "raw", tmp_path / "public", ["link"])
    assert not (tmp_path / "public/link").is_symlink()
    assert _tree(tmp_path / "public") == {"link": "content"}


@pytest.mark.parametrize("suffix", ["zip", "7z"])
def test_archives_are_made_of_any_source(suffix: str, source: Path, tmp_path: Path) -> None:
    write = {"zip": recipes.write_zip, "7z": recipes.write_7z}[suffix]
    for stored in (False, True):
        path = tmp_path / f"out {stored}.{suffix}"
        write(path, source, {"train/2.png": "b/2.png", "train/10.png": "1.png"}, stored=stored)
        assert read_archive(path) == {"b/2.png": b"photo 2", "1.png": b"photo 10"}
    assert [path.name for path in tmp_path.glob(".packing*")] == []


def test_a_tar_is_made_of_a_folder(tmp_path: Path) -> None:
    write_files(tmp_path / "raw", PHOTOS)
    recipes.write_tar(tmp_path / "out.tar.gz", tmp_path / "raw", {"train/2.png": "c/2.png"})
    assert read_archive(tmp_path / "out.tar.gz") == {"c/2.png": b"photo 2"}


def test_the_same_members_make_the_same_archive(tmp_path: Path) -> None:
    for copy in ("first", "second"):
        write_files(tmp_path / copy, PHOTOS)
        recipes.write_zip(tmp_path / f"{copy}.zip", tmp_path / copy, list(PHOTOS), folders=["train/"])
        recipes.write_7z(tmp_path / f"{copy}.7z", tmp_path / copy, list(PHOTOS))
        recipes.write_tar(tmp_path / f"{copy}.tar", tmp_path / copy, list(PHOTOS))
        (tmp_path / copy / "train/1.png").touch()
    for suffix in ("zip", "7z", "tar"):
        assert (tmp_path / f"first.{suffix}").read_bytes() == (tmp_path / f"second.{suffix}").read_bytes()


def test_json_is_written_as_python_does(tmp_path: Path) -> None:
    value = {"b": ["é", 0.1], "a": []}
    recipes.write_json(value, tmp_path / "x.json", indent=4)
    assert (tmp_path / "x.json").read_text() == json.dumps(value, indent=4)
