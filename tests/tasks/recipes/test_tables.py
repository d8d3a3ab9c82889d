"""Tables: exact reading and writing, splits, one-hot answers."""

import io
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DataError
from tasks import recipes
from tasks.recipes import tables


@pytest.mark.parametrize("text", ["first\rsecond", "\r", "a\r\rb"])
def test_a_text_with_a_carriage_return_is_read_back_or_refused(tmp_path: Path, text: str) -> None:
    """Python quotes it since 3.11.9 and 3.12.3; unquoted it would be two rows."""
    table = pd.DataFrame({"x": [text, None, "a\r\nb", 'c",\rd'], "y": [1, 2, 3, 4]})
    if not tables.QUOTES_RETURNS:
        with pytest.raises(DataError, match="column x holds a carriage return, which this Python"):
            recipes.write_csv(table, tmp_path / "t.csv")
        assert list(tmp_path.iterdir()) == []
        table = table.iloc[1:]
    recipes.write_csv(table, tmp_path / "t.csv")
    assert pd.read_csv(tmp_path / "t.csv")["x"].tolist()[-2:] == table["x"].tolist()[-2:]
    assert len(pd.read_csv(tmp_path / "t.csv")) == len(table)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_floats_survive_reading_and_writing(tmp_path: Path, values: list[float]) -> None:
    path = tmp_path / "in.csv"
    path.write_text("x\n" + "".join(f"{value!r}\n" for value in values))
    text = io.BytesIO()
    recipes.write_csv(recipes.read_csv(path, dtype={"x": "float64"}), text)
    assert [float(line) for line in text.getvalue().decode().split()[1:]] == values


def test_tables_are_written_in_the_plain_way(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text('id,a,b,c,d\n1,0.6250,NA,True,"x, ""y"""\n2,0.00007,,False,é\n')
    recipes.write_csv(recipes.read_csv(tmp_path / "in.csv"), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == 'id,a,b,c,d\n1,0.625,,True,"x, ""y"""\n2,7e-05,,False,é\n'


def test_a_table_is_never_written_over_another(tmp_path: Path) -> None:
    recipes.write_csv(pd.DataFrame({"x": [1]}), tmp_path / "t.csv")
    with pytest.raises(FileExistsError):
        recipes.write_csv(pd.DataFrame({"x": [2]}), tmp_path / "t.csv")


def test_a_table_is_read_straight_out_of_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.csv.zip", "w") as opened:
        opened.writestr("t.csv", "x\n1\n")
        opened.writestr("__MACOSX/._t.csv", "\0")
    assert recipes.read_csv(tmp_path / "t.csv.zip")["x"].tolist() == [1]
    assert recipes.read_csv(tmp_path / "t.csv.zip", member="t.csv")["x"].tolist() == [1]
    with pytest.raises(DataError, match=r"t\.csv\.zip lacks u\.csv"):
        recipes.read_csv(tmp_path / "t.csv.zip", member="u.csv")


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("", {}),
        ("x,y\n1,2,3,4\n5,6\n1,2,3,4,5,6,7\n", {}),
        ("x\n300\n", {"dtype": "int8"}),
        ("x\na\n", {"dtype": "int32"}),
    ],
)
def test_a_broken_table_is_named(tmp_path: Path, content: str, options: dict[str, str]) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError, match=r"t\.csv is no table as expected"):
        recipes.read_csv(tmp_path / "t.csv", **options)
    with pytest.raises(DataError, match=r"none\.csv is missing"):
        recipes.read_csv(tmp_path / "none.csv")


@settings(max_examples=40, deadline=None)
@given(st.integers(5, 200), st.sampled_from([0.1, 0.14, 0.19, 0.25]), st.integers(0, 50))
def test_a_split_is_the_legacy_generators_permutation(rows: int, share: float, seed: int) -> None:
    order = np.random.RandomState(seed).permutation(rows)
    count = int(np.ceil(share * rows))
    table = pd.DataFrame({"x": range(rows)})
    train, test = recipes.split(table, test_size=share, seed=seed)
    assert test["x"].tolist() == order[:count].tolist()
    assert train["x"].tolist() == order[count:].tolist()
    assert recipes.split(list(range(rows)), test_size=share, seed=seed) == (train["x"].tolist(), test["x"].tolist())


def test_a_train_share_is_rounded_down() -> None:
    train, test = recipes.split(list(range(10)), train_size=0.75)
    assert (len(train), len(test)) == (7, 3)


def test_one_hot_has_a_column_a_class_in_their_order() -> None:
    found = recipes.one_hot(pd.Series(["b", "a"], index=[7, 3]), ["c", "b", "a"])
    assert found.to_dict("list") == {"c": [0, 0], "b": [1, 0], "a": [0, 1]}
    assert list(found.index) == [7, 3]
    with pytest.raises(DataError, match="labels outside"):
        recipes.one_hot(pd.Series(["d"]), ["a"])


def test_a_sample_has_the_ids_in_their_order_and_constants() -> None:
    test = pd.DataFrame({"a": [3, 1], "b": ["x", "y"], "c": [0.5, 0.25]})
    assert recipes.sample_of(test, "a", {"c": 1, "a b": 2}).to_csv(index=False) == "a,c,a b\n3,1,2\n1,1,2\n"
    assert list(recipes.sample_of(test, ["b", "a"], {"n": [5, 6]}).columns) == ["b", "a", "n"]


def test_values_are_renumbered_by_first_appearance() -> None:
    assert recipes.renumbered(pd.Series([9, 9, 4, 9, 2], name="s")).tolist() == [0, 0, 1, 0, 2]


def test_what_preparers_assert() -> None:
    recipes.require_disjoint([1, 2], [3], "ids")
    with pytest.raises(DataError, match="1 ids are both in train and test, for example 2"):
        recipes.require_disjoint([1, 2], [2, 3], "ids")
    recipes.require_columns(pd.DataFrame({"a": [], "b": []}), ["a", "b"], "train.csv")
    with pytest.raises(DataError, match=r"train\.csv has the columns a, b, expected b, a"):
        recipes.require_columns(pd.DataFrame({"a": [], "b": []}), ["b", "a"], "train.csv")
    recipes.require_equal(3, 3, "photos")
    with pytest.raises(DataError, match="photos: 2, expected 3"):
        recipes.require_equal(2, 3, "photos")


@pytest.mark.parametrize("storage", ["python", "pyarrow"])
def test_distinct_texts_are_split_alike_however_pandas_keeps_them(storage: Literal["python", "pyarrow"]) -> None:
    names = pd.Series(["b", "a", "c", "a", "d"], dtype=pd.StringDtype(storage, na_value=float("nan")))
    train, test = recipes.split(names.unique(), test_size=0.5)
    assert (list(train), list(test)) == (["a", "b"], ["c", "d"])
