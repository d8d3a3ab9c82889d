"""Tables that are too large for memory, read part by part."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.recipes.tables import table_errors

CHUNK_ROWS = 1_000_000


def read_csv_chunks(source: Path, *, rows: int = CHUNK_ROWS, **options: Any) -> Iterator[pd.DataFrame]:
    """Read a .csv file as `read_csv` does, `rows` rows at a time; the index counts through.

    Give `dtype` where it matters: a column's type is otherwise found for each part alone.

    Raises:
        DataError: it is missing, or is no such table.
    """
    with table_errors(source), pd.read_csv(source, chunksize=rows, **options) as chunks:
        yield from chunks
