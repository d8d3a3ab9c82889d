"""Objects in a cell: what is read, what is refused."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import SubmissionInvalid
from grading.detections import parse_objects

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(st.sampled_from(["car", "bus", "x7"]), NUMBERS, NUMBERS)))
@settings(deadline=None, max_examples=50)
def test_written_objects_are_read_again(objects: list[tuple[str, float, float]]) -> None:
    text = " ".join(f"{first!r} {label} {second!r}" for label, first, second in objects)
    labels, numbers = parse_objects(text, size=3, label=1, single_blanks=True)
    assert labels.tolist() == [label for label, _, _ in objects]
    assert numbers.shape == (len(objects), 2)
    assert numbers.tolist() == [[first, second] for _, first, second in objects]


def test_objects_of_numbers_alone_have_no_labels() -> None:
    labels, numbers = parse_objects("1 .5\t-2e1\n 3. 4 +5 ", size=3)
    assert labels.tolist() == ["", ""]
    assert numbers.tolist() == [[1, 0.5, -20], [3, 4, 5]]


def test_one_long_label_costs_the_others_nothing() -> None:
    """Texts of numpy's own would all be as long: here 200 GB."""
    labels, _ = parse_objects(" ".join(["x" * 1_000_000, "1", *["car", "1"] * 50_000]), size=2, label=0)
    assert labels.nbytes < 1_000_000


@pytest.mark.parametrize("text", ["1", "1 2 3", "1 x", "1 nan", "1 inf", "1 1e999", "1_0 2", "1 2, 3", "1 \u0661"])
def test_what_is_no_group_of_finite_numbers_is_refused(text: str) -> None:
    with pytest.raises(SubmissionInvalid):
        parse_objects(text, size=2)


@pytest.mark.parametrize("text", ["1  2", " 1 2", "1 2 ", "1\t2"])
def test_other_white_space_is_refused_where_single_blanks_are_asked_for(text: str) -> None:
    assert parse_objects(text, size=2)[1].tolist() == [[1, 2]]
    with pytest.raises(SubmissionInvalid):
        parse_objects(text, size=2, single_blanks=True)


@given(st.text(max_size=60), st.booleans())
@settings(deadline=None, max_examples=200)
def test_any_text_is_read_or_refused(text: str, single_blanks: bool) -> None:
    try:
        labels, numbers = parse_objects(text, size=2, label=0, single_blanks=single_blanks)
    except SubmissionInvalid:
        return
    assert numbers.shape == (len(labels), 1)
    assert all(map(math.isfinite, numbers.ravel()))
