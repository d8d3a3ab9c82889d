"""Small images of handwritten digits, one PNG file each."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits

from tasks import recipes

INK_LEVELS = 16  # the source counts ink from 0 to 16


def prepare(raw: Path, public: Path, private: Path) -> None:
    digits = load_digits()
    table = pd.DataFrame({"source": range(len(digits.target)), "label": digits.target})
    train, test = recipes.with_ids(*recipes.hold_out(table, fraction=0.3, seed=0))
    grey = np.round(digits.images * 255 / INK_LEVELS).astype(np.uint8)
    for part, folder in ((train, public / "train"), (test, public / "test")):
        folder.mkdir()
        for row_id, source in zip(part["id"], part["source"], strict=True):
            Image.fromarray(grey[source]).save(folder / f"{row_id}.png")
    recipes.write_parts(
        train.drop(columns="source"),
        test.drop(columns="source"),
        target="label",
        sample={"label": 0},
        public=public,
        private=private,
    )
