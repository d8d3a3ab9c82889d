import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

# Sorted as text, which is not by number.
NAMES = sorted(f"{animal}.{n}.jpg" for animal in ("cat", "dog") for n in range(12))
BYTES = {name: f"photo {name}" for name in NAMES}
TRAIN, TEST = split_positions(24, 3)  # ceil(2.4)
NEW_TRAIN: dict[str, str] = {}
for position in TRAIN:
    animal = NAMES[position][:3]
    number = sum(name.startswith(animal) for name in NEW_TRAIN)
    NEW_TRAIN[f"{animal}.{number}.jpg"] = BYTES[NAMES[position]]
NEW_TEST = {f"{n}.jpg": BYTES[NAMES[position]] for n, position in enumerate(TEST, start=1)}
LABELS = [int(NAMES[position].startswith("dog")) for position in TEST]


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    losses = [
        -np.log(guess if label == 1 else 1 - guess)
        for label, guess in zip(answers["label"], submission["label"], strict=True)
    ]
    return float(np.mean(losses))


CASES = [
    Case(
        id="dogs-vs-cats-redux-kernels-edition",
        raw={
            "train.zip": {f"train/{name}": content for name, content in BYTES.items()},
            "test.zip": {"test/1.jpg": "photo without a label"},
            "sample_submission.csv": "id,label\n1,0.5\n",
        },
        prepared={
            **{f"public/train/{name}": content for name, content in NEW_TRAIN.items()},
            **{f"public/test/{name}": content for name, content in NEW_TEST.items()},
            "public/train.zip": NEW_TRAIN,
            "public/test.zip": NEW_TEST,
            "public/sample_submission.csv": csv_text(["id", "label"], [[n, 0.5] for n in (1, 2, 3)]),
            "private/answers.csv": csv_text(["id", "label"], list(enumerate(LABELS, start=1))),
        },
        noise=lambda perfect, random: perfect.assign(label=random.uniform(0.1, 0.9, len(perfect))),
        score=_score,
        best=0.0,
        valid={"ids as floats": lambda table: table.assign(id=table["id"].astype(float))},
        invalid={"file names as ids": lambda table: table.assign(id=table["id"].astype(str) + ".jpg")},
    )
]
