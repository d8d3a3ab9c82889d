import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from tests.competitions.case import Case, csv_text

# 30 whales with one photo, ten with two, some with many, in mixed order.
WHALES = [f"w_{n:07x}" for n in range(30)] + [f"w_{n % 10:07x}ab" for n in range(20)] + ["w_many"] * 9
WHALES += ["new_whale"] * 7
ROWS = [(f"{n:04x}.jpg", WHALES[n * 37 % len(WHALES)]) for n in range(len(WHALES))]
SAMPLE = "new_whale w_1287fbc w_98baff9 w_7554f44 w_1eafe46"


def _parts() -> list[str]:
    """The part of each row, drawn a whale at a time as the specification says."""
    table = pd.DataFrame(ROWS, columns=["Image", "Id"]).assign(part="")
    random = np.random.default_rng(0)
    for whale in table["Id"].unique():
        rows = table[table["Id"] == whale]
        if len(rows) >= 2:
            train, test = rows.sample(2, random_state=0).index
            table.loc[train, "part"], table.loc[test, "part"] = "train", "test"
        else:
            table.loc[rows.index, "part"] = random.choice(["train", "test"], replace=False, p=[1 - 0.1, 0.1])
    train, test = train_test_split(table[table["part"] == ""], test_size=0.1, random_state=0)
    table.loc[train.index, "part"], table.loc[test.index, "part"] = "train", "test"
    return table["part"].tolist()


PARTS = _parts()
TRAIN, TEST = ([row for row, part in zip(ROWS, PARTS, strict=True) if part == name] for name in ("train", "test"))
KNOWN = {whale for _, whale in TRAIN}
ANSWERS = [(image, whale if whale in KNOWN else "new_whale") for image, whale in TEST]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    forms = ["a {} b", "a a a a {}", "a a a a a {}", "{} {}", "x  {}", "", "{}x", " {}"]
    return perfect.assign(Id=[forms[n % 8].replace("{}", whale) for n, whale in enumerate(perfect["Id"])])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    values = []
    for whale, cell in zip(answers["Id"], submission["Id"], strict=True):
        guesses = cell.split(" ")[:5]
        values.append(1 / (1 + guesses.index(whale)) if whale in guesses else 0.0)
    return float(np.mean(values))


CASES = [
    Case(
        id="whale-categorization-playground",
        raw={
            "train.csv": csv_text(["Image", "Id"], ROWS),
            "sample_submission.csv": "Image,Id\n",
            "test/k.jpg": "a photo without a label",
            **{f"train/{image}": f"photo {image}" for image, _ in ROWS},
        },
        prepared={
            "public/train.csv": csv_text(["Image", "Id"], TRAIN),
            "public/sample_submission.csv": csv_text(["Image", "Id"], [[image, SAMPLE] for image, _ in TEST]),
            "private/test.csv": csv_text(["Image", "Id"], ANSWERS),
            **{f"public/train/{image}": f"photo {image}" for image, _ in TRAIN},
            **{f"public/test/{image}": f"photo {image}" for image, _ in TEST},
        },
        noise=_noise,
        score=_score,
        best=1.0,
    )
]
