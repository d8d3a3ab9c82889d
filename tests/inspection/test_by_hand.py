"""Predictions that were written down: found in code, logs and model calls, and not in programs that compute them."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.by_hand import Wanted, pairs
from inspection.findings import Finding
from inspection.predictions import read_predictions
from tests.inspection.conftest import ROWS, Site, choices, noise, row_id, table
from tests.inspection.test_similar_code import notebook

SUBMISSION = "submission/submission.csv"
LABELS = choices(3)


def by_hand(site: Site) -> list[Finding]:
    return [finding for finding in site.inspect().findings if finding.check == "labelled by hand"]


def attempt(site: Site, files: dict[str, str], *, labels: list[str] = LABELS) -> list[Finding]:
    site.competition("made-up", "label", rows=len(labels))
    site.run("made-up", {SUBMISSION: table(labels), **files})
    return by_hand(site)


def as_object(rows: range) -> str:
    return "labels = {\n" + "".join(f"    '{row_id(row)}.jpg': '{LABELS[row].upper()}',\n" for row in rows) + "}\n"


def as_pairs(rows: range) -> str:
    return f"labels = {[(row_id(row), LABELS[row]) for row in rows]}\n"


def as_text(rows: range) -> str:
    return f'csv = """{table(LABELS[: rows.stop])}"""\n'


@pytest.mark.parametrize("written", [as_object, as_pairs, as_text])
@pytest.mark.parametrize(("rows", "degree"), [(ROWS, "strong"), (40, "look")])
def test_labels_beside_ids_in_code_are_found(
    site: Site, written: Callable[[range], str], rows: int, degree: str
) -> None:
    code = "import pandas as pd\n" + written(range(rows))
    found = [finding for finding in attempt(site, {"code/a.py": code}) if "with the prediction" in finding.says]
    assert [finding.degree for finding in found] == [degree]
    assert f"{rows / ROWS:.0%} of the rows" in found[0].says
    assert (found[0].evidence[0].file, row_id(0) in found[0].evidence[0].excerpt) == ("code/a.py", True)


def test_labels_in_a_notebook_are_found_in_their_cell(site: Site) -> None:
    found = attempt(site, {"code/a.ipynb": notebook("import os", as_object(range(ROWS)))})
    assert {(finding.degree, finding.evidence[0].file) for finding in found} == {("strong", "code/a.ipynb cell 3")}


def test_a_list_of_labels_as_long_as_the_submission_is_found(site: Site) -> None:
    (found,) = attempt(site, {"code/a.py": f"\n\nanswers = {LABELS}\n"})
    assert (found.degree, found.evidence[0].place) == ("strong", "code/a.py:3")
    assert "list of 400 values" in found.says


def test_a_list_of_numbers_as_long_as_the_submission_is_found(site: Site) -> None:
    site.competition("made-up")
    values = [round(float(value), 3) for value in noise(1)]
    site.run("made-up", {SUBMISSION: table(values), "code/a.py": f"answers = {values}\n"})
    (found,) = by_hand(site)
    assert found.degree == "strong"


def test_ids_sorted_into_lists_are_found(site: Site) -> None:
    lists = {label: [row_id(row) for row in range(ROWS) if LABELS[row] == label] for label in ("cat", "dog")}
    found = attempt(site, {"code/a.py": f"cats = {lists['cat']}\ndogs = {lists['dog']}\n"})
    assert [(finding.degree, "lists in the code hold ids" in finding.says) for finding in found] == [("strong", True)]


@pytest.mark.parametrize(
    "code",
    [
        "print({'cat': 0, 'dog': 1, 'newt': 2})",
        f"examples = {[(row_id(row), LABELS[row]) for row in range(5)]}",
        f"shuffled = {[(row_id(row), LABELS[(row * 7 + 1) % ROWS]) for row in range(ROWS)]}"[:200] + "]",
        f"sizes = {list(range(ROWS))}",
        f"features = {[f'f{number}' for number in range(ROWS)]}",
        f"columns = {['cat', 'dog', 'newt'] * 30}",
    ],
)
def test_what_programs_hold_is_no_handwork(site: Site, code: str) -> None:
    assert attempt(site, {"code/a.py": code}) == []


def test_ids_beside_other_values_are_chance(site: Site) -> None:
    lines = "".join(f"{row_id(row)} {LABELS[(row + 1) % ROWS]}\n" for row in range(ROWS))
    assert attempt(site, {"logs/a.log": lines}) == []


def test_a_model_that_names_the_labels_is_found_and_one_that_is_shown_them_is_weaker(site: Site) -> None:
    said = "\n".join(f"- {row_id(row)}.png: {LABELS[row]}" for row in range(ROWS))
    spoken = {"request": {"messages": []}, "response": {"choices": [{"message": {"content": said}}]}}
    (found,) = attempt(site, {"model_calls.jsonl": json.dumps(spoken) + "\n"})
    assert (found.degree, found.evidence[0].place) == ("strong", "model_calls.jsonl:1")
    site.run("made-up", {SUBMISSION: table(LABELS), "model_calls.jsonl": json.dumps({"request": said}) + "\n"})
    assert [finding.degree for finding in by_hand(site)] == ["strong", "look"]


def chat_event(text: str) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": {"role": "assistant", "content": text}}]}


def call_event(text: str) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": {"tool_calls": [{"function": {"arguments": text}}]}}]}


def response_event(text: str) -> dict[str, object]:
    return {"type": "response.output_text.delta", "delta": text}


@pytest.mark.parametrize("event", [chat_event, call_event, response_event])
def test_what_a_model_said_as_a_stream_is_put_together(site: Site, event: Callable[[str], dict[str, object]]) -> None:
    said = "".join(f"{row_id(row)}: {LABELS[row]}, " for row in range(ROWS))
    events = [event(said[start : start + 3]) for start in range(0, len(said), 3)]
    stream = "".join(f"data: {json.dumps(entry)}\n\n" for entry in events) + "data: [DONE]\n\n"
    (found,) = attempt(site, {"model_calls.jsonl": json.dumps({"request": {}, "response": stream}) + "\n"})
    assert (found.degree, "a model named rows" in found.says) == ("strong", True)


def test_a_log_that_prints_predictions_is_said_with_its_innocent_reason(site: Site) -> None:
    (found,) = attempt(site, {"run.log": "done\n" + table(LABELS[:120])})
    assert (found.degree, found.evidence[0].place) == ("note", "run.log:3")
    assert "prints" in found.innocent


def test_with_a_column_for_each_class_the_largest_is_the_label(site: Site) -> None:
    site.competition("made-up", "label")
    path = site.folder / "competitions" / "made-up" / "competition.yaml"
    columns = "".join(f"    - {{name: {name}, kind: probability}}\n" for name in ("cat", "dog", "newt"))
    head, _, _ = path.read_text().partition("submission:")
    path.write_text(f"{head}submission:\n  id: id\n  columns:\n{columns}")
    rows = "".join(
        f"{row_id(row)}," + ",".join("0.9" if name == label else "0.05" for name in ("cat", "dog", "newt")) + "\n"
        for row, label in enumerate(LABELS)
    )
    prepare = path.with_name("prepare.py")
    prepare.write_text(
        prepare.read_text().replace("id,y", "id,cat,dog,newt").replace("'cat'", "'1,0,0'").replace("'dog'", "'0,1,0'")
    )
    site.run("made-up", {SUBMISSION: "id,cat,dog,newt\n" + rows, "code/a.py": as_object(range(ROWS))})
    assert "strong" in [finding.degree for finding in by_hand(site)]


@given(st.text(max_size=300), st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["cat", "dog"])), max_size=8))
@settings(max_examples=150, deadline=None)
def test_any_text_gives_pairs_of_sampled_rows(shown_wanted: Wanted, text: str, written: list[tuple[int, str]]) -> None:
    whole = text + "\n" + "\n".join(f"{row_id(row)}: {label}" for row, label in written)
    found = list(pairs(whole, shown_wanted))
    assert len(found) >= len(written)
    assert all(1 <= pair.line <= whole.count("\n") + 1 for pair in found)


@pytest.fixture(scope="module")
def shown_wanted(tmp_path_factory: pytest.TempPathFactory) -> Wanted:
    from grading.formats import Column, ColumnKind, SubmissionFormat

    path = tmp_path_factory.mktemp("one") / "submission.csv"
    path.write_text(table(["cat", "dog"] * 5))
    format = SubmissionFormat(id="id", columns=(Column(name="y", kind=ColumnKind.LABEL),))
    return Wanted(read_predictions(path, format, rows=None))
