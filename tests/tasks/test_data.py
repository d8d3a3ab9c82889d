"""The data folder: one preparation, whole or not at all, and never an answer in the public part."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.errors import DataError, InputError
from tasks import data, disk
from tasks.data import Prepared, data_hash, is_prepared, prepare
from tasks.disk import check_data_dir
from tasks.registry import Competition, load_competition
from tests.tasks.conftest import PREPARE, Load, Write


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_data_is_prepared_into_the_layout_of_the_reference_benchmark(load: Load, data_dir: Path) -> None:
    competition = load()
    assert not is_prepared(competition, data_dir)
    prepared = prepare(competition, data_dir)
    assert is_prepared(competition, data_dir)
    assert prepared.public == data_dir / "toy" / "prepared" / "public"
    assert _names(prepared.public) == {"train.csv", "test.csv", "sample_submission.csv", "description.md"}
    assert _names(prepared.private) == {"test.csv"}
    assert (prepared.public / "description.md").read_text() == competition.description()


def test_the_public_part_is_readable_for_all_whatever_the_umask(load: Load, data_dir: Path) -> None:
    competition = load(prepare=PREPARE + "    (public / 'more').mkdir()\n    (public / 'more' / 'x').touch()\n")
    before = os.umask(0o077)
    try:
        prepared = prepare(competition, data_dir)
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (prepared.public, *prepared.public.rglob("*"))}
    assert modes == {0o755, 0o644}
    assert prepared.public.parent.stat().st_mode & 0o777 == 0o755


def test_complete_data_is_used_as_it_is(load: Load, data_dir: Path) -> None:
    for part, file in (("public", "sample_submission.csv"), ("private", "test.csv")):
        (data_dir / "toy" / "prepared" / part).mkdir(parents=True)
        (data_dir / "toy" / "prepared" / part / file).write_text(f"from elsewhere: {part}")
    before = _tree(data_dir)
    lines: list[str] = []
    prepare(load(prepare="def prepare(*parts):\n    raise RuntimeError\n"), data_dir, log=lines.append)
    assert _tree(data_dir) == before
    assert lines == []


FAIL_IN_THE_MIDDLE = PREPARE + "    raise OSError(28, 'No space left on device')\n"


def test_a_preparation_that_fails_leaves_nothing_that_looks_whole(load: Load, data_dir: Path, root: Path) -> None:
    competition = load(prepare=FAIL_IN_THE_MIDDLE)
    with pytest.raises(DataError, match="No space left on device"):
        prepare(competition, data_dir)
    assert not is_prepared(competition, data_dir)
    assert _names(data_dir / "toy") == {".lock"}
    (root / "toy" / "prepare.py").write_text(PREPARE)
    assert _names(prepare(competition, data_dir).private) == {"test.csv"}


KILL_IN_THE_MIDDLE = PREPARE + "    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n"
PREPARE_TOY = """
import sys
from pathlib import Path
from tasks.data import prepare
from tasks.registry import load_competition
prepare(load_competition("toy", roots=[Path(sys.argv[1])]), Path(sys.argv[2]))
"""


def _start(root: Path, data_dir: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", PREPARE_TOY, str(root), str(data_dir)])


def test_a_killed_preparation_is_cleared_away_by_the_next(write: Write, root: Path, data_dir: Path) -> None:
    folder = write(prepare=KILL_IN_THE_MIDDLE)
    assert _start(root, data_dir).wait() == -9
    competition = load_competition("toy", roots=[root])
    assert not is_prepared(competition, data_dir)
    assert any(name.startswith(".preparing-") for name in _names(data_dir / "toy"))
    (folder / "prepare.py").write_text(PREPARE)
    prepare(competition, data_dir)
    assert _names(data_dir / "toy") == {".lock", "prepared"}


COUNTED = (
    PREPARE
    + """
    import os, time
    (raw.parent / f"prepared-by-{os.getpid()}").touch()
    time.sleep(0.3)  # long enough for the others to come to the lock
"""
)


def test_processes_that_come_at_once_prepare_once(write: Write, root: Path, data_dir: Path) -> None:
    write(prepare=COUNTED)
    processes = [_start(root, data_dir) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len(list((data_dir / "toy").glob("prepared-by-*"))) == 1


def test_an_incomplete_preparation_of_another_program_is_set_aside(load: Load, data_dir: Path) -> None:
    public = data_dir / "toy" / "prepared" / "public"
    public.mkdir(parents=True)
    (public / "train.csv").write_text("half")
    lines: list[str] = []
    prepare(load(), data_dir, log=lines.append)
    [aside] = (data_dir / "toy").glob("prepared.incomplete-*")
    assert (aside / "prepared" / "public" / "train.csv").read_text() == "half"
    assert any(str(aside) in line for line in lines)


LEAKS = {
    "the answers under another name": "    (public / 'x.csv').write_text((private / 'test.csv').read_text())\n",
    "a link to the answers": "    (public / 'x').symlink_to(private / 'test.csv')\n",
    "a link to a folder": "    (public / 'x').symlink_to(private)\n",
    "a hard link": "    (private / 'more').write_text('!')\n    (public / 'x').hardlink_to(private / 'more')\n",
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_answers_in_the_public_part_are_refused(leak: str, load: Load, data_dir: Path) -> None:
    competition = load(prepare=PREPARE + leak)
    with pytest.raises(DataError, match=r"in the public part: x"):
        prepare(competition, data_dir)
    assert not is_prepared(competition, data_dir)


@pytest.mark.parametrize("missing", ["private / 'test.csv'", "public / 'sample_submission.csv'"])
def test_a_preparer_that_forgets_a_part_is_refused(missing: str, load: Load, data_dir: Path) -> None:
    with pytest.raises(DataError, match="the preparer of toy left no"):
        prepare(load(prepare=f"{PREPARE}    ({missing}).unlink()\n"), data_dir)


BAD_SAMPLE = PREPARE + "    (public / 'sample_submission.csv').write_text('id,label\\n2,a\\n2,a\\n')\n"


def test_a_sample_submission_that_is_not_valid_is_refused_when_verifying(load: Load, data_dir: Path) -> None:
    competition = load(prepare=BAD_SAMPLE)
    with pytest.raises(DataError, match="sample submission of toy"):
        prepare(competition, data_dir)
    prepare(competition, data_dir, verify=False)
    assert is_prepared(competition, data_dir)


@pytest.mark.parametrize(("keep_raw", "left"), [(True, {"raw", "toy.zip"}), (False, set())])
def test_raw_data_is_kept_or_removed(keep_raw: bool, left: set[str], load: Load, data_dir: Path) -> None:
    raw = data_dir / "toy" / "raw"
    raw.mkdir(parents=True)
    (raw / "all.csv").write_text("x")
    (data_dir / "toy" / "toy.zip").write_text("zip")
    prepare(load(source="kaggle"), data_dir, keep_raw=keep_raw)
    assert _names(data_dir / "toy") - {".lock", "prepared"} == left


def test_a_data_folder_that_cannot_be_written_is_named(load: Load, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for check in (lambda path: check_data_dir(path), lambda path: prepare(load(), path)):
        with pytest.raises(InputError, match=r"the data folder .*file/data cannot be written.*--data-dir"):
            check(tmp_path / "file" / "data")


def test_a_full_disk_is_said_with_numbers_before_anything_is_written(
    load: Load, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"nearly full: [\d,]+ bytes free, 10,000,000,[\d,]+ needed"):
        check_data_dir(data_dir, needed_bytes=10**19)
    assert not data_dir.exists()
    monkeypatch.setattr(disk, "FREE_BYTES", 10**19)
    with pytest.raises(InputError, match="nearly full"):
        prepare(load(), data_dir)


def test_a_folder_that_can_be_created_is_fine(data_dir: Path) -> None:
    check_data_dir(data_dir / "deep" / "down")
    assert not data_dir.exists()


def _prepared(folder: Path, files: dict[str, Any]) -> Prepared:
    for part in ("public", "private"):
        (folder / part).mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    return Prepared(competition_id="toy", public=folder / "public", private=folder / "private")


FILES = {"public/train.csv": "1", "public/description.md": "2", "private/test.csv": "3"}


def test_the_hash_tells_the_data_and_not_the_place_or_the_description(tmp_path: Path) -> None:
    first = data_hash(_prepared(tmp_path / "a", FILES))
    assert first == data_hash(_prepared(tmp_path / "b", {**FILES, "public/description.md": "other"}))
    for number, change in enumerate(
        ({"public/train.csv": "x"}, {"private/test.csv": "x"}, {"public/more.csv": ""}, {"private/train.csv": "1"})
    ):
        assert data_hash(_prepared(tmp_path / str(number), {**FILES, **change})) != first


def test_the_hash_of_a_large_tree_reads_a_bounded_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "HASHED_WHOLE_FILES", 2)
    monkeypatch.setattr(data, "SAMPLED_FILES", 3)
    monkeypatch.setattr(data, "SAMPLED_BYTES", 1)
    files = {f"public/{number}": "ab" for number in range(9)}
    first = data_hash(_prepared(tmp_path / "a", files))
    changed = [
        data_hash(_prepared(tmp_path / f"{number}{text}", {**files, f"public/{number}": text})) != first
        for text in ("xb", "ax", "abc")
        for number in range(9)
    ]
    assert [sum(changed[start : start + 9]) for start in (0, 9, 18)] == [3, 0, 9]


def test_data_is_not_prepared_again(load: Load, root: Path, data_dir: Path) -> None:
    competition: Competition = load()
    first = prepare(competition, data_dir)
    (root / "toy" / "prepare.py").write_text("def prepare(*parts):\n    raise RuntimeError\n")
    assert prepare(competition, data_dir) == first
