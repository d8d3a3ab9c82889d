from pathlib import Path

import numpy as np
import pandas as pd

from tests.competitions.case import Case, Content, csv_text, split_positions

BATCHES = [3, 1, 2, 10, *range(11, 22)]  # as they appear, which is not by number
TRAIN, TEST = split_positions(15, 2)  # ceil(1.5)
TRAIN_BATCHES, TEST_BATCHES = [BATCHES[n] for n in TRAIN], [BATCHES[n] for n in TEST]
_RANDOM = np.random.default_rng(3)
META = pd.DataFrame(
    {
        "batch_id": np.repeat(BATCHES, 20),
        "event_id": _RANDOM.permutation(300) * 1000 + 24,
        "first_pulse_index": np.tile(np.arange(20) * 9, 15),
        "last_pulse_index": np.tile(np.arange(20) * 9 + 8, 15),
        "azimuth": _RANDOM.uniform(0, 2 * np.pi, 300),
        "zenith": _RANDOM.uniform(0, np.pi, 300),
    }
)
# A tenth of the events of one batch stand among those of another.
META = pd.concat([META.iloc[2:40], META.iloc[:2], META.iloc[40:]], ignore_index=True)
ANSWERS = META[META["batch_id"].isin(TEST_BATCHES)]
COLUMNS = ["event_id", "azimuth", "zenith"]


def _parquet(table: pd.DataFrame) -> Content:
    return lambda path: table.to_parquet(path, index=False)


def _holds(table: pd.DataFrame) -> Content:
    def check(path: Path) -> None:
        pd.testing.assert_frame_equal(pd.read_parquet(path), table.reset_index(drop=True))

    return check


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """The angle from the length of the chord between the two unit vectors."""
    vectors = []
    for table in (answers, submission):
        azimuth, zenith = table["azimuth"], table["zenith"]
        parts = [np.cos(azimuth) * np.sin(zenith), np.sin(azimuth) * np.sin(zenith), np.cos(zenith)]
        vectors.append(np.column_stack(parts))
    chords = np.linalg.norm(vectors[0] - vectors[1], axis=1)
    return float(np.mean(2 * np.arcsin(np.minimum(chords / 2, 1))))


CASES = [
    Case(
        id="icecube-neutrinos-in-deep-ice",
        raw={
            "train_meta.parquet": _parquet(META),
            **{f"train/batch_{batch}.parquet": f"pulses of batch {batch}" for batch in BATCHES},
            "train/batch_661.parquet": "pulses of a batch that no event is in",
            "sensor_geometry.csv": "sensor_id,x,y,z\n0,-256.14,-521.08,496.03\n",
            "test/batch_661.parquet": "pulses of Kaggle's test events",
            "test_meta.parquet": "Kaggle's test events",
            "sample_submission.parquet": "",
        },
        prepared={
            "public/train_meta.parquet": _holds(META[META["batch_id"].isin(TRAIN_BATCHES)]),
            "public/test_meta.parquet": _holds(ANSWERS.drop(columns=["azimuth", "zenith"])),
            **{f"public/train/batch_{batch}.parquet": f"pulses of batch {batch}" for batch in TRAIN_BATCHES},
            **{f"public/test/batch_{batch}.parquet": f"pulses of batch {batch}" for batch in TEST_BATCHES},
            "public/sensor_geometry.csv": "sensor_id,x,y,z\n0,-256.14,-521.08,496.03\n",
            "public/sample_submission.csv": csv_text(COLUMNS, [[event, 1, 1] for event in ANSWERS["event_id"]]),
            "private/test.csv": csv_text(COLUMNS, zip(*(ANSWERS[name].tolist() for name in COLUMNS), strict=True)),
        },
        # Angles out of their ranges are angles too.
        noise=lambda perfect, random: perfect.assign(
            azimuth=random.uniform(-9, 9, len(perfect)), zenith=perfect["zenith"] + random.normal(0, 2, len(perfect))
        ),
        score=_score,
        best=0.0,
        valid={"ids as floats": lambda table: table.assign(event_id=table["event_id"].astype(float))},
        invalid={"a further column": lambda table: table.assign(batch_id=1)},
    )
]
