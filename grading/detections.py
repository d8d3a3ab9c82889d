"""Objects found in a picture or scene, all in one cell: groups of tokens between blanks, one group an object."""

import re
from typing import TYPE_CHECKING

from core.errors import SubmissionInvalid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)


def parse_objects(
    text: str, *, size: int, label: int | None = None, single_blanks: bool = False
) -> "tuple[NDArray[np.object_], NDArray[np.float64]]":
    """Read the objects of a cell; text of nothing but white space is none at all.

    Args:
        size: tokens of an object.
        label: place among them of the one that is no number, None where all are numbers.
        single_blanks: whether exactly one blank stands between two tokens, and none around them; else any white space.

    Returns:
        n labels (empty texts without `label`), and n rows of the other tokens in their order, all finite.

    Raises:
        SubmissionInvalid: tokens are left over, or one is no finite number.
    """
    import numpy as np

    tokens = text.split(" ") if single_blanks and text.strip() else text.split()
    if len(tokens) % size:
        raise SubmissionInvalid(f"holds {len(tokens)} tokens, expected {size} for each object{_between(single_blanks)}")
    names = tokens[label::size] if label is not None else [""] * (len(tokens) // size)
    if label is not None:
        del tokens[label::size]
    numbers = np.array([_number(token) for token in tokens], dtype=np.float64)
    # Not as numpy's own texts, which are all as long as the longest: one of a megabyte would cost a megabyte each.
    return np.array(names, dtype=np.object_), numbers.reshape(len(names), size - (label is not None))


def _number(token: str) -> float:
    from grading.csv_file import shown

    value = float(token) if PLAIN.fullmatch(token) else float("inf")
    if abs(value) == float("inf"):
        raise SubmissionInvalid(f"holds {shown(token)} where a finite number belongs")
    return value


def _between(single_blanks: bool) -> str:
    return " and one blank between tokens" if single_blanks else ""
