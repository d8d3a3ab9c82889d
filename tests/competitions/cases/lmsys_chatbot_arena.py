import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

VOTES = ["winner_model_a", "winner_model_b", "winner_tie"]
HEADER = ["id", "model_a", "model_b", "prompt", "response_a", "response_b", *VOTES]
TEXT = '["Say \\"hi\\", please\\n", "\\ud83c null"]'
ROWS = [
    (30192 + 7 * n, "gpt-4", "vicuna-13b", TEXT, '["hi"]', "[null]", *(int(n * n % 5 % 3 == vote) for vote in range(3)))
    for n in range(45)
]
TRAIN, TEST = split_positions(45, 5)  # ceil(4.5)


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    probabilities = random.dirichlet([1, 1, 1], len(perfect))
    probabilities[0] = [0.3333333] * 3  # 1 to six decimals
    probabilities[1] = 1 - perfect[VOTES].iloc[1].to_numpy()  # sure, and wrong
    probabilities[1] /= 2
    return perfect.assign(**dict(zip(VOTES, probabilities.T, strict=True)))


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    true = (answers[VOTES] * submission[VOTES]).sum(axis=1)
    return float(np.mean([-np.log(max(p, 2.220446049250313e-16)) for p in true]))


CASES = [
    Case(
        id="lmsys-chatbot-arena",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            "test.csv": "id,prompt,response_a,response_b\n",
            "sample_submission.csv": "id,winner_model_a,winner_model_b,winner_tie\n",
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "public/test.csv": csv_text(["id", *HEADER[3:6]], [[ROWS[n][0], *ROWS[n][3:6]] for n in TEST]),
            "public/sample_submission.csv": csv_text(
                ["id", *VOTES], [[ROWS[n][0], *["0.3333333333333333"] * 3] for n in TEST]
            ),
            "private/answers.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
        },
        noise=_noise,
        score=_score,
        best=0.0,
        invalid={"thirds of six digits": lambda table: table.assign(**dict.fromkeys(VOTES, 0.333333))},
    )
]
