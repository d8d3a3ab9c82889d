"""What a submission has to look like: its columns, its ids, its header."""

from dataclasses import dataclass
from enum import StrEnum

MAX_BYTES = 1 << 30
SUM_TOLERANCE = 1e-6 + 1e-5  # numpy's isclose(sum, 1, atol=1e-6)


class ColumnKind(StrEnum):
    """What a column's cells may hold. A column of nothing but True and False is one of 1 and 0 where numbers go."""

    NUMBER = "number"  # a finite number
    NON_NEGATIVE = "non_negative"  # a finite number, 0 or more
    PROBABILITY = "probability"  # a number from 0 to 1
    INTEGER = "integer"  # a whole number; 3.0 is one
    LABEL = "label"  # one of the classes, or any text but the empty one where no classes are given
    TEXT = "text"  # anything, also nothing

    @property
    def numeric(self) -> bool:
        """Whether its cells are numbers."""
        return self not in (ColumnKind.LABEL, ColumnKind.TEXT)


class Header(StrEnum):
    """How free a submission is in its columns."""

    OPEN = "open"  # the format's columns in any order; further ones are ignored
    CLOSED = "closed"  # the format's columns in any order and no others
    ID_FIRST = "id_first"  # closed, with the id in the first place
    EXACT = "exact"  # closed, in the format's order


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a submission.

    Attributes:
        classes: of a label.
        minimum, maximum: bounds of a number, themselves allowed.
        missing_words: whether cells that pandas takes for missing (NA, nan, null, None ...) count as empty ones.
        refuse_all_numbers: whether a text column is refused when its cells are nothing but numbers, or nothing
            but truth values, empty cells aside.
    """

    name: str
    kind: ColumnKind
    classes: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    missing_words: bool = False
    refuse_all_numbers: bool = False


@dataclass(frozen=True, kw_only=True)
class SubmissionFormat:
    """What a submission has to look like: a table of ids and `columns`.

    Attributes:
        further_ids: columns that, together with `id`, tell the rows apart.
        repeated_ids: whether several rows may have one id: then its first row in the file is the first of the
            answers with that id, its second the second.
        rows_sum_to_one: whether the probability columns of a row sum to one, give or take `sum_tolerance`.
        max_bytes: of the file.
    """

    id: str
    columns: tuple[Column, ...]
    further_ids: tuple[str, ...] = ()
    repeated_ids: bool = False
    header: Header = Header.OPEN
    rows_sum_to_one: bool = False
    sum_tolerance: float = SUM_TOLERANCE
    max_bytes: int = MAX_BYTES

    @property
    def ids(self) -> list[str]:
        """All columns that tell the rows apart."""
        return [self.id, *self.further_ids]

    @property
    def names(self) -> list[str]:
        """The columns beside the ids."""
        return [column.name for column in self.columns]
