"""Run-length encodings against masks drawn a pixel at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.errors import SubmissionInvalid
from grading.run_lengths import area, encode_mask, intersection, mask_of, parse_runs

HEIGHT, WIDTH = 5, 4
QUICK = settings(max_examples=80, deadline=None)
flat_masks = st.lists(st.booleans(), min_size=HEIGHT * WIDTH, max_size=HEIGHT * WIDTH)


def _drawn(runs: NDArray[np.int64], pixels: int) -> set[int]:
    return {pixel for start, length in runs for pixel in range(start, start + length) if pixel <= pixels}


@st.composite
def encodings(draw: st.DrawFn) -> str:
    """Valid encodings, some with touching runs and runs past the end."""
    place, parts = 1, []
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 5)), max_size=6)):
        parts += [place + gap, length]
        place += gap + length
    return " ".join(map(str, parts))


@QUICK
@given(encodings(), encodings(), st.integers(1, 30))
def test_areas_and_intersections_are_those_of_the_pixels(first: str, second: str, pixels: int) -> None:
    one, other = parse_runs(first), parse_runs(second)
    assert area(one, pixels) == len(_drawn(one, pixels))
    assert intersection(one, other, pixels) == len(_drawn(one, pixels) & _drawn(other, pixels))


@QUICK
@given(encodings(), st.booleans())
def test_a_mask_has_the_pixels_of_its_runs(text: str, by_columns: bool) -> None:
    mask = mask_of(parse_runs(text), height=HEIGHT, width=WIDTH, by_columns=by_columns)
    expected = np.zeros((HEIGHT, WIDTH), dtype=bool)
    for pixel in _drawn(parse_runs(text), HEIGHT * WIDTH):
        slow, quick = divmod(pixel - 1, HEIGHT if by_columns else WIDTH)
        expected[(quick, slow) if by_columns else (slow, quick)] = True
    assert mask.tolist() == expected.tolist()


@QUICK
@given(flat_masks, st.booleans())
def test_encoding_and_drawing_are_inverse(flat: list[bool], by_columns: bool) -> None:
    mask = np.array(flat).reshape(HEIGHT, WIDTH)
    text = encode_mask(mask, by_columns=by_columns)
    assert mask_of(parse_runs(text), height=HEIGHT, width=WIDTH, by_columns=by_columns).tolist() == mask.tolist()


def test_known_encodings() -> None:
    mask = np.array([[1, 0], [1, 1]], dtype=bool)
    assert encode_mask(mask) == "1 2 4 1"
    assert encode_mask(mask, by_columns=False) == "1 1 3 2"
    assert encode_mask(np.zeros((2, 2), dtype=bool)) == ""
    assert parse_runs(" 3 1\t5 2 ").tolist() == [[3, 1], [5, 2]]
    assert parse_runs(" ").shape == (0, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1", "has 1 numbers, expected pairs"),
        ("1 2 3", "has 3 numbers, expected pairs"),
        ("1.0 2", r"holds '1\.0', expected whole numbers"),
        ("-1 2", "holds '-1', expected whole numbers"),
        ("1_0 2", "holds '1_0'"),
        ("\u0661 2", "expected whole numbers"),
        ("nan", "holds 'nan'"),
        ("1\u00a02", "expected whole numbers"),
        ("1 2\x1c3 4", "expected whole numbers"),
        ("0 2", "a start or length of 0"),
        ("1 0", "a start or length of 0"),
        ("5 1 3 1", "run 2, from 3, before the end of the run before it"),
        ("1 3 3 1", "run 2, from 3, before the end of the run before it"),
        ("1 1 1 1", "run 2, from 1, before the end"),
        ("9" * 19 + " 1", "more than 18 digits"),
        ("1 " + "x" * 1000, "holds 'xxxxx"),
    ],
)
def test_broken_encodings_are_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(SubmissionInvalid, match=message) as caught:
        parse_runs(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_huge_runs_cost_nothing() -> None:
    runs = parse_runs("1 999999999999999999")
    assert area(runs, 10**12) == 10**12
    assert intersection(runs, parse_runs("5 10"), 10**12) == 10
