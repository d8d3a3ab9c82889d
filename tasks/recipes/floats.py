"""Numbers as pandas read them before 3.1, by default: not always the nearest float.

Where a table with long numbers was read so and written again, only this parser gives the same bytes.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.recipes.chunks import read_csv_chunks
from tasks.recipes.tables import read_csv

DIGITS = 17  # that are read; leading zeros are among them
EXACT_LENGTH = 15  # a text no longer than this, without an exponent, is read exactly
LARGEST_POWER = 308
POWERS = np.array([float(f"1e{power}") for power in range(LARGEST_POWER + 1)])


def read_csv_old_floats(source: Path, **options: Any) -> pd.DataFrame:
    """Read a .csv file as `read_csv` does, its columns of floats with the default parser of pandas 1.2 to 3.0.

    `options` are the same, without those that choose columns or rows. Numbers below 1e-290 are read exactly.

    Raises:
        DataError: it is missing, or is no such table.
    """
    table = read_csv(source, **options)
    names = [name for name, dtype in table.dtypes.items() if dtype == np.float64]
    if names:
        for chunk in read_csv_chunks(source, usecols=names, dtype="str"):
            for name in names:
                numbers = _long_numbers(chunk[name])
                table.loc[numbers.index, name] = numbers
    return table


def _long_numbers(cells: "pd.Series[str]") -> "pd.Series[float]":
    """What the old parser makes of the cells that it may not read exactly."""
    cells = cells[cells.notna()].str.strip().str.lower()
    cells = cells[(cells.str.len() > EXACT_LENGTH) | cells.str.contains("e", regex=False)]
    cells = cells[~cells.str.contains("inf", regex=False)]
    if cells.empty:
        return cells.astype("float64")
    mantissas, _, exponents = (part for _, part in cells.str.partition("e").items())
    numbers, scales = _mantissas(mantissas.to_numpy().astype("S"))
    scales += exponents.mask(exponents == "", "0").astype("int64").to_numpy()
    return pd.Series(_scaled(numbers, scales, cells), index=cells.index)


def _mantissas(texts: NDArray[np.bytes_]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The digits of each text, collected one by one in a float, and the power of ten to multiply it with."""
    numbers, digits, powers = np.zeros(len(texts)), np.zeros(len(texts), "int64"), np.zeros(len(texts), "int64")
    behind_point = np.zeros(len(texts), bool)
    characters = texts.view("uint8").reshape(len(texts), -1).T
    for character in characters:
        is_digit = (character >= ord("0")) & (character <= ord("9"))
        is_read = is_digit & (digits < DIGITS)
        numbers[is_read] = numbers[is_read] * 10 + (character[is_read] - ord("0"))
        digits += is_read
        powers += (is_digit & ~is_read & ~behind_point).astype("int64") - (is_read & behind_point)
        behind_point |= character == ord(".")
    return np.where(characters[0] == ord("-"), -numbers, numbers), powers


def _scaled(numbers: NDArray[np.float64], powers: NDArray[np.int64], cells: "pd.Series[str]") -> NDArray[np.float64]:
    within = np.abs(powers) <= LARGEST_POWER
    power = POWERS[np.where(within, np.abs(powers), 0)]
    with np.errstate(over="ignore"):
        scaled: NDArray[np.float64] = np.where(powers > 0, numbers * power, numbers / power)
    scaled[~within] = cells[~within].astype("float64")  # too small or too large to matter
    return scaled
