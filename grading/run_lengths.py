"""Run-length encodings of masks: pairs "start length" of the pixels that are set, pixels numbered from 1.

Areas and intersections are taken from the runs themselves, so that a mask of a billion pixels costs no more than its
runs. A mask is drawn only where its shape is needed.
"""

import re
from typing import TYPE_CHECKING

from core.errors import SubmissionInvalid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PLAIN = re.compile(r"[0-9\s]*", re.ASCII)
BLANKS = re.compile(r"\s+", re.ASCII)
MOST_DIGITS = 18  # so that start + length is still an int64


def parse_runs(text: str) -> "NDArray[np.int64]":
    """Read an encoding; blank text is an empty mask.

    Returns:
        n rows of (start, length), starts rising from 1, runs apart or touching.

    Raises:
        SubmissionInvalid: tokens are no whole numbers or come without a partner, a start or length is below 1, starts
            fall, or runs overlap.
    """
    import numpy as np

    from grading.csv_file import shown

    if not PLAIN.fullmatch(text):
        # Not str.split: it takes further characters for blanks, such as the no-break space.
        odd = next(token for token in BLANKS.split(text) if not PLAIN.fullmatch(token))
        raise SubmissionInvalid(f"a run-length encoding holds {shown(odd)}, expected whole numbers between blanks")
    tokens = text.split()
    if len(tokens) % 2:
        raise SubmissionInvalid(f"a run-length encoding has {len(tokens)} numbers, expected pairs of start and length")
    if any(len(token) > MOST_DIGITS for token in tokens):
        raise SubmissionInvalid(f"a run-length encoding holds a number of more than {MOST_DIGITS} digits")
    runs = np.array(tokens, dtype=np.int64).reshape(-1, 2)
    if (runs < 1).any():
        raise SubmissionInvalid("a run-length encoding holds a start or length of 0, expected 1 or more")
    starts, lengths = runs.T
    if (starts[1:] < (starts + lengths)[:-1]).any():
        first = int((starts[1:] < (starts + lengths)[:-1]).argmax()) + 1
        raise SubmissionInvalid(
            f"a run-length encoding has run {first + 1}, from {starts[first]}, before the end of the run before it; "
            "expected rising starts and no overlaps"
        )
    return runs


def area(runs: "NDArray[np.int64]", pixels: int) -> int:
    """How many of the first `pixels` pixels are set; runs may go past them."""
    return int(_ends(runs, pixels).sum() - _starts(runs, pixels).sum())


def intersection(first: "NDArray[np.int64]", second: "NDArray[np.int64]", pixels: int) -> int:
    """How many of the first `pixels` pixels are set in both."""
    # Pixels set in `second` up to each border of a run of `first`: their difference is what the run shares.
    up_to_end = _set_before(second, _ends(first, pixels), pixels)
    up_to_start = _set_before(second, _starts(first, pixels), pixels)
    return int((up_to_end - up_to_start).sum())


def mask_of(runs: "NDArray[np.int64]", *, height: int, width: int, by_columns: bool = True) -> "NDArray[np.bool_]":
    """Draw a mask of `height` x `width` pixels; runs may go past its end.

    Args:
        by_columns: pixels are numbered down the first column, then down the second; else along the rows.
    """
    import numpy as np

    steps = np.zeros(height * width + 1, dtype=np.int8)
    # Runs may touch, so that one ends where the next starts.
    np.add.at(steps, _starts(runs, height * width), 1)
    np.add.at(steps, _ends(runs, height * width), -1)
    flat = np.cumsum(steps[:-1], dtype=np.int8).astype(bool)
    return flat.reshape(width, height).T if by_columns else flat.reshape(height, width)


def encode_mask(mask: "NDArray[np.bool_]", *, by_columns: bool = True) -> str:
    """The encoding of a mask; "" for an empty one. The inverse of `mask_of` after `parse_runs`."""
    import numpy as np

    flat = (mask.T if by_columns else mask).ravel()
    borders = np.flatnonzero(np.diff(np.concatenate([[False], flat, [False]]).astype(np.int8)))
    starts, ends = borders[::2], borders[1::2]
    return " ".join(map(str, np.column_stack([starts + 1, ends - starts]).ravel()))


def _starts(runs: "NDArray[np.int64]", pixels: int) -> "NDArray[np.int64]":
    """First pixel of each run, counted from 0, at most `pixels`."""
    import numpy as np

    return np.minimum(runs[:, 0] - 1, pixels)


def _ends(runs: "NDArray[np.int64]", pixels: int) -> "NDArray[np.int64]":
    """The pixel after each run, counted from 0, at most `pixels`."""
    import numpy as np

    ends: NDArray[np.int64] = np.minimum(runs[:, 0] - 1 + runs[:, 1], pixels)
    return ends


def _set_before(runs: "NDArray[np.int64]", places: "NDArray[np.int64]", pixels: int) -> "NDArray[np.int64]":
    """How many pixels are set before each of `places`, which are counted from 0."""
    import numpy as np

    if not len(runs):
        return np.zeros_like(places)
    starts, ends = _starts(runs, pixels), _ends(runs, pixels)
    before = np.concatenate([[0], np.cumsum(ends - starts)])
    begun = np.searchsorted(starts, places, side="right")  # runs that start at or before the place
    last = np.maximum(begun - 1, 0)
    beyond = np.where(begun > 0, np.maximum(ends[last] - places, 0), 0)
    return before[begun] - beyond
