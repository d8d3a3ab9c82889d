"""What a format can ask of a submission beyond its columns: header, ids of several columns, bounds, words."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import SubmissionInvalid
from grading.cells import MISSING_WORDS
from grading.formats import Column, ColumnKind, Header, SubmissionFormat
from grading.submission import align, read_ours, read_submission

X = Column(name="x", kind=ColumnKind.NUMBER)
Y = Column(name="y", kind=ColumnKind.NUMBER)


def read(folder: Path, content: str, format: SubmissionFormat) -> pd.DataFrame:
    path = folder / "submission.csv"
    path.write_text(content)
    return read_submission(path, format)


def reason(folder: Path, content: str, format: SubmissionFormat) -> str:
    with pytest.raises(SubmissionInvalid) as caught:
        read(folder, content, format)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize(
    ("header", "fine"),
    [
        ("id,x,y", {"open", "closed", "id_first", "exact"}),
        ("id,y,x", {"open", "closed", "id_first"}),
        ("y,x,id", {"open", "closed"}),
        ("id,x,y,z", {"open"}),
        (",id,x,y", {"open"}),
    ],
)
@pytest.mark.parametrize("rule", list(Header))
def test_how_free_a_submission_is_in_its_columns(header: str, fine: set[str], rule: Header, tmp_path: Path) -> None:
    format = SubmissionFormat(id="id", columns=(X, Y), header=rule)
    cells = {"id": "7", "x": "1", "y": "2"}
    content = header + "\n" + ",".join(cells.get(name, "0") for name in header.split(",")) + "\n"
    if str(rule) in fine:
        assert read(tmp_path, content, format).to_dict("list") == {"id": ["7"], "x": [1.0], "y": [2.0]}
    else:
        assert reason(tmp_path, content, format).startswith("the header ")


def test_the_reason_names_the_column_that_should_not_be_there(tmp_path: Path) -> None:
    closed = SubmissionFormat(id="id", columns=(X,), header=Header.CLOSED)
    found = reason(tmp_path, "id,x,z\n1,2,3\n", closed)
    assert found == "the header has column 'z', expected no columns but 'id', 'x'"
    assert "a column without a name" in reason(tmp_path, ",id,x\n0,1,2\n", closed)
    first = SubmissionFormat(id="id", columns=(X,), header=Header.ID_FIRST)
    assert reason(tmp_path, "x,id\n1,2\n", first) == "the header begins with 'x', 'id', expected 'id'"


BOUNDED = SubmissionFormat(id="id", columns=(Column(name="x", kind=ColumnKind.NUMBER, minimum=1, maximum=100),))


def test_bounds_are_allowed_themselves(tmp_path: Path) -> None:
    assert read(tmp_path, "id,x\na,1\nb,100\n", BOUNDED)["x"].tolist() == [1, 100]
    assert reason(tmp_path, "id,x\na,0.99\n", BOUNDED) == "column 'x' holds 0.99, expected 1 or more, in row 1 (id 'a')"
    assert reason(tmp_path, "id,x\na,101\n", BOUNDED) == "column 'x' holds 101, expected 100 or less, in row 1 (id 'a')"


@pytest.mark.parametrize("word", sorted(MISSING_WORDS))
def test_words_for_a_missing_value_count_as_empty_where_the_column_says_so(word: str, tmp_path: Path) -> None:
    content = f'id,x\na,"{word}"\nb,{word} \n'
    for missing_words, expected in ((True, ""), (False, word)):
        column = Column(name="x", kind=ColumnKind.TEXT, missing_words=missing_words)
        found = read(tmp_path, content, SubmissionFormat(id="id", columns=(column,)))["x"].tolist()
        assert found == [expected, f"{word} "]
    label = Column(name="x", kind=ColumnKind.LABEL, missing_words=True)
    assert "is empty in row 1" in reason(tmp_path, content, SubmissionFormat(id="id", columns=(label,)))


@pytest.mark.parametrize(
    ("cells", "fine"),
    [
        (["1", "2"], False),
        (["1.5", ""], False),
        (["True", "false"], False),
        (["inf", "7"], False),
        (["-Infinity", "+INF"], False),
        (["inf", "infinite"], True),
        (["1", "a"], True),
        (["", ""], True),
        (["1 2", "3 4"], True),
    ],
)
def test_a_text_column_of_nothing_but_numbers_may_be_refused(cells: list[str], fine: bool, tmp_path: Path) -> None:
    column = Column(name="x", kind=ColumnKind.TEXT, refuse_all_numbers=True)
    content = f"id,x\na,{cells[0]}\nb,{cells[1]}\n"
    if fine:
        assert read(tmp_path, content, SubmissionFormat(id="id", columns=(column,)))["x"].tolist() == cells
    else:
        assert "nothing but numbers" in reason(tmp_path, content, SubmissionFormat(id="id", columns=(column,)))


def test_the_tolerance_of_sums_can_be_narrower(tmp_path: Path) -> None:
    columns = tuple(Column(name=name, kind=ColumnKind.PROBABILITY) for name in "ab")
    format = SubmissionFormat(id="id", columns=columns, rows_sum_to_one=True, sum_tolerance=5e-7)
    assert len(read(tmp_path, "id,a,b\n1,0.5,0.5000004\n", format)) == 1
    assert "expected 1 (within 5e-07)" in reason(tmp_path, "id,a,b\n1,0.5,0.500001\n", format)


PAIRS = SubmissionFormat(id="id", further_ids=("part",), columns=(X,))


def table(ids: list[object], parts: list[object], values: list[float]) -> pd.DataFrame:
    frame = pd.DataFrame({"id": ids, "part": parts, "x": values})
    return frame.astype({"id": "str", "part": "str"})


def test_rows_may_be_told_apart_by_several_columns() -> None:
    ours = table(["a", "a", "b"], [1, 2, 1], [0, 0, 0])
    given_rows = table(["b", "a", "a"], ["1.0", "2", "01"], [3, 2, 1])
    aligned = align(given_rows, ours, PAIRS)
    assert aligned["x"].tolist() == [1, 2, 3]
    assert aligned["part"].tolist() == ["1", "2", "1"]


@pytest.mark.parametrize(
    ("ids", "parts", "expected"),
    [
        (["a", "a", "a"], [1, 2, 1], "column 'id, part' holds 'a, 1' a second time in row 3 (3 rows, expected 3)"),
        (["a", "a"], [1, 2], "column 'id, part' lacks 1 ids (2 rows, expected 3), the first is 'b, 1'"),
        (["a", "a", "b"], [1, 2, 2], "column 'id, part' holds 1 unknown ids"),
        (["a\x1f1", "a", "b"], ["", 2, 1], "column 'id, part' holds 1 unknown ids"),
    ],
)
def test_wrong_ids_of_several_columns(ids: list[object], parts: list[object], expected: str) -> None:
    with pytest.raises(SubmissionInvalid) as caught:
        align(table(ids, parts, [0.0] * len(ids)), table(["a", "a", "b"], [1, 2, 1], [0, 0, 0]), PAIRS)
    assert str(caught.value).startswith(expected)


REPEATED = SubmissionFormat(id="id", repeated_ids=True, columns=(X,))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from("aabc"), min_size=1, max_size=12), st.permutations("abc"))
def test_rows_of_a_repeated_id_keep_their_order(ids: list[str], groups: list[str]) -> None:
    ours = pd.DataFrame({"id": ids})
    # Rows grouped by id: between ids the order is free, within one it counts.
    rows = sorted(range(len(ids)), key=lambda row: (groups.index(ids[row]), row))
    frame = pd.DataFrame({"id": [ids[row] for row in rows], "x": [float(row) for row in rows]})
    assert align(frame, ours, REPEATED)["x"].tolist() == [float(row) for row in range(len(ids))]


def test_an_id_that_is_repeated_too_often_or_not_enough_is_refused() -> None:
    ours = pd.DataFrame({"id": ["a", "a", "b"]})
    with pytest.raises(SubmissionInvalid, match=r"holds 1 unknown ids .* the first is 'a, #3' in row 3"):
        align(pd.DataFrame({"id": ["a", "a", "a"], "x": [1.0, 2.0, 3.0]}), ours, REPEATED)


def test_our_tables_may_hold_more_than_the_format(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("\ufeffnote,id,x\n,1,0.5\nlong,2,1\n")
    format = SubmissionFormat(id="id", columns=(X,))
    assert read_ours(path, format).to_dict("list") == {"id": ["1", "2"], "x": [0.5, 1.0]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,x\n", "it has no rows"),
        ("id,x\n1,2\n1,3\n", "holds an id twice"),
        ("id,x\n1,a\n", "a"),
        ("id,y\n1,2\n", "x"),
        ("id,x\n1,inf\n", "is infinite"),
    ],
)
def test_our_broken_tables_are_no_submissions_fault(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_ours(path, SubmissionFormat(id="id", columns=(X,)))
