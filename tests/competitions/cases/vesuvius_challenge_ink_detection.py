import io

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.metrics import fbeta_score

from tests.competitions.case import Case, Change, csv_text

HEADER = ["Id", "Predicted"]
WIDTH, HEIGHT = 7, 5
INK = "2 5 9 4 34 2"


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("L", (WIDTH, HEIGHT)).save(file, "png")
    return file.getvalue()


def _fragment(number: int) -> dict[str, str | bytes]:
    return {
        "inklabels_rle.csv": csv_text(HEADER, [[number, INK]]),
        "inklabels.png": f"ink {number}",
        "ir.png": _png(),
        "mask.png": f"mask {number}",
        "surface_volume/00.tif": f"top of {number}",
        "surface_volume/64.tif": f"bottom of {number}",
    }


def _in(folder: str, files: dict[str, str | bytes]) -> dict[str, str | bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


HIDDEN = ("inklabels_rle.csv", "inklabels.png", "ir.png")


def _mask(text: str) -> list[bool]:
    numbers = [int(token) for token in text.split()]
    pixels = {start + k for start, length in zip(numbers[::2], numbers[1::2], strict=True) for k in range(length)}
    return [pixel in pixels for pixel in range(1, WIDTH * HEIGHT + 1)]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(Predicted="1 3 10 1 20 2 34 900 2000 5")


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return float(fbeta_score(_mask(answers["Predicted"][0]), _mask(submission["Predicted"][0]), beta=0.5))


def _mask_text(text: str) -> Change:
    return lambda table: table.assign(Predicted=text)


CASES = [
    Case(
        id="vesuvius-challenge-ink-detection",
        raw={
            **{name: text for n in (1, 2, 3) for name, text in _in(f"train/{n}", _fragment(n)).items()},
            "test/a/mask.png": "not used",
            "sample_submission.csv": "not used",
        },
        prepared={
            **{name: text for n in (1, 2) for name, text in _in(f"public/train/{n}", _fragment(n)).items()},
            **_in("public/test/a", {name: text for name, text in _fragment(3).items() if name not in HIDDEN}),
            "public/sample_submission.csv": csv_text(HEADER, [["a", "1 1 5 1"]]),
            "private/inklabels_rle.csv": csv_text([*HEADER, "width", "height"], [["a", INK, WIDTH, HEIGHT]]),
            "private/gold_submission.csv": csv_text(HEADER, [["a", INK]]),
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={"other white space": _mask_text(" 1 3  10 1\t20 2 34 900 2000 5 ")},
        invalid={
            f"mask {text!r}": _mask_text(text)
            for text in ("NA", "7", "1 2 3", "0 4", "3 0", "1 -4", "9 2 3 2", "1 5 5 1", "1.0 2", "-")
        }
        # In place of the shared change of this name, which needs a second row to take the id from.
        | {"an id in place of another": lambda table: table.assign(Id="3")},
    )
]
