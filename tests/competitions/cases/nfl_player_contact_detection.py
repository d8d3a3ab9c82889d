import numpy as np
import pandas as pd
from sklearn.metrics import matthews_corrcoef

from tests.competitions.case import Case, csv_text, split_positions

LABELS = ["contact_id", "game_play", "datetime", "step", "nfl_player_id_1", "nfl_player_id_2", "contact"]
TRACKING = ["game_play", "nfl_player_id", "step", "x_position", "sa"]
HELMETS = ["game_play", "view", "frame", "nfl_player_id", "left"]
VIDEOS = ["game_play", "view", "snap_time"]
PLAYS = [f"{58168 + n * 7919 % 100}_00{3392 - n}" for n in range(21)]
TRAIN_PLAYS, TEST_PLAYS = split_positions(len(PLAYS), 3)  # ceil(2.1)
UNLABELLED = "1_000001"
STEPS = 12
# Cells as they are in the raw file, and as the float parser of pandas 2 wrote them again.
LONG = [("217.69169011838073", "217.69169011838076"), ("-0.05116587750710977", "-0.0511658775071097"), ("", "")]


def _label(play: int, step: int) -> list[object]:
    second = "G" if step % 3 == 0 else str(43854 + step)
    name = PLAYS[play]
    time = f"2020-09-11T03:01:{step:02}.100Z"
    contact = int(np.random.RandomState(play * STEPS + step).uniform() < 0.3)
    return [f"{name}_{step}_38590_{second}", name, time, step, 38590, second, contact]


def _tracking(name: str, step: int, form: int) -> list[object]:
    return [name, 38590 + step, step, ["61.59", "42.60", "1.1"][step % 3], LONG[step % 3][form]]


def _helmet(name: str, step: int, form: int) -> list[object]:
    """A column of whole numbers with gaps becomes one of floats."""
    return [name, "Endzone", step, "" if step == 5 else [f"{38590 + step}", f"{38590 + step}.0"][form], 3 * step]


def _labels(plays: list[int]) -> list[list[object]]:
    # Plays take turns, so that their rows are not together.
    return [_label(play, step) for step in range(STEPS) for play in range(len(PLAYS)) if play in plays]


def _tables(part: str, names: list[str], form: int) -> dict[str, str]:
    rows = [(name, step) for step in range(STEPS) for name in names]
    tracking = [_tracking(name, step, form) for name, step in rows]
    for row in tracking:
        row[3] = str(row[3]).replace("42.60", "42.6") if form else row[3]
    return {
        f"{part}_player_tracking.csv": csv_text(TRACKING, tracking),
        f"{part}_baseline_helmets.csv": csv_text(HELMETS, [_helmet(name, step, form) for name, step in rows]),
        f"{part}_video_metadata.csv": csv_text(VIDEOS, [[name, "All29", f"2020-09-11T03:01:{name}"] for name in names]),
    }


def _videos(folder: str, plays: list[int]) -> dict[str, str]:
    views = ("All29", "Endzone", "Sideline")
    return {f"{folder}/{PLAYS[play]}_{view}.mp4": f"{view} of {play}" for play in plays for view in views}


ALL = list(range(len(PLAYS)))
TEST = _labels(TEST_PLAYS)


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(contact=perfect["contact"].mask(random.uniform(size=len(perfect)) < 0.3, 2))  # a third number


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return float(matthews_corrcoef(answers["contact"], submission["contact"]))


CASES = [
    Case(
        id="nfl-player-contact-detection",
        raw={
            "train_labels.csv": csv_text(LABELS, _labels(ALL)),
            "test_player_tracking.csv": "not used",
            "sample_submission.csv": "not used",
            "test/9_1_All29.mp4": "not used",
            f"train/{UNLABELLED}_All29.mp4": "a play without labels",
            **_tables("train", [UNLABELLED, *PLAYS], 0),
            **_videos("train", ALL),
        },
        prepared={
            "public/train_labels.csv": csv_text(LABELS, _labels(TRAIN_PLAYS)),
            "private/test.csv": csv_text(LABELS, TEST),
            "public/sample_submission.csv": csv_text(["contact_id", "contact"], [[row[0], 0] for row in TEST]),
            **{
                f"public/{name}": text
                for part, plays in (("train", TRAIN_PLAYS), ("test", TEST_PLAYS))
                for name, text in _tables(part, [PLAYS[play] for play in ALL if play in plays], 1).items()
            },
            **_videos("public/train", TRAIN_PLAYS),
            **_videos("public/test", TEST_PLAYS),
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={"contacts as floats": lambda table: table.assign(contact=table["contact"].astype(float))},
        invalid={"probabilities": lambda table: table.assign(contact=0.25)},
    )
]
