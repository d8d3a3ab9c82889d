"""Numbers as old versions of pandas read them. What is expected is what pandas 2.2.3 gave."""

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks import recipes

OF_PANDAS_2 = {
    "217.69169011838073": 217.69169011838076,
    "190.54128347973398": 190.541283479734,
    "-0.26008966690384149878": -0.2600896669038414,
    "-0.05116587750710977": -0.0511658775071097,  # its leading zeros are two of 17 digits
    "0.00010715592934396057": 0.0001071559293439,
    "0004.6923233761902159": 4.6923233761902,
    "449566431121454128.777258": 4.495664311214541e17,
    "3.0770820319366506E-49": 3.0770820319366503e-49,
    "8.1755582337036867E+08": 817555823.3703686,
    "2.1163846062531367e-134": 2.116384606253137e-134,
}


def test_long_numbers_are_read_as_by_old_versions(tmp_path: Path) -> None:
    rows = [f"{place},{text},{text},9\n" for place, text in enumerate(OF_PANDAS_2)]
    (tmp_path / "t.csv").write_text("id,x,y,z\n" + "".join(rows) + "10,,-0.6250,\n11,inf,NA,9\n")
    table = recipes.read_csv_old_floats(tmp_path / "t.csv")
    expected = list(OF_PANDAS_2.values())
    np.testing.assert_array_equal(table["x"], [*expected, np.nan, np.inf])
    np.testing.assert_array_equal(table["y"], [*expected, -0.625, np.nan])
    assert table["id"].tolist() == list(range(12))
    assert table["z"].isna().sum() == 1


def test_columns_without_floats_are_read_as_ever(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,player\n217691690118380731,G\n2,43854\n")
    table = recipes.read_csv_old_floats(tmp_path / "t.csv")
    assert table.to_dict("list") == {"id": [217691690118380731, 2], "player": ["G", "43854"]}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.decimals(-(10**6), 10**6, places=4), min_size=1, max_size=20))
def test_numbers_of_up_to_15_digits_are_read_exactly(tmp_path: Path, numbers: list[object]) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x\n" + "".join(f"{number}00000\n" for number in numbers))
    table = recipes.read_csv_old_floats(path)
    assert table["x"].tolist() == [float(str(number)) for number in numbers]
