import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text

IDENTITIES = ["male", "female", "homosexual_gay_or_lesbian", "christian", "jewish", "muslim", "black", "white"]
IDENTITIES += ["psychiatric_or_mental_illness"]
ROWS = 240
_RANDOM = np.random.default_rng(5)
TOXICITY = _RANDOM.choice([0.0, 0.2, 0.4999, 0.5, 0.8, 1.0], ROWS)
SHARES = _RANDOM.choice([0.0, 0.3, 0.5, 1.0], (ROWS, len(IDENTITIES)))
TEXTS = ["NA", 'so "nice", really', "two\nlines", "null", "fine\u00e9"]
OTHERS = [f"other{n}" for n in range(45 - 3 - len(IDENTITIES))]
HEADER = ["id", "comment_text", *OTHERS, "toxicity", *IDENTITIES]


def _row(n: int) -> list[object]:
    shares = [None if n % 4 == 0 else float(share) for share in SHARES[n]]  # nobody labelled every fourth comment
    return [7000000 + n, TEXTS[n % 5], *("x" for _ in OTHERS), float(TOXICITY[n]), *shares]


TABLE = csv_text(HEADER, [_row(n) for n in range(ROWS)])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    flagged, toxic = np.array(submission["prediction"] >= 0.5), np.array(answers["toxicity"].astype(float) >= 0.5)
    kinds: list[list[float]] = [[], [], []]
    for column, name in enumerate(IDENTITIES):
        cells = [float(cell or 0) >= 0.5 for cell in answers[name].tolist()]
        mentioned = np.array(cells)
        assert mentioned.sum() == ((SHARES[:, column] >= 0.5) & (np.arange(ROWS) % 4 != 0)).sum()
        for kind, rows in enumerate(
            (mentioned, (~toxic & mentioned) | (toxic & ~mentioned), (toxic & mentioned) | (~toxic & ~mentioned))
        ):
            kinds[kind].append(float(roc_auc_score(toxic[rows], flagged[rows])))
    means = [(sum(auc**-5 for auc in aucs) / 9) ** (1 / -5) for aucs in kinds]
    return float(0.25 * roc_auc_score(toxic, flagged) + 0.25 * sum(means))


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Any numbers will do; 0.5 is toxic."""
    wrong = random.uniform(size=len(perfect)) < 0.3
    toxic = (perfect["prediction"] >= 0.5) ^ wrong
    return perfect.assign(prediction=np.where(toxic, random.choice([0.5, 9.0], ROWS), random.choice([0.4, -3], ROWS)))


CASES = [
    Case(
        id="jigsaw-unintended-bias-in-toxicity-classification",
        raw={
            "train.csv": "id,target,comment_text\n1,0.0,NA\n",
            "test_private_expanded.csv": TABLE,
            "test.csv": "id,comment_text\n",
            "sample_submission.csv": "id,prediction\n",
        },
        prepared={
            "public/train.csv": "id,target,comment_text\n1,0.0,NA\n",
            "public/test.csv": csv_text(
                ["id", "comment_text"],
                [[7000000 + n, None if TEXTS[n % 5] in ("NA", "null") else TEXTS[n % 5]] for n in range(ROWS)],
            ),
            "public/sample_submission.csv": csv_text(["id", "prediction"], [[7000000 + n, 0.0] for n in range(ROWS)]),
            "private/test.csv": TABLE,
        },
        perfect=lambda answers: pd.DataFrame({"id": answers["id"], "prediction": answers["toxicity"].astype(float)}),
        noise=_noise,
        score=_score,
        best=1.0,
        valid={
            "only the side of 0.5 counts": lambda table: table.assign(prediction=table["prediction"] * 1.25 - 0.125),
            "truth values": lambda table: table.assign(prediction=table["prediction"] >= 0.5),
        },
        invalid={"the answers' name of the column": lambda table: table.rename(columns={"prediction": "toxicity"})},
    )
]
