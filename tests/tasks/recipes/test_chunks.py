"""Tables read part by part."""

from pathlib import Path

import pandas as pd
import pytest

from core.errors import DataError
from tasks import recipes


def test_the_parts_are_the_table(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,x\n" + "".join(f"{n},{n / 4}\n" for n in range(7)))
    parts = list(recipes.read_csv_chunks(path, rows=3))
    assert [len(part) for part in parts] == [3, 3, 1]
    pd.testing.assert_frame_equal(pd.concat(parts), recipes.read_csv(path))


def test_what_is_wrong_in_a_later_part_is_a_data_error(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id\n1\n2\n3\nx\n")
    parts = recipes.read_csv_chunks(path, rows=2, dtype={"id": "int64"})
    assert len(next(parts)) == 2
    with pytest.raises(DataError, match=r"a\.csv is no table as expected"):
        next(parts)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"b\.csv is missing"):
        next(recipes.read_csv_chunks(tmp_path / "b.csv"))
