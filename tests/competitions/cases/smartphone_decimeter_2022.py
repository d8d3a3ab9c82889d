import math

import numpy as np
import pandas as pd

from tests.competitions.case import Case, Change, csv_text, split_positions

# Days with and without zeros before them; two drives of a name and its extension on each, so that the order of paths
# as text ("-mtv-2/" before "-mtv/") is another than that by folders.
DAYS = [f"{2020 + n % 3}-{n % 12 + 1:02}-{n % 27 + 1:02}" for n in range(11)]
ORDERED = sorted(DAYS)
_, TEST_POSITIONS = split_positions(len(DAYS), 2)  # ceil(1.1)
TEST_DAYS = [ORDERED[position] for position in TEST_POSITIONS]
HEADER = ["MessageType", "Provider", "LatitudeDegrees", "LongitudeDegrees", "UnixTimeMillis"]
COLUMNS = ["tripId", "UnixTimeMillis", "LatitudeDegrees", "LongitudeDegrees"]
ROWS = 6
# A cell as it is in the raw file, and as the float parser of pandas 2 wrote it again.
LATITUDE, LATITUDE_AGAIN = "-0.05116587750710977", "-0.0511658775071097"


def _drives(day: str, number: int) -> list[str]:
    year, month, date = day.split("-")
    name = day if number % 2 else f"{year}-{int(month)}-{int(date)}"
    return [f"{name}-US-mtv", f"{name}-US-mtv-2"]


DRIVES = {drive: day for number, day in enumerate(DAYS) for drive in _drives(day, number)}


def _truth(drive: str, phone: str) -> list[tuple[str, str, int]]:
    seed = sum(map(ord, drive + phone))
    return [
        (LATITUDE if row == 2 else f"{37 + seed % 7 + row / 8}0", f"-{122 + row / 1024}", 1_590_000_000_000 - 7 * row)
        for row in range(ROWS)
    ]


def _folder(drive: str) -> dict[str, str]:
    files: dict[str, str] = {}
    for phone in ("GooglePixel4XL", "GooglePixel4"):
        rows = [["Fix", "GT", latitude, longitude, time] for latitude, longitude, time in _truth(drive, phone)]
        files |= {
            f"{drive}/{phone}/ground_truth.csv": csv_text(HEADER, rows),
            f"{drive}/{phone}/device_gnss.csv": f"signals {drive} {phone}",
            f"{drive}/{phone}/supplemental/gnss_log.txt": f"log {drive} {phone}",
        }
    return files


TEST_DRIVES = sorted((drive for drive, day in DRIVES.items() if day in TEST_DAYS))
ANSWERS = [
    [f"{drive}-{phone}", time, LATITUDE_AGAIN if latitude == LATITUDE else float(latitude), float(longitude)]
    for drive in TEST_DRIVES
    for phone in ("GooglePixel4", "GooglePixel4XL")
    for latitude, longitude, time in _truth(drive, phone)
]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    noisy = perfect.assign(LatitudeDegrees=perfect["LatitudeDegrees"] + random.normal(size=len(perfect)) / 1e4)
    return noisy.assign(LongitudeDegrees=noisy["LongitudeDegrees"] + random.normal(size=len(perfect)) / 1e4)


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    distances: dict[str, list[float]] = {}
    angles = [np.radians(table[["LatitudeDegrees", "LongitudeDegrees"]].to_numpy()) for table in (answers, submission)]
    for trip, (a, longitude), (b, other) in zip(answers["tripId"], *angles, strict=True):
        length = longitude - other
        chord = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(length / 2) ** 2
        distances.setdefault(trip, []).append(2 * 6_371_000 * math.asin(math.sqrt(chord)))
    return float(np.mean([(np.quantile(d, 0.5) + np.quantile(d, 0.95)) / 2 for d in distances.values()]))


def _first(name: str, cell: object) -> Change:
    return lambda table: table.assign(**{name: [cell, *table[name][1:]]})


CASES = [
    Case(
        id="smartphone-decimeter-2022",
        raw={
            "train/readme.txt": "no drive",
            "test/2099-01-01-x/GooglePixel4/device_gnss.csv": "not used",
            "sample_submission.csv": "not used",
            "metadata/constellation_type_mapping.csv": "constellationType,constellationName\n1,GPS\n",
            **{f"train/{name}": text for drive in DRIVES for name, text in _folder(drive).items()},
        },
        prepared={
            "public/metadata/constellation_type_mapping.csv": "constellationType,constellationName\n1,GPS\n",
            **{
                f"public/train/{name}": text
                for drive, day in DRIVES.items()
                for name, text in _folder(drive).items()
                if day not in TEST_DAYS
            },
            **{
                f"public/test/{name}": text
                for drive in TEST_DRIVES
                for name, text in _folder(drive).items()
                if "ground_truth" not in name
            },
            "private/test.csv": csv_text(COLUMNS, ANSWERS),
            "public/sample_submission.csv": csv_text(
                COLUMNS, [[trip, time, "37.904611315634504", "-86.48107806249548"] for trip, time, *_ in ANSWERS]
            ),
        },
        noise=_noise,
        score=_score,
        best=0.0,
        invalid={"a time that is not asked for": _first("UnixTimeMillis", 1)},
    )
]
