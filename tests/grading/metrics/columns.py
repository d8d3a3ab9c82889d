"""What the tests of metrics share."""

import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

QUICK = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(2, 60)


def column(values: object, name: str = "x") -> pd.DataFrame:
    """A table of one column."""
    return pd.DataFrame({name: values})
