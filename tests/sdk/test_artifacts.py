"""Where downloaded files go."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk import InputError, UnexpectedAnswer
from sdk.artifacts import Part, chosen, is_whole, place_of
from sdk.results import Artifacts

HOSTILE = [
    "../outside",
    "a/../../outside",
    "/etc/passwd",
    "a//b",
    "./a",
    "a/.",
    "a/",
    "",
    "..",
    "a\0b",
    "\ud800",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_names_that_are_none_are_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(UnexpectedAnswer, match="nothing is written"):
        place_of(path, tmp_path)


@given(path=st.text(alphabet=st.sampled_from("ab./\\\0~:%\udc80\n"), max_size=20))
@settings(max_examples=300, deadline=None)
def test_every_place_is_below_the_folder(path: str) -> None:
    folder = Path("/tmp/nowhere-at-all")
    try:
        place = place_of(path, folder)
    except UnexpectedAnswer:
        return
    assert folder in place.parents
    assert ".." not in place.parts
    assert str(place) == f"{folder}/{path}"


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "group").symlink_to(outside)
    with pytest.raises(InputError, match="is a link"):
        place_of("group/report.json", folder)


def test_a_link_in_a_files_place_is_replaced(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"12345")
    place = tmp_path / "folder" / "file"
    place.parent.mkdir()
    place.symlink_to(outside)
    assert not is_whole(place, 5)
    with Part(place, 5) as part:
        part.write(b"abcde")
        part.finish()
    assert (place.is_symlink(), place.read_bytes(), outside.read_bytes()) == (False, b"abcde", b"12345")


def test_a_file_is_not_there_before_it_is_whole_and_goes_on_where_it_was(tmp_path: Path) -> None:
    place = tmp_path / ("n" * 255)  # no longer name can be: that of its part is another
    with Part(place, 6) as part:
        part.write(b"abc")
    assert not place.exists()
    with Part(place, 6) as part:
        assert part.size == 3
        part.write(b"def")
        part.finish()
    assert place.read_bytes() == b"abcdef"
    assert list(tmp_path.iterdir()) == [place]


def test_a_file_that_lacks_bytes_is_kept_aside(tmp_path: Path) -> None:
    place = tmp_path / "file"
    with Part(place, 6) as part:
        part.write(b"abc")
        with pytest.raises(UnexpectedAnswer, match="download again"):
            part.finish()
    assert not place.exists()


def test_more_bytes_than_announced_are_not_kept(tmp_path: Path) -> None:
    with Part(tmp_path / "file", 2) as part:
        with pytest.raises(UnexpectedAnswer, match="more than"):
            part.write(b"abc")
        assert part.size == 0


FILES = Artifacts(
    {
        "run_id": "a",
        "submissions": [{"path": "g/a/submission/submission.csv", "bytes": 3, "attempt": "a"}],
        "logs": [{"path": "g/a/run.log", "bytes": 5, "attempt": "a"}],
        "rollouts": [{"path": "g/a/run.log", "bytes": 5, "attempt": "a"}],
    }
)


def test_all_files_are_chosen_once() -> None:
    assert [file.path for file in chosen(FILES, None)] == ["g/a/submission/submission.csv", "g/a/run.log"]


def test_files_are_chosen_by_kind() -> None:
    assert [file.path for file in chosen(FILES, ["logs"])] == ["g/a/run.log"]
    assert [file.path for file in chosen(FILES, "submissions")] == ["g/a/submission/submission.csv"]


def test_a_kind_that_is_none_is_named() -> None:
    with pytest.raises(InputError, match="no kind of artifacts: pictures; expected some of submissions"):
        chosen(FILES, ["logs", "pictures"])
