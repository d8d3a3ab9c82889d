"""run.log: bounded, without secrets, and with a last line fit for a table."""

import threading
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from worker.runlog import Censor, RunLog


def open_log(folder: Path, *, max_bytes: int = 1 << 20, secrets: tuple[str, ...] = ()) -> RunLog:
    return RunLog(folder / "run.log", max_bytes=max_bytes, secrets=secrets)


def read(folder: Path) -> str:
    return (folder / "run.log").read_text()


def test_output_is_in_the_file_while_the_agent_works(tmp_path: Path) -> None:
    run_log = open_log(tmp_path)
    run_log.write(b"epoch 1\n")
    assert read(tmp_path) == "epoch 1\n"
    run_log.close()


def test_notes_have_lines_of_their_own(tmp_path: Path) -> None:
    run_log = open_log(tmp_path)
    run_log.write(b"half a line")
    run_log.note("something\nhappened")
    run_log.close()
    first, second = read(tmp_path).splitlines()
    assert first == "half a line"
    assert second.startswith("[mlebench 2") and second.endswith("Z] something happened")


def test_beginning_and_end_survive_a_flood(tmp_path: Path) -> None:
    run_log = open_log(tmp_path, max_bytes=4000)
    for number in range(10_000):
        run_log.write(b"line %d\n" % number)
    run_log.close()
    said = read(tmp_path)
    assert said.startswith("line 0\nline 1\n")
    assert said.endswith("line 9998\nline 9999\n")
    assert "bytes of output were left out here" in said
    assert len(said) < 4200


def test_what_fits_is_complete(tmp_path: Path) -> None:
    run_log = open_log(tmp_path, max_bytes=1000)
    run_log.write(b"x" * 900)
    run_log.write(b"y" * 100)
    run_log.close()
    assert read(tmp_path) == "x" * 900 + "y" * 100


def test_a_secret_in_pieces_is_blanked(tmp_path: Path) -> None:
    run_log = open_log(tmp_path, secrets=("sk-abcdef",))
    for piece in (b"key sk-", b"abc", b"def and sk-", b"abx"):
        run_log.write(piece)
    run_log.note("the key is sk-abcdef")
    run_log.close()
    said = read(tmp_path)
    assert "sk-abcdef" not in said
    assert said.startswith("key *** and sk-abx\n") and said.endswith("the key is ***\n")


def test_short_values_are_no_secrets(tmp_path: Path) -> None:
    run_log = open_log(tmp_path, secrets=("1", "true"))
    run_log.write(b"1 true\n")
    run_log.close()
    assert read(tmp_path) == "1 true\n"


SECRETS = ("aabab", "ababa", "aabababb", "bbbbb")


@settings(max_examples=200)
@given(text=st.text("ab", max_size=60), cuts=st.lists(st.integers(0, 60), max_size=10))
def test_how_output_is_cut_makes_no_difference(text: str, cuts: list[int]) -> None:
    data = text.encode()
    bounds = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    censor = Censor(SECRETS)
    pieces = [censor.feed(data[start:end]) for start, end in pairwise(bounds)]
    whole = b"".join([*pieces, censor.finish()])
    assert whole == Censor(SECRETS).all_at_once(data)
    assert not any(secret.encode() in whole for secret in SECRETS)


@settings(max_examples=50)
@given(text=st.binary(max_size=200))
def test_without_secrets_nothing_changes_or_waits(text: bytes) -> None:
    assert Censor(()).feed(text) == text


def test_last_line_is_plain_text(tmp_path: Path) -> None:
    run_log = open_log(tmp_path)
    assert run_log.last_line() == ""
    run_log.write(b"first\n\x1b[31mloss \x1b[1m0.5\x1b[0m\x07\x00\xff\n\n  \n")
    run_log.note("not the agent's")
    assert run_log.last_line() == "loss 0.5  \ufffd"
    run_log.write(b"\x1b]0;title\x07progress 1%\rprogress 2%")
    assert run_log.last_line() == "progress 2%"
    run_log.write(b"\n" + b"z" * 100_000)
    assert run_log.last_line() == "z" * 200
    run_log.close()


def test_threads_do_not_tear_lines(tmp_path: Path) -> None:
    run_log = open_log(tmp_path)

    def write_lines(name: int) -> None:
        for _ in range(100):
            run_log.write(b"%d" % name * 50 + b"\n")

    threads = [threading.Thread(target=write_lines, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run_log.close()
    assert sorted(read(tmp_path).splitlines()) == sorted(str(name) * 50 for name in range(4) for _ in range(100))


def test_closing_twice_and_writing_afterwards_is_harmless(tmp_path: Path) -> None:
    run_log = open_log(tmp_path)
    run_log.close()
    run_log.close()
    run_log.write(b"late\n")
    run_log.note("late")
    assert read(tmp_path) == ""


def test_a_second_log_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    for text in (b"one\n", b"two\n"):
        run_log = open_log(tmp_path)
        run_log.write(text)
        run_log.close()
    assert read(tmp_path) == "one\ntwo\n"


def test_a_disk_that_is_full_does_not_stop_the_agent(tmp_path: Path) -> None:
    (tmp_path / "run.log").symlink_to("/dev/full")
    run_log = open_log(tmp_path)
    run_log.write(b"lost\n")
    run_log.write(b"lost too\n")
    assert run_log.last_line() == "lost too"
    run_log.close()
