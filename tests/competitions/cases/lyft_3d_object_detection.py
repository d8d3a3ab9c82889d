import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from tests.competitions.case import Case, Change, csv_text, split_positions

HEADER = ["Id", "PredictionString"]
COUNT = 11  # logs, of which the last has two samples
TRAIN_ORDER, TEST_ORDER = split_positions(COUNT, 3)  # ceil(2.2)
TEST = sorted(TEST_ORDER)
TRAIN = sorted(TRAIN_ORDER)
SAMPLES = [(n, k) for n in range(COUNT) for k in range(2)]
SHARED_SENSOR = "sensor of all"
Record = dict[str, Any]


def _on(part: list[int]) -> list[tuple[int, int]]:
    return [(n, k) for n, k in SAMPLES if n in part]


def _boxes(n: int, k: int) -> list[str]:
    """Boxes of a sample: two cars that overlap, a bus, and in every second a pedestrian."""
    x, y = 1000 + 100 * n, 700.5 - k
    boxes = [f"{x} {y} -18.6250 1.8 4.6 1.6 {0.3 * n} car", f"{x + 0.5} {y} -18.5 1.8 4.6 1.60 {0.3 * n + 0.1} car"]
    boxes.append(f"{x + 20} {y} -18 3 12 3.5 -2.5 bus")
    return boxes + ([f"{x} {y + 9} -18.2 .7 0.8 1.7 1e-1 pedestrian"] if k else [])


def _data(n: int, k: int) -> list[Record]:
    """A picture and a sweep of each sample; both have one pose, and the sensors of a sweep are those of all."""
    common = {"sample_token": f"sample {n} {k}", "ego_pose_token": f"pose {n} {k}", "note": "schön"}
    image, sweep = f"images/cam_{n}_{k}.jpeg", f"lidar/top_{n}_{k}.bin"
    return [
        {"token": image, **common, "calibrated_sensor_token": f"cam {n}", "filename": image, "fileformat": "jpeg"},
        {"token": sweep, **common, "calibrated_sensor_token": SHARED_SENSOR, "filename": sweep, "fileformat": "bin"},
    ]


def _table(part: list[int]) -> dict[str, list[Record]]:
    """The tables that both sides have, with the logs of `part`."""
    return {
        "log": [{"token": f"log {n}", "vehicle": "a1é"} for n in part],
        "scene": [{"log_token": f"log {n}", "name": n / 7} for n in part],
        "sample": [{"scene_token": f"log {n}", "token": f"sample {n} {k}"} for n, k in _on(part)],
        "sample_data": [entry for n, k in _on(part) for entry in _data(n, k)],
    }


def _annotations(part: list[int]) -> list[Record]:
    return [{"sample_token": f"sample {n} {k}", "instance_token": f"instance {n % 4}"} for n, k in _on(part)]


def _sensors(part: list[int]) -> list[Record]:
    """In the order in which a side meets them."""
    names = [f"cam {n}" for n in part]
    return [{"token": name, "at": [1, 2.0]} for name in (names[0], SHARED_SENSOR, *names[1:])]


def _poses(part: list[int], *, times: int) -> list[Record]:
    return [{"token": f"pose {n} {k}", "at": [n, -0.5]} for n, k in _on(part) for _ in range(times)]


def _row(n: int, k: int, confidence: str = "") -> list[str]:
    return [f"sample {n} {k}", " ".join(confidence + box for box in _boxes(n, k))]


def _json(value: Any) -> str:
    return json.dumps(value)


def _spaced(value: Any) -> str:
    """JSON as nobody writes it again: indented, and not in ASCII alone."""
    return json.dumps(value, indent=1, ensure_ascii=False)


def _instances(names: range | list[int]) -> list[Record]:
    return [{"token": f"instance {n}", "category": "car"} for n in names]


def _prepared_side(side: str, part: list[int]) -> dict[str, str]:
    logs = [f"log {n}" for n in TEST_ORDER]  # on both sides
    tables = {
        **_table(part),
        "calibrated_sensor": _sensors(part),
        "ego_pose": _poses(part, times=2),
        "map": [{"log_tokens": logs, "category": "map"}],
    }
    files = {f"public/{side}_data/{name}.json": _json(table) for name, table in tables.items()}
    files |= {f"public/{side}_data/{name}.json": _spaced([name]) for name in UNCHANGED}
    files |= {f"public/{side}_images/cam_{n}_{k}.jpeg": f"picture {n} {k}" for n, k in _on(part)}
    files |= {f"public/{side}_lidar/top_{n}_{k}.bin": f"sweep {n} {k}" for n, k in _on(part)}
    return {**files, f"public/{side}_maps/map_raster_palo_alto.png": "map"}


UNCHANGED = ["attribute", "category", "sensor", "visibility"]
ALL = list(range(COUNT))
TABLES = {
    **_table(ALL),
    "calibrated_sensor": _sensors(ALL)[::-1],
    "ego_pose": _poses(ALL, times=1)[::-1],
    "sample_annotation": _annotations(ALL),
    "instance": _instances(range(4)),
    "map": [{"log_tokens": ["log 0"], "category": "map"}],
    **{name: [name] for name in UNCHANGED},
}
INSTANCES = [n for n in range(4) if n in {log % 4 for log in TRAIN}]
ROWS = SAMPLES[::-1]  # train.csv has an order of its own


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Boxes that are moved, turned by half or a little, doubled, of other classes or left out."""
    texts = []
    for place, text in enumerate(perfect["PredictionString"]):
        found = []
        for _, x, y, z, width, length, height, yaw, label in _objects(text):
            for _ in range(int(random.integers(1, 4))):
                moved = [x + random.normal(0, 0.15), y + random.normal(0, 0.1), z + random.normal(0, 0.05)]
                sizes = [width * random.uniform(0.9, 1.1), length, height]
                turned = yaw + math.pi * random.integers(2) + random.normal(0, 0.05)
                confidence = round(random.uniform(-1, 1), 1)  # many are equal
                found.append(f"{' '.join(map(repr, map(float, [confidence, *moved, *sizes, turned])))} {label}")
        found += ["0.5 1 2 3 4 5 6 7 animal"] * 2
        texts.append([" ".join(found), "", " ".join(found[1:])][place % 3 if place < 3 else 0])
    return perfect.assign(PredictionString=texts)


def _objects(text: str) -> list[list[Any]]:
    tokens = text.split(" ") if text.strip() else []
    return [[*map(float, tokens[i : i + 8]), tokens[i + 8]] for i in range(0, len(tokens), 9)]


def _polygon(box: list[Any]) -> list[complex]:
    _, x, y, _, width, length, _, yaw, _ = box
    along, across = (
        complex(math.cos(yaw), math.sin(yaw)) * length / 2,
        complex(-math.sin(yaw), math.cos(yaw)) * width / 2,
    )
    return [complex(x, y) + i * along + j * across for i, j in ((1, 1), (-1, 1), (-1, -1), (1, -1))]


def _cross(a: complex, b: complex) -> float:
    return (a.conjugate() * b).imag


def _clipped(polygon: list[complex], start: complex, end: complex) -> list[complex]:
    """What of a polygon is left of a line: Sutherland and Hodgman's step."""
    left = []
    for p, q in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        side_p, side_q = _cross(end - start, p - start), _cross(end - start, q - start)
        if side_p >= 0:
            left.append(p)
        if side_p * side_q < 0:
            left.append(p + (q - p) * side_p / (side_p - side_q))
    return left


def overlap(a: list[Any], b: list[Any]) -> float:
    """Intersection over union of two boxes: confidence, x, y, z, width, length, height, yaw, class."""
    polygon, other = _polygon(a), _polygon(b)
    for start, end in zip(other, other[1:] + other[:1], strict=True):
        polygon = _clipped(polygon, start, end)
    origin = polygon[0] if polygon else 0j
    ground = sum(_cross(p - origin, q - origin) / 2 for p, q in pairwise(polygon))
    height = min(a[3] + a[6] / 2, b[3] + b[6] / 2) - max(a[3] - a[6] / 2, b[3] - b[6] / 2)
    shared = ground * max(0, height)
    return float(shared / (a[4] * a[5] * a[6] + b[4] * b[5] * b[6] - shared))


def _average_precision(boxes: list[list[Any]], found: list[list[Any]], least: float) -> float:
    taken: set[int] = set()
    recalls, precisions = [0.0], [0.0]
    for place, guess in enumerate(sorted(found, key=lambda box: -box[0]), start=1):
        overlaps = [overlap(box, guess) for box in boxes]
        best = overlaps.index(max(overlaps))
        if overlaps[best] > least:
            taken.add(best)
        recalls.append(len(taken) / len(boxes))
        precisions.append(len(taken) / place)
    recalls.append(1.0)
    precisions.append(0.0)
    return sum((recalls[i] - recalls[i - 1]) * max(precisions[i:]) for i in range(1, len(recalls)))


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    values = []
    for true, text in zip(answers["PredictionString"], submission["PredictionString"], strict=True):
        boxes, found = _objects(true), _objects(text)
        classes = sorted({box[8] for box in boxes})
        for step in range(10):
            parts = [([b for b in boxes if b[8] == name], [f for f in found if f[8] == name]) for name in classes]
            values.append(np.mean([_average_precision(*part, 0.5 + 0.05 * step) for part in parts]))
    return float(np.mean(values))


def _first(cell: str) -> Change:
    return lambda table: table.assign(PredictionString=[cell, *table["PredictionString"][1:]])


def _added(text: str) -> Change:
    return lambda table: table.assign(PredictionString=[f"{cell} {text}".strip() for cell in table["PredictionString"]])


CASES = [
    Case(
        id="3d-object-detection-for-autonomous-vehicles",
        raw={
            "train.csv": csv_text(HEADER, [_row(n, k) for n, k in ROWS]),
            "sample_submission.csv": "not used",
            "test_data/log.json": "not used",
            "test_images/a.jpeg": "not used",
            "train_maps/map_raster_palo_alto.png": "map",
            "train_images/in_no_table.jpeg": "dropped",
            **{f"train_data/{name}.json": _spaced(table) for name, table in TABLES.items()},
            **{f"train_images/cam_{n}_{k}.jpeg": f"picture {n} {k}" for n, k in SAMPLES},
            **{f"train_lidar/top_{n}_{k}.bin": f"sweep {n} {k}" for n, k in SAMPLES},
        },
        prepared={
            **_prepared_side("train", TRAIN),
            **_prepared_side("test", TEST),
            "public/train_data/sample_annotation.json": _json(_annotations(TRAIN)),
            "public/train_data/instance.json": _json(_instances(INSTANCES)),
            "public/train.csv": csv_text(HEADER, [_row(n, k) for n, k in ROWS if n in TRAIN]),
            "public/sample_submission.csv": csv_text(HEADER, [[_row(n, k)[0], ""] for n, k in ROWS if n in TEST]),
            "private/test.csv": csv_text(HEADER, [_row(n, k, "1.0 ") for n, k in ROWS if n in TEST]),
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={
            "boxes of a class that no sample has": _added("1 1000 700 -18 2 4 1 0 dragon"),
            "white space for nothing": lambda table: table.replace({"PredictionString": {"": "  "}}),
            "NA for nothing": lambda table: table.replace({"PredictionString": {"": "NA"}}),
        },
        invalid={
            f"cell {cell!r}": _first(cell)
            for cell in (
                "1 2 3 4 5 6 7 8",
                "1 2 3 4 5 6 7 8 car 1",
                " 1 2 3 4 5 6 7 8 car",
                "1 2 3 4 5 6 7 8 car ",
                "1 2  3 4 5 6 7 8 car",
                "1 x 3 4 5 6 7 8 car",
                "car 1 2 3 4 5 6 7 8",
                "1 nan 3 4 5 6 7 8 car",
                "1 2 3 4 5 6 7 inf car",
                "1 2 3 4 0 6 7 8 car",
                "1 2 3 4 5 -6 7 8 car",
                "1 2 3 4 5 6 0 8 car",
                "1 2 3 4 5e8 6e8 7 8 car",
                "1 2e12 3 4 5.3 6.7 7 8 car",
            )
        },
    )
]
