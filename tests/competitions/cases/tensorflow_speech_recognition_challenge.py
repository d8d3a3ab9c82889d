import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

# Labels of which one begins another: "on" and "one" sort by what follows them.
LABELS = ["_background_noise_", "on", "one", "tree", "off"]
CLIPS = [(label, f"{n * 7919 % 4096:08x}_nohash_{n % 2}.wav") for label in LABELS for n in range(6)]
CLIPS += [("on", "Exercise.wav"), ("on", "e_nohash_0.wav")]
SORTED = sorted(CLIPS, key="_".join)
TRAIN, TEST = split_positions(32, 4)  # ceil(3.2)
NEW_NAMES = [f"clip_0000000{n}.wav" for n in range(4)]
HEADER = ["fname", "label"]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(label=[perfect["label"].iloc[0], "silence", perfect["label"].iloc[2].upper(), "unknown"])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    hits = [bool(one == other) for one, other in zip(answers["label"], submission["label"], strict=True)]
    return sum(hits) / len(hits)


CASES = [
    Case(
        id="tensorflow-speech-recognition-challenge",
        raw={
            "train.7z": {
                "train/LICENSE": "free",
                "train/testing_list.txt": "bed/0c40e715_nohash_0.wav\n",
                "train/audio/_background_noise_/README.md": "noise",
                **{f"train/audio/{label}/{name}": f"{label} {name}" for label, name in CLIPS},
            },
            "test.7z": {"test/audio/clip_000044442.wav": "a clip without a label"},
            "sample_submission.7z": {"sample_submission.csv": "fname,label\n"},
        },
        prepared={
            **{f"public/train/audio/{SORTED[n][0]}/{SORTED[n][1]}": " ".join(SORTED[n]) for n in TRAIN},
            **{f"public/test/audio/{name}": " ".join(SORTED[n]) for name, n in zip(NEW_NAMES, TEST, strict=True)},
            "public/sample_submission.csv": csv_text(HEADER, [[name, "silence"] for name in NEW_NAMES]),
            "private/test.csv": csv_text(
                HEADER, [[name, SORTED[n][0]] for name, n in zip(NEW_NAMES, TEST, strict=True)]
            ),
        },
        noise=_noise,
        score=_score,
        best=1.0,
        invalid={
            "a label that pandas takes for missing": lambda table: table.assign(label=["None", *table["label"][1:]])
        },
    )
]
