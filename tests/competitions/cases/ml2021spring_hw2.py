import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.competitions.case import Case, csv_text, split_positions

FRAMES = np.random.default_rng(2).normal(size=(31, 429)).astype(np.float32)
LABELS = np.array([str(n * n % 39) for n in range(31)], dtype="<U2")
FOLDER = "timit_11/timit_11"
TRAIN, TEST = split_positions(31, 9)  # 11 / (31 + 11) of 31: ceil(8.1)


def _npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


CASES = [
    Case(
        id="ml2021spring-hw2",
        raw={
            f"{FOLDER}/train_11.npy": _npy(FRAMES),
            f"{FOLDER}/train_label_11.npy": _npy(LABELS),
            f"{FOLDER}/test_11.npy": _npy(FRAMES[:11]),
            "sampleSubmission.csv": "Id,Class\n",
        },
        prepared={
            f"public/{FOLDER}/train_11.npy": _npy(FRAMES[TRAIN]),
            f"public/{FOLDER}/train_label_11.npy": _npy(LABELS[TRAIN]),
            f"public/{FOLDER}/test_11.npy": _npy(FRAMES[TEST]),
            "public/sampleSubmission.csv": csv_text(["Id", "ClassId"], [[n, 0] for n in range(9)]),
            "private/answers.csv": csv_text(["Id", "ClassId"], enumerate(LABELS[TEST])),
        },
        # A class that there is not is wrong, and no more.
        noise=lambda perfect, random: perfect.assign(ClassId=[-1, 39, *perfect["ClassId"][2:]]),
        score=lambda answers, submission: float(np.mean(np.asarray(LABELS[TEST], int) == submission["ClassId"])),
        best=1.0,
        valid={
            "classes as floats": lambda table: table.assign(ClassId=table["ClassId"].astype(float)),
            "ids as floats": lambda table: table.assign(Id=table["Id"].astype(float)),
        },
        invalid={"ids from 1": lambda table: table.assign(Id=table["Id"].astype(int) + 1)},
    )
]
