import math

import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

VOTES = ["seizure_vote", "lpd_vote", "gpd_vote", "lrda_vote", "grda_vote", "other_vote"]
HEADER = [
    *("eeg_id", "eeg_sub_id", "eeg_label_offset_seconds"),
    *("spectrogram_id", "spectrogram_sub_id", "spectrogram_label_offset_seconds"),
    *("label_id", "patient_id", "expert_consensus", *VOTES),
]
N = 90
SPECTROGRAMS = [353733 + n * 7919 % 1000 for n in range(15)]
_, TEST_SPECTROGRAMS = split_positions(15, 2)  # ceil(1.5)


def _spectrogram(n: int) -> int:
    return n if n < 15 else n * n % 15


def _eeg(n: int) -> int:
    """Two EEGs a spectrogram, so that ids come again, and not in a row."""
    return 1_628_180_742 - 2 * _spectrogram(n) + n % 2


def _row(n: int, offset: str) -> list[object]:
    votes = np.random.RandomState(n).randint(0, 4, 6) * [1, n % 2, 1, 0, 1, 1] + [0, 0, 0, 0, 0, 1]
    spectrogram = [SPECTROGRAMS[_spectrogram(n)], n % 7, offset]
    return [_eeg(n), n % 5, offset, *spectrogram, 127_492_639 + n, n // 9, "Other", *votes.tolist()]


RAW = [_row(n, f"{2 * n}.00") for n in range(N)]
ROWS = [_row(n, f"{2 * n}.0") for n in range(N)]
TEST = [n for n in range(N) if _spectrogram(n) in TEST_SPECTROGRAMS]
TRAIN = [n for n in range(N) if n not in TEST]


def _shares(n: int) -> list[float]:
    votes = [int(str(vote)) for vote in ROWS[n][9:]]
    return [vote / sum(votes) for vote in votes]


def _recordings(top: str, part: str, positions: list[int]) -> dict[str, bytes]:
    eegs = {f"{top}{part}_eegs/{_eeg(n)}.parquet": b"PAR1 %d" % _eeg(n) for n in positions}
    spectrograms = {SPECTROGRAMS[_spectrogram(n)] for n in positions}
    return eegs | {f"{top}{part}_spectrograms/{name}.parquet": b"PAR1" for name in spectrograms}


def _perfect(answers: pd.DataFrame) -> pd.DataFrame:
    shares = answers[VOTES].to_numpy() / answers[VOTES].to_numpy().sum(axis=1, keepdims=True)
    return answers[["eeg_id"]].join(pd.DataFrame(shares, columns=VOTES))


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    values = random.dirichlet(np.ones(6), len(perfect))
    values[0] = [0, 0, 0, 1, 0, 0]  # certain of what nobody voted for
    return perfect.assign(**dict(zip(VOTES, values.T, strict=True)))


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    total = 0.0
    for votes, guesses in zip(answers[VOTES].to_numpy(), submission[VOTES].to_numpy(), strict=True):
        for vote, guess in zip(votes, guesses, strict=True):
            share = vote / votes.sum()
            total += share * math.log(share / min(max(guess, 1e-15), 1 - 1e-15)) if vote else 0
    return total / len(answers)


def _with_last(table: pd.DataFrame, change: float) -> pd.DataFrame:
    """Another sum in the last row."""
    return table.assign(other_vote=[*table["other_vote"][:-1], table["other_vote"].iloc[-1] + change])


CASES = [
    Case(
        id="hms-harmful-brain-activity-classification",
        raw={
            "train.csv": csv_text(HEADER, RAW),
            "test.csv": "not used",
            "sample_submission.csv": "not used",
            "test_eegs/1.parquet": "not used",
            "test_spectrograms/1.parquet": "not used",
            "train_eegs/9.parquet": "an EEG that is not listed",
            "example_figures/GPD/01.pdf": "a figure",
            "example_figures/LPD.pdf": "another",
            **_recordings("", "train", list(range(N))),
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
            "public/test.csv": csv_text(
                ["spectrogram_id", "eeg_id", "patient_id"], [[ROWS[n][3], ROWS[n][0], ROWS[n][7]] for n in TEST]
            ),
            "private/gold_submission.csv": csv_text(["eeg_id", *VOTES], [[_eeg(n), *_shares(n)] for n in TEST]),
            "public/sample_submission.csv": csv_text(
                ["eeg_id", *VOTES], [[_eeg(n), *["0.16666666666666666"] * 6] for n in TEST]
            ),
            "public/example_figures/GPD/01.pdf": "a figure",
            "public/example_figures/LPD.pdf": "another",
            **_recordings("public/", "train", TRAIN),
            **_recordings("public/", "test", TEST),
        },
        noise=_noise,
        score=_score,
        best=0.0,
        perfect=_perfect,
        valid={
            "EEGs in another order": lambda table: table.sort_values("eeg_id", ascending=False, kind="stable"),
            "EEGs as floats": lambda table: table.assign(eeg_id=table["eeg_id"].astype(float)),
        },
        invalid={
            "a sum of 1.00001": lambda table: _with_last(table, 1e-5),
            "a sum of 0.99999": lambda table: _with_last(table, -1e-5),
            "an EEG once too rarely": lambda table: pd.concat([table.iloc[:-1], table.iloc[[1]]]),
        },
    )
]
