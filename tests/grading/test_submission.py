"""Reading hostile submissions: what is fine, and the one-line reason for what is not."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import SubmissionInvalid
from grading.formats import Column, ColumnKind, SubmissionFormat
from grading.submission import align, read_submission

NUMBER = SubmissionFormat(id="id", columns=(Column(name="x", kind=ColumnKind.NUMBER),))
PROBABILITY = SubmissionFormat(id="id", columns=(Column(name="x", kind=ColumnKind.PROBABILITY),))
TEXT = SubmissionFormat(id="id", columns=(Column(name="x", kind=ColumnKind.TEXT),))
LABEL = SubmissionFormat(id="id", columns=(Column(name="x", kind=ColumnKind.LABEL, classes=("1", "2", "NA")),))
SHARES = SubmissionFormat(
    id="id",
    columns=(Column(name="a", kind=ColumnKind.PROBABILITY), Column(name="b", kind=ColumnKind.PROBABILITY)),
    rows_sum_to_one=True,
)


def of(kind: ColumnKind) -> SubmissionFormat:
    return SubmissionFormat(id="id", columns=(Column(name="x", kind=kind),))


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "submission.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def reason(path: Path, format: SubmissionFormat, *, rows: int | None = None) -> str:
    """Give why a submission is invalid, and check that it is one printable line."""
    with pytest.raises(SubmissionInvalid) as caught:
        read_submission(path, format, rows=rows)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 500
    return text


# What is fine


@pytest.mark.parametrize(
    "content",
    [
        "id,x\n1,0.5\n2,1\n",
        "id,x\r\n1,0.5\r\n2,1\r\n",
        "id,x\r1,0.5\r2,1\r",
        "id,x\n1,0.5\n2,1",
        "\ufeffid,x\n1,0.5\n2,1\n",
        "\n\nid,x\n\n1,0.5\n\n2,1\n\n",
        '"id","x"\n"1","0.5"\n"2","1"\n',
        ",id,x\n0,1,0.5\n1,2,1\n",
        ",,id,x\na,b,1,0.5\na,b,2,1\n",
        "id,x\n7,1,0.5\n3,2,1\n",
        "x,note,id\n 0.5 ,é,1\n1e0,,2\n",
    ],
)
def test_tolerated_forms(tmp_path: Path, content: str) -> None:
    frame = read_submission(write(tmp_path, content), NUMBER)
    assert frame.to_dict("list") == {"id": ["1", "2"], "x": [0.5, 1.0]}


def test_texts_are_kept_as_they_are(tmp_path: Path) -> None:
    frame = read_submission(write(tmp_path, 'id,x\nNA,\nnan,NA\n007,"a, ""b""\nc"\n'), TEXT)
    assert frame.to_dict("list") == {"id": ["NA", "nan", "007"], "x": ["", "NA", 'a, "b"\nc']}


def test_columns_come_in_the_order_of_the_format(tmp_path: Path) -> None:
    frame = read_submission(write(tmp_path, "b,a,id\n0.25,0.75,z\n"), SHARES)
    assert list(frame.columns) == ["id", "a", "b"]
    assert frame.iloc[0].tolist() == ["z", 0.75, 0.25]


def test_labels_may_be_written_as_floats(tmp_path: Path) -> None:
    frame = read_submission(write(tmp_path, "id,x\n1,1.0\n2,2\n3,NA\n"), LABEL)
    assert frame["x"].tolist() == ["1", "2", "NA"]


def test_integers_may_be_written_as_floats(tmp_path: Path) -> None:
    frame = read_submission(write(tmp_path, "id,x\n1,-1.0\n2,2e3\n"), of(ColumnKind.INTEGER))
    assert frame["x"].tolist() == [-1, 2000]
    assert frame["x"].dtype == "int64"


def test_booleans_count_as_probabilities(tmp_path: Path) -> None:
    assert read_submission(write(tmp_path, "id,x\n1,True\n2,False\n"), PROBABILITY)["x"].tolist() == [1.0, 0.0]


def test_numbers_are_read_exactly(tmp_path: Path) -> None:
    values = [0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e149]
    content = "id,x\n" + "".join(f"{index},{value!r}\n" for index, value in enumerate(values))
    assert read_submission(write(tmp_path, content), NUMBER)["x"].tolist() == values


# What is not: the file


def test_a_missing_file(tmp_path: Path) -> None:
    assert reason(tmp_path / "none.csv", NUMBER) == "there is no submission file"


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(write(tmp_path, "id,x\n1,2\n"))
    assert "symbolic link" in reason(link, NUMBER)


def test_what_is_not_a_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "not a regular file" in reason(pipe, NUMBER)
    assert "not a regular file" in reason(tmp_path, NUMBER)
    assert "not a regular file" in reason(Path("/dev/zero"), NUMBER)


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket may not be long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert "not a regular file" in reason(Path("socket"), NUMBER)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse.csv"
    with path.open("wb") as file:
        file.truncate(2 << 30)
    assert reason(path, NUMBER) == "the file has 2147483648 bytes, at most 1073741824 are allowed"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the file is empty"),
        (b"\n\n  \n", "column 'id' and 1 more is missing; the header has nothing"),
        (b"id,x\n", "the file has a header and no rows"),
        (b"id,x\n1,\xff\n", "the file is not UTF-8: byte 7 (0xff) is not valid"),
        ("id,x\n1,é\n".encode("latin-1"), "the file is not UTF-8: byte 7 (0xe9) is not valid"),
        (b"id,x\n1,\xc3", "the file is not UTF-8: byte 7 (0xc3) is not valid"),
        ("id,x\n1,2\n".encode("utf-16"), "the file is UTF-16, expected UTF-8"),
        (b"PK\x03\x04\x00\x00", "the file is binary: NUL at byte 4, expected CSV text"),
        (b"id;x\n1;2\n", "the columns are separated by semicolons, expected commas"),
        (b"id;x\n1;2,5\n", "the columns are separated by semicolons, expected commas"),
        (b"id\tx\n1\t2\n", "the columns are separated by tabs, expected commas"),
        (b"id,y\n1,2\n", "column 'x' is missing; the header has 'id', 'y'"),
        (b"1,2\n2,3\n", "column 'id' and 1 more is missing; the header has '1', '2'"),
        (b"id,x,x\n1,2,3\n", "column 'x' occurs 2 times, expected once"),
        (b"id,x,n,n\n1,2,3,4\n", "column 'n' occurs 2 times, expected once"),
        (b"id,x\na,2,3\n", "row 1 has more fields than the header"),
        (b"id,x\n0.5,1,2\n", "row 1 has more fields than the header"),
        (b"id,x\n1,True\n2,\n3,False\n", "column 'x' is empty in row 2"),
        (
            b"id,x\n1,true\n2,False\n3,maybe\n",
            "column 'x' holds 'maybe', expected True or False as in others, in row 3",
        ),
        (b"id,x\n1,0.5\n2,maybe\n", "column 'x' holds 'maybe', expected a number, in row 2"),
        (b"id,x\n7,1,0.5\n3,2,maybe\n", "column 'x' holds 'maybe', expected a number, in row 2"),
        (b"id,x\n1,2,3,4\n2,3\n", "row 1 has more fields than the header"),
        (b"id,x\n1,2\n2,3,4\n", "Expected 2 fields in line 3, saw 3"),
        (b'id,x\n1,"2\n3,4\n', "EOF inside string"),
        (b"id,\x1b[31m\n1,2\n", r"column 'x' is missing; the header has 'id', '\x1b[31m'"),
    ],
)
def test_broken_files(tmp_path: Path, content: bytes, expected: str) -> None:
    assert expected in reason(write(tmp_path, content), NUMBER)


def test_bytes_are_counted_across_the_pieces_a_file_is_scanned_in(tmp_path: Path) -> None:
    start = b"id,x\n1," + b"\xc3\xa9" * (1 << 21)  # a character lies across the border of two pieces
    assert f"byte {len(start)} (0xff)" in reason(write(tmp_path, start + b"\xff\n"), TEXT)


def test_a_header_without_end_is_refused(tmp_path: Path) -> None:
    assert "the header is longer than" in reason(write(tmp_path, "id,x," * 500_000), NUMBER)


def test_very_many_columns_are_refused(tmp_path: Path) -> None:
    names = ",".join(f"c{index}" for index in range(2000))
    assert "the header has 2002 columns, expected 2" in reason(write(tmp_path, f"id,x,{names}\n"), NUMBER)


def test_rows_beyond_the_expected_number_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path, "id,x\n" + "1,2\n" * 50_000)
    assert reason(path, NUMBER, rows=10) == "the file has more than the expected 10 rows"
    assert len(read_submission(path, NUMBER, rows=50_000)) == 50_000
    path = write(tmp_path, "id,x\n" + "1,2\n" * 11 + "1,never looked at\n")
    assert reason(path, NUMBER, rows=10) == "the file has more than the expected 10 rows"


# What is not: the cells


@pytest.mark.parametrize(
    ("format", "cell", "expected"),
    [
        (NUMBER, "", "column 'x' is empty in row 2"),
        (NUMBER, "  ", "column 'x' is empty in row 2"),
        (NUMBER, "NaN", "column 'x' is missing ('NaN') in row 2"),
        (NUMBER, "NA", "column 'x' is missing ('NA') in row 2"),
        (NUMBER, "inf", "column 'x' is infinite in row 2 (id 'two')"),
        (NUMBER, "-Infinity", "column 'x' is infinite in row 2 (id 'two')"),
        (NUMBER, "1e999", "column 'x' is infinite in row 2 (id 'two')"),
        (NUMBER, "high", "column 'x' holds 'high', expected a number, in row 2"),
        (NUMBER, "1_0", "column 'x' holds '1_0', expected a number, in row 2"),
        (NUMBER, "0x10", "column 'x' holds '0x10', expected a number, in row 2"),
        (NUMBER, "\u0663", "column 'x' holds '\u0663', expected a number, in row 2"),
        (NUMBER, "[0.1 0.9]", "column 'x' holds '[0.1 0.9]', expected a number, in row 2"),
        (NUMBER, "a" * 5000, f"column 'x' holds '{'a' * 40}'..., expected a number, in row 2"),
        (NUMBER, '"a\x1b[2J\nb"', r"column 'x' holds 'a\x1b[2J\nb', expected a number, in row 2"),
        (PROBABILITY, "1.5", "column 'x' holds 1.5, expected a probability from 0 to 1, in row 2 (id 'two')"),
        (PROBABILITY, "-0.1", "column 'x' holds -0.1, expected a probability from 0 to 1, in row 2 (id 'two')"),
        (of(ColumnKind.NON_NEGATIVE), "-2", "column 'x' holds -2, expected 0 or more, in row 2 (id 'two')"),
        (of(ColumnKind.INTEGER), "1.5", "column 'x' holds 1.5, expected a whole number within 2^53, in row 2"),
        (of(ColumnKind.INTEGER), "1e30", "column 'x' holds 1e+30, expected a whole number within 2^53, in row 2"),
        (LABEL, "3", "column 'x' holds '3', expected one of 1, 2, NA, in row 2 (id 'two')"),
        (LABEL, "", "column 'x' is empty in row 2 (id 'two')"),
        (of(ColumnKind.LABEL), "", "column 'x' is empty in row 2 (id 'two')"),
    ],
)
def test_broken_cells(tmp_path: Path, format: SubmissionFormat, cell: str, expected: str) -> None:
    assert reason(write(tmp_path, f"id,x\none,1\ntwo,{cell}\nthree,1\n"), format).startswith(expected)


def test_the_row_of_a_broken_cell_is_right_far_into_a_file(tmp_path: Path) -> None:
    content = "id,x\n" + "".join(f"{row},0.5\n" for row in range(1, 150_001)) + "150001,oops\n"
    assert reason(write(tmp_path, content), NUMBER).endswith("in row 150001")


def test_a_row_that_is_too_short_lacks_its_last_cell(tmp_path: Path) -> None:
    assert reason(write(tmp_path, "id,x\n1,2\n2\n"), NUMBER) == "column 'x' is empty in row 2"


@pytest.mark.parametrize("cell", ["1" * 200_000 + "x", " " * 200_000 + "x", "0" * 200_000 + "x", "1e" * 100_000])
@pytest.mark.parametrize("format", [NUMBER, LABEL])
@pytest.mark.timeout(20)
def test_long_cells_cost_no_more_than_their_length(tmp_path: Path, cell: str, format: SubmissionFormat) -> None:
    assert "column 'x' holds" in reason(write(tmp_path, f"id,x\n{cell},{cell}\n"), format)


@pytest.mark.parametrize(("second", "fine"), [(0.5, True), (0.50001, True), (0.499989, True), (0.50002, False)])
def test_rows_sum_to_one_within_the_tolerance(tmp_path: Path, second: float, fine: bool) -> None:
    path = write(tmp_path, f"id,a,b\none,0,1\ntwo,0.5,{second}\n")
    if fine:
        assert len(read_submission(path, SHARES)) == 2
    else:
        text = reason(path, SHARES)
        assert text == "the 2 probabilities from 'a' on sum to 1.00002 in row 2 (id 'two'), expected 1 (within 1.1e-05)"


SHORT_OF_MEMORY = """
import resource, sys
from pathlib import Path
from grading import csv_file
from grading.formats import Column, ColumnKind, SubmissionFormat
from grading.submission import read_submission
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (20 << 20),) * 2)
columns = (Column(name="x", kind=ColumnKind.NUMBER),)
try:
    read_submission(Path(sys.argv[1]), SubmissionFormat(id="id", columns=columns), rows=9_000_000)
except MemoryError:
    print("MemoryError")
"""


def test_a_host_without_memory_is_not_the_submissions_fault(tmp_path: Path) -> None:
    path = write(tmp_path, b"id,x\n" + b"1,1\n" * 10_000_000)
    command = [sys.executable, "-c", SHORT_OF_MEMORY, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("MemoryError\n", "")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60) | st.text(alphabet='id,x\n\r";1.e- é\ufeff\x1b', max_size=60).map(str.encode), st.booleans()
)
def test_no_bytes_break_the_reader(tmp_path: Path, content: bytes, with_header: bool) -> None:
    path = write(tmp_path, b"id,x\n" + content if with_header else content)
    for format in (NUMBER, LABEL, TEXT):
        try:
            frame = read_submission(path, format)
        except SubmissionInvalid as error:
            assert str(error).isprintable()
        else:
            assert list(frame.columns) == ["id", "x"]
            assert not frame.isna().any(axis=None)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.text(min_size=1, alphabet=st.characters(codec="utf-8", exclude_characters="\0\r")), st.floats(-1e9, 1e9)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_pandas_writes_is_read_back(tmp_path: Path, rows: list[tuple[str, float]]) -> None:
    rows = [(f"i{name}", value) for name, value in rows]
    path = tmp_path / "submission.csv"
    pd.DataFrame(rows, columns=["id", "x"]).to_csv(path, index=False)
    assert list(read_submission(path, NUMBER).itertuples(index=False, name=None)) == rows


# Ids


def frame_of(*ids: str) -> pd.DataFrame:
    return pd.DataFrame({"id": pd.Series(ids, dtype="str"), "x": [float(index) for index in range(len(ids))]})


def expected_ids(*ids: object) -> pd.DataFrame:
    return pd.DataFrame({"id": list(ids)})


def test_rows_take_the_order_of_the_ids() -> None:
    aligned = align(frame_of("b", "c", "a"), expected_ids("a", "b", "c"), NUMBER)
    assert aligned.to_dict("list") == {"id": ["a", "b", "c"], "x": [2.0, 0.0, 1.0]}


@settings(max_examples=40, deadline=None)
@given(
    st.permutations(range(12)),
    st.sampled_from(["{}", "{}.0", "{:03}", " {}", "+{}", "{:e}", "{:E}", "{}e-0", "{}0e-1"]),
    st.sampled_from([int, str, float]),
)
def test_whole_number_ids_are_compared_by_value(order: list[int], style: str, dtype: type) -> None:
    ids = expected_ids(*(dtype(number) for number in range(12)))
    aligned = align(frame_of(*(style.format(number) for number in order)), ids, NUMBER)
    assert aligned["x"].tolist() == [float(order.index(number)) for number in range(12)]
    assert aligned["id"].tolist() == ids["id"].astype("str").tolist()


@pytest.mark.parametrize("given_id", ["8e+05", "8.00e5", "800000.0", "+8E5", "80000e1"])
def test_a_large_id_may_have_an_exponent(given_id: str) -> None:
    assert align(frame_of("800001", given_id), expected_ids(800000, 800001), NUMBER)["x"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("given_id", ["8e+050", "8.5e0", "8e-1", "e5", "8e", "1e999", "8e+05x", "٨e5"])
def test_what_is_no_such_number_is_an_unknown_id(given_id: str) -> None:
    with pytest.raises(SubmissionInvalid, match="unknown"):
        align(frame_of("800001", given_id), expected_ids(800000, 800001), NUMBER)


@pytest.mark.parametrize("given_id", ["7", "07", "7.0"])
def test_ids_that_differ_only_as_text_are_kept_apart(given_id: str) -> None:
    ids = expected_ids("7", "07", "7.0")
    aligned = align(frame_of("7.0", "07", "7"), ids, NUMBER)
    assert aligned.set_index("id")["x"].to_dict() == {"7": 2.0, "07": 1.0, "7.0": 0.0}
    with pytest.raises(SubmissionInvalid, match="unknown"):
        align(frame_of(given_id, "007"), ids, NUMBER)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (("a", "b", "a"), "column 'id' holds 'a' a second time in row 3 (3 rows, expected 3)"),
        (("a", "b"), "column 'id' lacks 1 ids (2 rows, expected 3), the first is 'c'"),
        (
            ("a", "b", "c", "d\n", ""),
            r"column 'id' holds 2 unknown ids (5 rows, expected 3), the first is 'd\n' in row 4",
        ),
        (("a", "b", "A"), "column 'id' holds 1 unknown ids (3 rows, expected 3), the first is 'A' in row 3"),
    ],
)
def test_wrong_ids(ids: tuple[str, ...], expected: str) -> None:
    with pytest.raises(SubmissionInvalid) as caught:
        align(frame_of(*ids), expected_ids("a", "b", "c"), NUMBER)
    assert str(caught.value) == expected


def test_the_same_number_twice_is_a_duplicate_id() -> None:
    with pytest.raises(SubmissionInvalid, match="'1' a second time in row 2"):
        align(frame_of("1", "1.0", "2"), expected_ids(1, 2), NUMBER)


def test_expected_ids_are_unique() -> None:
    with pytest.raises(ValueError, match="not unique"):
        align(frame_of("a"), expected_ids("a", "a"), NUMBER)
