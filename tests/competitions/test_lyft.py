"""The overlap of two boxes in 3-D is what clipping one polygon by the other gives, and the volume that they share."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.modules import load_module
from tasks.registry import COMPETITIONS
from tests.competitions.cases.lyft_3d_object_detection import overlap

GRADER: Any = load_module(COMPETITIONS / "3d-object-detection-for-autonomous-vehicles" / "grade.py")
PLACES = st.sampled_from([0.0, 0.5, 1.0, 3.0]) | st.floats(-3, 3)
SIZES = st.sampled_from([1.0, 2.0, 4.0]) | st.floats(0.1, 9)
YAWS = st.sampled_from([0.0, np.pi / 2, np.pi, -np.pi, 0.3]) | st.floats(-7, 7)
BOXES = st.tuples(st.just(1.0), PLACES, PLACES, PLACES, SIZES, SIZES, SIZES, YAWS)
Box = tuple[float, ...]


def _overlap(first: Box, second: Box) -> float:
    return float(GRADER._overlaps(np.array([first]), np.array([second]))[0, 0])


@given(BOXES, BOXES)
@settings(deadline=None, max_examples=200)
def test_overlap_is_that_of_clipped_polygons(first: Box, second: Box) -> None:
    assert _overlap(first, second) == pytest.approx(overlap([*first, ""], [*second, ""]), abs=1e-9)


@given(BOXES)
@settings(deadline=None, max_examples=100)
def test_a_box_overlaps_itself_wholly_and_turned_by_half(box: Box) -> None:
    assert _overlap(box, box) == pytest.approx(1, abs=1e-9)
    assert _overlap(box, (*box[:7], box[7] + np.pi)) == pytest.approx(1, abs=1e-9)


def test_length_is_along_the_yaw_and_width_across() -> None:
    assert _overlap((1, 0, 0, 0, 2, 4, 2, 0), (1, 2, 0, 1, 2, 4, 2, 0)) == pytest.approx(4 / 28)
    # Crossed, they share a square of the widths.
    assert _overlap((1, 0, 0, 0, 2, 4, 2, 0), (1, 0, 0, 0, 2, 4, 2, np.pi / 2)) == pytest.approx(8 / 24)


def test_overlap_is_the_share_of_points_in_both() -> None:
    random = np.random.default_rng(0)
    points = random.uniform(-6, 6, size=(200_000, 3))
    for _ in range(5):
        boxes = np.column_stack([np.ones(2), random.normal(0, 0.7, (2, 3)), random.uniform(2, 6, (2, 3)), [0.4, -1.1]])
        first, second = (_holds(box, points) for box in boxes)
        expected = (first & second).sum() / (first | second).sum()
        assert _overlap(tuple(boxes[0]), tuple(boxes[1])) == pytest.approx(expected, abs=0.02)


def _holds(box: Any, points: Any) -> Any:
    _, x, y, z, width, length, height, yaw = box
    dx, dy, dz = points[:, 0] - x, points[:, 1] - y, points[:, 2] - z
    along, across = dx * np.cos(yaw) + dy * np.sin(yaw), dy * np.cos(yaw) - dx * np.sin(yaw)
    return (np.abs(along) < length / 2) & (np.abs(across) < width / 2) & (np.abs(dz) < height / 2)


@pytest.mark.parametrize("far", [1e200, 1e308, -1e308])
def test_a_box_a_long_way_off_overlaps_nothing(far: float) -> None:
    assert _overlap((1, far, far, far, 2, 4, 2, 1), (1, 0, 0, 0, 2, 4, 2, 0)) == 0


def test_more_boxes_than_are_compared_at_once_score_as_one_by_one() -> None:
    random = np.random.default_rng(1)
    boxes = np.array([[1.0, 10 * n, 0, 0, 2, 4, 2, 0.3] for n in range(5)])
    found = boxes[random.integers(5, size=2 * GRADER.BLOCK + 7)] + random.normal(0, 0.05, (2 * GRADER.BLOCK + 7, 8))
    at_once = GRADER._average_precisions(boxes, found)
    GRADER.BLOCK, before = 1, GRADER.BLOCK
    try:
        assert GRADER._average_precisions(boxes, found).tolist() == at_once.tolist()
    finally:
        GRADER.BLOCK = before
    assert 0 < at_once.min() < at_once.max()
