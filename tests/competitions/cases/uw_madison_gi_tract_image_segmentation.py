import numpy as np
import pandas as pd
from scipy.spatial.distance import directed_hausdorff

from tests.competitions.case import Case, Change, csv_text, split_positions

CLASSES = ["large_bowel", "small_bowel", "stomach"]
WIDTH, HEIGHT = 4, 6
SLICES = ["0001", "0002", "0010"]
# Days are ordered by number. One case has six, one exactly four; not in the order of their names.
DAYS = {f"case{n}": [9, 0, 20] for n in (7, 101, 2, 30, 44, 5, 66, 81, 9)}
DAYS |= {"case12": [100, 9, 2, 30, 21, 10], "case13": [1, 2, 3, 4]}
CASES_IN_FILE = list(DAYS)
TEST_CASES = [CASES_IN_FILE[n] for n in split_positions(11, 2, seed=42)[1]]  # ceil(1.1)
TEST_DAYS = [f"{case}_day{day}" for case in CASES_IN_FILE if case in TEST_CASES for day in DAYS[case]]
TEST_DAYS += ["case12_day30", "case12_day100"]
# Masks of the slices of test days, as (true, predicted): nothing, the same, one side alone, far too much, and others.
VOLUMES = [
    (["", "", ""], ["", "", ""]),
    (["3 4", "", "1 2 20 3"], ["3 2 5 2", "", "1 2 20 3"]),
    (["3 4", "", ""], ["", "", ""]),
    (["", "", ""], ["", "7 2", ""]),
    (["", "8 1", ""], ["", "7 9", "1 2"]),
    (["1 2 7 5", "7 3", ""], ["1 1 9 3", "8 9 24 30", "2 1"]),
    (["24 1", "1 24", "5 5"], ["24 9", "2 3 6 7", "300 4 500 1"]),
    (["4 2", "", "1 3"], ["1 8", "", ""]),
]
SAMPLE_ROW = "1 1 5 2"


def _rows(case: str, day: int) -> list[tuple[str, str, str]]:
    folder = f"{case}_day{day}"
    masks = VOLUMES[TEST_DAYS.index(folder)][0] if folder in TEST_DAYS else ["2 2", "", "5 1"]
    # On the last slice two organs share pixels.
    return [
        (f"{folder}_slice_{name}", organ, mask if organ == CLASSES[n % 3] or n == 2 else "")
        for n, (name, mask) in enumerate(zip(SLICES, masks, strict=True))
        for organ in CLASSES
    ]


def _scan(name: str) -> str:
    folder, number = name.split("_slice_")
    return f"{folder.split('_')[0]}/{folder}/scans/slice_{number}_{WIDTH}_{HEIGHT}_1.50_1.50.png"


ROWS = [row for case, days in DAYS.items() for day in days for row in _rows(case, day)]
TRAIN = [row for row in ROWS if row[0].split("_slice_")[0] not in TEST_DAYS]
TEST = [row for row in ROWS if row[0].split("_slice_")[0] in TEST_DAYS]
# Scans of a day, and of a case, that has no rows.
SCANS = {_scan(name): f"scan {name}" for name, _, _ in ROWS}
SCANS |= {_scan(f"{case}_day500_slice_0001"): "no rows" for case in ("case12", TEST_CASES[0])}


def _part(scan: str) -> str:
    case, day = scan.split("/")[:2]
    return "test" if case in TEST_CASES or day in TEST_DAYS else "train"


def _mask(text: str) -> np.ndarray:
    numbers = [int(token) for token in text.split()]
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        for pixel in range(start - 1, min(start - 1 + length, HEIGHT * WIDTH)):
            mask[pixel % HEIGHT, pixel // HEIGHT] = True
    return mask


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    cells = []
    for name, organ in zip(perfect["id"], perfect["class"], strict=True):
        day, number = name.split("_slice_")
        n = SLICES.index(number)
        cells.append(VOLUMES[TEST_DAYS.index(day)][1][n] if organ == CLASSES[n % 3] or n == 2 else "")
    return perfect.assign(predicted=cells)


def _distance(true: np.ndarray, guess: np.ndarray) -> float | None:
    if not true.any() and not guess.any():
        return None
    if (true == guess).all():
        return 0.0
    if not true.any() or not guess.any() or guess.sum() > 10 * true.sum():
        return 1.0
    first, second = np.argwhere(true) / true.shape, np.argwhere(guess) / true.shape
    return float(max(directed_hausdorff(first, second)[0], directed_hausdorff(second, first)[0]) / 3**0.5)


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    dice: list[float] = []
    volumes: dict[str, np.ndarray] = {}
    for name, true_text, text in zip(answers["id"], answers["predicted"], submission["predicted"], strict=True):
        true, guess = _mask(true_text), _mask(text)
        if true.any() or guess.any():
            dice.append(2 * (true & guess).sum() / (true.sum() + guess.sum()))
        day, number = name.split("_slice_")
        sides = volumes.setdefault(day, np.zeros((2, len(SLICES), HEIGHT, WIDTH), dtype=bool))
        sides[:, SLICES.index(number)] |= np.array([true, guess])
    distances = [distance for sides in volumes.values() if (distance := _distance(*sides)) is not None]
    return float(0.4 * np.mean(dice) + 0.6 * (1 - np.mean(distances)))


def _with_mask(text: str) -> Change:
    return lambda table: table.assign(predicted=[text, *table["predicted"][1:]])


CASES = [
    Case(
        id="uw-madison-gi-tract-image-segmentation",
        raw={
            "train.csv": csv_text(["id", "class", "segmentation"], ROWS),
            "sample_submission.csv": "id,class,predicted\n",
            **{f"train/{name}": content for name, content in SCANS.items()},
            f"train/{_scan('case999_day1_slice_0001')}": "a case without rows",
        },
        prepared={
            "public/train.csv": csv_text(["id", "class", "segmentation"], TRAIN),
            "public/test.csv": csv_text(["id", "class"], [row[:2] for row in TEST]),
            "public/sample_submission.csv": csv_text(
                ["id", "class", "predicted"], [[*row[:2], SAMPLE_ROW] for row in TEST]
            ),
            "private/test.csv": csv_text(
                ["id", "class", "predicted", "image_width", "image_height"],
                [[*row, float(WIDTH), float(HEIGHT)] for row in TEST],
            ),
            **{f"public/{_part(name)}/{name}": content for name, content in SCANS.items()},
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={
            "rows by class": lambda table: table.sort_values(["class", "id"]),
            "a word for missing": lambda table: table.assign(predicted=table["predicted"].replace("", "NA")),
        },
        invalid={
            f"mask {text!r}": _with_mask(text)
            for text in ("1", "1 2 3", "0 4", "3 0", "1 -4", "9 2 3 2", "1 5 5 1", "1.0 2", "a b")
        },
    )
]
