"""The distance of two volumes is the same in both ways that it is computed."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import directed_hausdorff

from tasks.modules import load_module
from tasks.registry import COMPETITIONS

SHAPE = (5, 12, 9)


@pytest.fixture
def grader() -> Any:
    return load_module(COMPETITIONS / "uw-madison-gi-tract-image-segmentation" / "grade.py")


@pytest.mark.parametrize("few", [0.0, 1.0], ids=["whole volume", "voxel by voxel"])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.8])
def test_distance_is_the_hausdorff_distance_of_the_voxels(grader: Any, share: float, few: float) -> None:
    assert hasattr(grader, "FEW")
    grader.FEW = few
    random = np.random.default_rng(1)
    for _ in range(10):
        first, second = random.random(SHAPE) < 0.2, random.random(SHAPE) < share
        second[2, 3, 4] = True
        expected = directed_hausdorff(_points(first), _points(second))[0]
        assert grader._directed_distance(first, second) == pytest.approx(expected, abs=1e-12)


def _points(volume: NDArray[np.bool_]) -> NDArray[np.float64]:
    points: NDArray[np.float64] = np.argwhere(volume) / np.array(SHAPE)
    return points
