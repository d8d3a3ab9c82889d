import json
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score

from tests.competitions.case import Case, csv_text, split_positions

# Photos of 14 places, of 1 to 14 photos each, mixed.
PLACES = [place for round_ in range(14) for place in (5, 0, 9, 3, 1, 13, 2, 8, 4, 7, 6, 12, 10, 11) if round_ <= place]
IDS = [f"{n * 7919:08x}-21bc-11ea-a13a-137349068a90" for n in range(len(PLACES))]
IMAGES: list[dict[str, Any]] = [
    {"seq_num_frames": 3, "location": place, "datetime": f"2013-06-{n % 30 + 1:02} é", "id": IDS[n], "width": 1920}
    for n, place in enumerate(PLACES)
]
ANNOTATIONS: list[dict[str, Any]] = [
    {"image_id": IDS[n], "id": f"a{n}", "category_id": n % 5} for n in reversed(range(len(PLACES)))
]
# Not all know everything; the first annotation is one that does not.
for n in range(0, len(PLACES), 2):
    IMAGES[n] |= {"frame_num": n}
for n in range(1, len(PLACES), 2):
    ANNOTATIONS[n] |= {"count": 1}
IMAGES[1]["datetime"] = None
CATEGORIES = [{"id": n, "name": f"animal {n}", "count": 5} for n in range(5)]
TRAIN_JSON, TEST_JSON = "iwildcam2020_train_annotations.json", "iwildcam2020_test_information.json"


def _test_places() -> list[int]:
    distinct = list(dict.fromkeys(PLACES))
    train, test = ([distinct[n] for n in part] for part in split_positions(14, 4))  # ceil(3.08)

    def share() -> float:
        held = sum(place in test for place in PLACES)
        return held / (len(PLACES) + held)

    while share() < 0.22:
        test.append(train.pop())
    while share() > 0.22:
        train.append(test.pop())
    return test


TEST_PLACES = _test_places()
TEST_IDS = [IDS[n] for n, place in enumerate(PLACES) if place in TEST_PLACES]


def _images(*, test: bool) -> list[dict[str, Any]]:
    """As a table gives them back: whole numbers in a column with gaps are floats, the gaps are NaN."""
    chosen = [image for image in IMAGES if (image["id"] in TEST_IDS) == test]
    names = ["seq_num_frames", "location", "datetime", "id", "width"]
    return [
        {**{name: image[name] for name in names}, "frame_num": float(image.get("frame_num", "nan"))} for image in chosen
    ]


def _annotations(*, test: bool) -> list[dict[str, Any]]:
    chosen = [entry for entry in ANNOTATIONS if (entry["image_id"] in TEST_IDS) == test]
    names = ["image_id", "id", "category_id"]
    return [{**{name: entry[name] for name in names}, "count": float(entry.get("count", "nan"))} for entry in chosen]


ANSWERS = [[entry["image_id"], entry["category_id"]] for entry in _annotations(test=True)]
DRAWN = np.random.RandomState(0).randint(0, 676, size=len(ANSWERS)).tolist()

CASES = [
    Case(
        id="iwildcam-2020-fgvc7",
        raw={
            TRAIN_JSON: json.dumps(
                {"info": {"year": 2020}, "images": IMAGES, "annotations": ANNOTATIONS, "categories": CATEGORIES}
            ),
            TEST_JSON: json.dumps({"images": [{"id": "x"}], "categories": CATEGORIES[:3], "info": {"year": 2021}}),
            "iwildcam2020_megadetector_results.json": '{"detections": []}',
            **{f"train/{name}.jpg": f"photo {name}" for name in IDS},
            "test/x.jpg": "photo without a label",
            "sample_submission.csv": "Id,Category\n",
        },
        prepared={
            f"public/{TRAIN_JSON}": json.dumps(
                {
                    "annotations": _annotations(test=False),
                    "images": _images(test=False),
                    "categories": CATEGORIES,
                    "info": {"year": 2020},
                }
            ),
            f"public/{TEST_JSON}": json.dumps(
                {"images": _images(test=True), "categories": CATEGORIES[:3], "info": {"year": 2021}}
            ),
            "public/iwildcam2020_megadetector_results.json": '{"detections": []}',
            **{f"public/{'test' if name in TEST_IDS else 'train'}/{name}.jpg": f"photo {name}" for name in IDS},
            "public/sample_submission.csv": csv_text(
                ["Id", "Category"], [[row[0], guess] for row, guess in zip(ANSWERS, DRAWN, strict=True)]
            ),
            "private/answers.csv": csv_text(["Id", "Category"], ANSWERS),
        },
        noise=lambda perfect, random: perfect.assign(Category=[-7, *random.integers(0, 5, len(perfect) - 1)]),
        score=lambda answers, submission: float(accuracy_score(answers["Category"], submission["Category"])),
        best=1.0,
        valid={"categories as floats": lambda table: table.assign(Category=table["Category"].astype(float))},
        invalid={"file names as ids": lambda table: table.assign(Id=table["Id"] + ".jpg")},
    )
]
