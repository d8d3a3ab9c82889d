import io

import numpy as np
import pandas as pd
from PIL import Image

from tests.competitions.case import Case, csv_text, split_positions

PAGES = sorted(f"{n}.png" for n in range(2, 13))  # as text: 10.png before 2.png
TRAIN, TEST = split_positions(11, 3)  # ceil(2.2)
SIZES = {page: (3, 2) if place % 2 else (2, 4) for place, page in enumerate(PAGES)}  # rows, columns
DIRTY = {page: f"dirty {page}".encode() for page in PAGES}
COLOURED = min(PAGES[n] for n in TEST)


def _pixels(page: str) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    return np.random.RandomState(int(page.split(".")[0])).randint(0, 256, SIZES[page]).astype("uint8")


def _png(page: str) -> bytes:
    image = Image.fromarray(_pixels(page))
    if page == COLOURED:  # red alone
        black = Image.new("L", image.size)
        image = Image.merge("RGB", (image, black, black))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _values() -> list[tuple[str, float]]:
    values = []
    for page in sorted(PAGES[n] for n in TEST):
        for row, greys in enumerate(_pixels(page).tolist(), start=1):
            for column, grey in enumerate(greys, start=1):
                # Luma of red in 16 bits, rounded: ITU-R 601-2.
                value = (grey * 19595 + 0x8000) >> 16 if page == COLOURED else grey
                values.append((f"{page.removesuffix('.png')}_{row}_{column}", value / 255))
    return values


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return float(np.sqrt(np.mean((answers["value"] - submission["value"]) ** 2)))


CASES = [
    Case(
        id="denoising-dirty-documents",
        raw={
            "train.zip": {f"train/{page}": content for page, content in DIRTY.items()},
            "train_cleaned.zip": {f"train_cleaned/{page}": _png(page) for page in PAGES},
            "test.zip": {"test/1.png": "page without a clean one"},
        },
        prepared={
            **{f"public/train/{PAGES[n]}": DIRTY[PAGES[n]] for n in TRAIN},
            **{f"public/train_cleaned/{PAGES[n]}": _png(PAGES[n]) for n in TRAIN},
            **{f"public/test/{PAGES[n]}": DIRTY[PAGES[n]] for n in TEST},
            "public/sampleSubmission.csv": csv_text(["id", "value"], [[name, 1] for name, _ in _values()]),
            "private/answers.csv": csv_text(["id", "value"], _values()),
        },
        noise=lambda perfect, random: perfect.assign(value=random.uniform(-0.5, 1.5, len(perfect))),
        score=_score,
        best=0.0,
        invalid={
            "columns counted from 0": lambda table: table.assign(
                id=[
                    f"{page}_{row}_{int(column) - 1}" for page, row, column in (name.split("_") for name in table["id"])
                ]
            )
        },
    )
]
