"""Views: the same bytes whoever makes them, made once, and no answer in what an agent sees."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from core.errors import DataError, NotApplicable
from tasks import views
from tasks.data import Prepared, prepare
from tasks.registry import Competition, load_competition, load_technique
from tasks.views import View, find_view, make_view, view_description
from tests.tasks.asking import competition
from tests.tasks.conftest import Load

MAKE = """
import sys
from pathlib import Path
from tasks.data import prepare
from tasks.registry import competition_roots, load_competition, load_technique
from tasks.views import make_view
competition = load_competition("credit-status", roots=competition_roots(None))
prepared = prepare(competition, Path(sys.argv[1]))
for technique in reversed(sys.argv[2].split(",")):
    for seed in (3, 0):
        make_view(load_technique(technique), competition, prepared, seed)
"""


@pytest.fixture(scope="module")
def credit() -> Competition:
    return competition("credit-status")


@pytest.fixture(scope="module")
def prepared(credit: Competition, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(credit, tmp_path_factory.mktemp("data"))


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def made(technique: str, credit: Competition, prepared: Prepared, seed: int = 0) -> View:
    return make_view(load_technique(technique), credit, prepared, seed)


def test_another_process_in_another_order_makes_the_same_bytes(
    credit: Competition, prepared: Prepared, tmp_path: Path
) -> None:
    names = ["imbalance", "missing", "encoding", "cv", "scaling", "leakage"]
    environment = {"PYTHONHASHSEED": "7", "PATH": "/usr/bin:/bin"}
    arguments = [sys.executable, "-c", MAKE, str(tmp_path), ",".join(names)]
    subprocess.run(arguments, check=True, env=environment, cwd=Path(views.__file__).parent.parent)
    there = prepare(credit, tmp_path)
    for name in names:
        for seed in (0, 3):
            here = made(name, credit, prepared, seed)
            other = find_view(load_technique(name), credit, there, seed)
            assert other is not None
            assert content(here.public.parent) == content(other.public.parent)
            assert here.content_hash() == other.content_hash()


def test_a_view_is_made_once_by_whoever_comes_first(
    credit: Competition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared, calls = prepare(credit, tmp_path), []
    fill = views._fill

    def counted(view: View, *rest: object) -> None:
        calls.append(view.seed)
        fill(view, *rest)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(views, "_fill", counted)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: made("imbalance", credit, prepared), range(4)))
    assert calls == [0]
    assert len(set(found)) == 1


def test_the_truth_is_not_in_what_an_agent_sees(credit: Competition, prepared: Prepared) -> None:
    for name in ("imbalance", "leakage", "cv"):
        view = made(name, credit, prepared)
        assert set(content(view.public)) == {"train.csv", "test.csv", "description.md"}
        assert set(content(view.private)) == {"truth.json"}
        assert credit.table is not None
        assert credit.table.target not in pd.read_csv(view.public / "test.csv")


def test_planted_leaks_say_nothing_of_the_real_answers(credit: Competition, prepared: Prepared) -> None:
    """The same answers serve the competition itself, where the agent may meet them again."""
    answers = pd.read_csv(prepared.private / "test.csv").set_index("id")["bad"]
    for seed in range(10):
        view = made("leakage", credit, prepared, seed)
        test = pd.read_csv(view.public / "test.csv").set_index("id")
        for name in view.truth()["leaks"]:
            if name != "(rows)" and test[name].nunique() > 1:
                numbers = test[name] % 10 if test[name].nunique() == len(test) else test[name]
                # Five standard errors of the correlation of independent columns.
                assert abs(numbers.corr(answers.loc[test.index])) < 5 / len(test) ** 0.5


def test_a_view_says_which_table_it_holds_and_which_model_is_meant(credit: Competition, prepared: Prepared) -> None:
    view = made("scaling", credit, prepared)
    assert "```yaml\ntable:\n  train: train.csv" in (view.public / "description.md").read_text()
    assert f"`model_type` is `{view.truth()['model']}`" in view_description(load_technique("scaling"), view)


def test_images_come_with_their_rows(tmp_path: Path) -> None:
    digits = competition("handwritten-digits")
    view = made("imbalance", digits, prepare(digits, tmp_path))
    rows = pd.read_csv(view.public / "train.csv")["id"]
    assert {path.stem for path in (view.public / "train").iterdir()} == set(rows.astype(str))


def test_other_data_makes_another_view(load: Load, root: Path, tmp_path: Path) -> None:
    toy = load(prepare=PREPARE)
    view = made("imbalance", toy, prepare(toy, tmp_path / "one"))
    (root / "toy" / "prepare.py").write_text(PREPARE.replace("300", "500"))
    other = made("imbalance", load_competition("toy", roots=[root]), prepare(toy, tmp_path / "two"))
    assert view.public.parent.name != other.public.parent.name


def test_compressed_tables_are_written_plain(load: Load, tmp_path: Path) -> None:
    table = {"train": "train.csv.gz", "test": "in/test.tsv", "target": "label", "id": "id", "kind": "binary"}
    toy = load(prepare=COMPRESSED, table=table)
    view = made("imbalance", toy, prepare(toy, tmp_path))
    assert set(content(view.public)) == {"train.csv", "in/test.tsv", "description.md"}
    assert "train: train.csv\n" in (view.public / "description.md").read_text()


def test_what_cannot_be_asked_is_said_and_leaves_nothing(load: Load, root: Path, tmp_path: Path) -> None:
    toy = load()
    prepared = prepare(toy, tmp_path)
    with pytest.raises(NotApplicable, match="too small"):
        made("imbalance", toy, prepared)
    with pytest.raises(NotApplicable, match="1 rows; at least 500"):
        made("missing", toy, prepared)
    assert [path.name for path in (tmp_path / "toy" / "views").iterdir()] == [".lock"]
    (root / "toy" / "competition.yaml").write_text(
        (root / "toy" / "competition.yaml").read_text().replace("train: train.csv", "train: train.parquet")
    )
    with pytest.raises(NotApplicable, match=r"train.parquet is not a table of a kind that is read here"):
        made("imbalance", load_competition("toy", roots=[root]), prepared)


def test_a_table_without_its_target_is_no_question(load: Load, tmp_path: Path) -> None:
    toy = load(prepare=PREPARE.replace("label", "lable"))
    with pytest.raises(NotApplicable, match="no column 'label'"):
        made("imbalance", toy, prepare(toy, tmp_path, verify=False))


def test_a_view_without_its_truth_is_not_taken_for_one(credit: Competition, tmp_path: Path) -> None:
    prepared = prepare(credit, tmp_path)
    view = made("imbalance", credit, prepared)
    (view.private / "truth.json").unlink()
    with pytest.raises(DataError, match="in the way of a view"):
        made("imbalance", credit, prepared)


def test_the_truth_is_plain_json(credit: Competition, prepared: Prepared) -> None:
    truth = made("cv", credit, prepared).truth()
    assert json.loads(json.dumps(truth, allow_nan=False)) == truth


PREPARE = """
def prepare(raw, public, private):
    rows = "".join(f"{n},{n % 7},{'ab'[n % 2]}\\n" for n in range(300))
    (public / "train.csv").write_text("id,x,label\\n" + rows)
    (public / "test.csv").write_text("id,x\\n400,1\\n401,2\\n")
    (public / "sample_submission.csv").write_text("id,label\\n400,a\\n401,a\\n")
    (private / "test.csv").write_text("id,label\\n400,a\\n401,b\\n")
"""
COMPRESSED = """
import gzip

def prepare(raw, public, private):
    rows = "".join(f"{n},{n % 7},{'ab'[n % 2]}\\n" for n in range(300))
    with gzip.open(public / "train.csv.gz", "wt") as file:
        file.write("id,x,label\\n" + rows)
    (public / "in").mkdir()
    (public / "in" / "test.tsv").write_text("id\\tx\\n400\\t1\\n401\\t2\\n")
    (public / "sample_submission.csv").write_text("id,label\\n400,a\\n401,a\\n")
    (private / "test.csv").write_text("id,label\\n400,a\\n401,b\\n")
"""


def test_a_secret_draws_other_views_which_nobody_without_it_can_make(
    credit: Competition, prepared: Prepared, tmp_path: Path
) -> None:
    technique = load_technique("imbalance")
    truths = [
        make_view(technique, credit, prepared, 1, secret=secret).truth()
        for secret in ("", "sesame", "another", "sesame")
    ]
    assert truths[0] != truths[1] != truths[2] != truths[0]
    assert truths[1] == truths[3]
    view = find_view(technique, credit, prepared, 1, secret="sesame")
    assert view is not None
    assert all(b"sesame" not in path.read_bytes() for path in view.public.rglob("*") if path.is_file())
    assert "sesame" not in str(view)
