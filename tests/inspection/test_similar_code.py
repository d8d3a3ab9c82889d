"""Code compared: renaming and reordering hide nothing, and what everybody writes is no copy."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from inspection.code import Source, source_of, trees
from inspection.literals import literals
from inspection.similar_code import read_notebooks
from inspection.winnow import fingerprints, overlap
from tests.inspection.conftest import Site, degrees

LEARNER = Path(__file__).resolve().parent.parent.parent / "agents" / "baseline" / "learner"
OWN = (LEARNER / "work.py").read_text()
OTHER = (LEARNER / "question.py").read_text()
BOILERPLATE = """
import numpy as np
import pandas as pd
train = pd.read_csv("/home/data/train.csv")
test = pd.read_csv("/home/data/test.csv")
sample = pd.read_csv("/home/data/sample_submission.csv")
print(train.shape, test.shape, sample.shape)
print(train.head(), train.describe(), train.isnull().sum())
sample.to_csv("/home/submission/submission.csv", index=False)
"""

HOSTILE_CELLS = '{"cells": [3, {"cell_type": "code", "source": {}}]}'


def notebook(*cells: str) -> str:
    listed: list[dict[str, object]] = [{"cell_type": "markdown", "source": ["# Title\n"]}]
    listed += [{"cell_type": "code", "source": cell.splitlines(keepends=True), "outputs": []} for cell in cells]
    return json.dumps({"nbformat": 4, "cells": listed})


def renamed(code: str) -> str:
    """The same code with other names, texts, numbers and layout."""
    for name in ("self", "data", "target", "table", "path", "model", "score"):
        code = code.replace(f" {name}", f" x_{name}_x").replace(f"({name}", f"(x_{name}_x")
    return "# my own work\n" + code.replace("    ", "  ").replace("\n\n", "\n\n\n").replace('"', "'")


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    """References: one for competition made-up, one for all."""
    folder = tmp_path / "notebooks"
    (folder / "made-up").mkdir(parents=True)
    (folder / "made-up" / "winner.ipynb").write_text(notebook(BOILERPLATE, "%matplotlib inline\n" + OWN))
    (folder / "anywhere.py").write_text(BOILERPLATE)
    return folder


def test_a_renamed_copy_of_a_reference_is_a_strong_finding_with_lines_on_both_sides(
    site: Site, notebooks: Path
) -> None:
    site.competition("made-up")
    site.run("made-up", {"code/train.py": renamed(OWN)})
    (found,) = site.inspect(notebooks).findings
    assert (found.check, found.degree) == ("similar code", "strong")
    assert "is in the reference made-up/winner.ipynb" in found.says
    ours, theirs = found.evidence[:2]
    assert (ours.file, theirs.file, theirs.attempt) == ("code/train.py", "made-up/winner.ipynb cell 3", None)
    assert ours.line is not None
    assert renamed(OWN).splitlines()[ours.line - 1].strip()[:20] in ours.excerpt


def test_a_copied_file_among_many_others_is_a_strong_finding(site: Site, notebooks: Path) -> None:
    site.competition("made-up")
    files = {f"code/{path.name}": path.read_text() for path in LEARNER.glob("*.py")}
    site.run("made-up", files)
    (found,) = site.inspect(notebooks).findings
    assert found.degree == "strong"
    assert "100% of code/work.py" in found.says


def test_a_copied_part_in_much_other_code_asks_for_a_look(site: Site, notebooks: Path) -> None:
    site.competition("made-up")
    lines = OWN.splitlines()
    middle = "\n".join(lines[len(lines) // 3 : 2 * len(lines) // 3])
    others = "\n".join(path.read_text() for path in sorted(LEARNER.glob("*.py")) if path.name != "work.py")
    site.run("made-up", {"code/train.py": f"{others}\n{middle}\n"})
    assert degrees(site.inspect(notebooks).findings, "similar code") == ["look"]


def test_a_reference_for_another_competition_does_not_count(site: Site, notebooks: Path) -> None:
    site.competition("made-up")
    site.competition("elsewhere")
    site.run("elsewhere", {"code/train.py": OWN})
    assert site.inspect(notebooks).findings == ()


def test_own_code_with_the_usual_beginnings_is_no_copy(site: Site, notebooks: Path) -> None:
    site.competition("made-up")
    site.run("made-up", {"code/train.ipynb": notebook(BOILERPLATE, OTHER)})
    assert site.inspect(notebooks).findings == ()


def test_another_agents_code_is_found_and_the_same_agents_is_a_note(site: Site) -> None:
    site.competition("made-up")
    site.run("made-up", {"code/a.py": OWN}, {"code/a.py": OWN}, agent="one")
    site.run("made-up", {"code/b.py": OWN}, agent="two")
    found = site.inspect().findings
    assert degrees(found) == ["strong", "note"]
    assert "by one is in the code of another agent, two" in found[0].says
    assert len(found[0].attempts) == 3


def test_a_program_that_an_agent_brings_to_every_competition_is_no_finding(site: Site) -> None:
    for name in ("made-up", "elsewhere"):
        site.competition(name)
        site.run(name, {"code/a.py": OWN}, {"code/a.py": OWN}, agent="one")
        site.run(name, {"code/b.py": OWN}, agent="two")
    assert site.inspect().findings == ()


@pytest.mark.parametrize(("name", "content"), [("missing", None), ("empty", "x.txt")])
def test_a_folder_without_notebooks_is_wrong_input(tmp_path: Path, name: str, content: str | None) -> None:
    if content:
        (tmp_path / name).mkdir()
        (tmp_path / name / content).write_text("")
    with pytest.raises(InputError, match="--notebooks"):
        read_notebooks(tmp_path / name, [])


@pytest.mark.parametrize(
    "content",
    [
        "(" * 100_000,
        "-" * 200_000 + "1",
        "1+" * 200_000 + "1",
        "[" * 90 + "1" + "]" * 90,
        "\0",
        "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
        "x = " + "9" * 100_000,
        '"""' + '\\"""' * 100_000 + "\\",
        "'" * 300_001,
        "a." * 100_000,
        "import " + " " * 200_000,
        "[1,]" * 100_000,
    ],
)
def test_hostile_code_is_read_in_no_time(content: str) -> None:
    started = time.process_time()
    source = Source(file="x.py", text=content)
    list(literals(source))
    fingerprints([source])
    assert time.process_time() - started < 8


@pytest.mark.parametrize("content", ["[" * 100_000, "[]", '{"cells": 3}', "{}", HOSTILE_CELLS])
def test_hostile_notebooks_are_none_or_empty(content: str) -> None:
    source = source_of("x.ipynb", content.encode())
    assert source is None or list(literals(source)) == []


@given(st.text(max_size=400), st.text(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_text_has_fingerprints_and_shares_all_of_them_with_itself(first: str, second: str) -> None:
    ours, theirs = (fingerprints([Source(file="x.py", text=text)]) for text in (first, f"{second}\n{first}"))
    nothing = ours.distinct[:0]
    found = overlap(ours, ours, common=nothing)
    assert [entry.share for entry in found] == ([1.0] if len(ours.hashes) else [])
    for entry in found:
        assert entry.tokens <= len(ours.origin)
        assert all(0 < stretch.first <= stretch.last <= first.count("\n") + 1 for stretch in entry.stretches)
    assert all(0 < entry.share <= 1 for entry in overlap(ours, theirs, common=nothing))
    assert overlap(ours, ours, common=ours.distinct) == []
    list(trees(Source(file="x.py", text=first)))


def test_a_cell_of_a_notebook_is_named_with_its_own_lines() -> None:
    source = source_of(
        "x.ipynb", notebook("a = 1\nb = 2", "%pip install x\nlabels = {" + "'k': 1," * 20 + "}").encode()
    )
    assert source is not None
    (literal,) = literals(source)
    assert source.place(literal.line) == ("x.ipynb cell 3", 2)
