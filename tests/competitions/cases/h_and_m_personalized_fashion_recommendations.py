import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text

HEADER = ["t_dat", "customer_id", "article_id", "price", "sales_channel_id"]
CUSTOMERS = [f"{n * 2654435761 % 2**32:064x}" for n in range(12)]
BUYERS = [CUSTOMERS[n] for n in (9, 2, 5, 7)]
# The last day is the 22nd: the 15th is the first day of the test window.
BOUGHT = {
    BUYERS[0]: ["0706016001", "0372860001", "0706016001"],  # a repeat
    BUYERS[1]: ["0706016002"],
    BUYERS[2]: [f"0{108_775_015 + n}" for n in range(14)],  # more than twelve
    BUYERS[3]: ["0108775044", "0108775051"],
}
TEST = [
    (f"2020-09-{15 + (place * 3 + n) % 8:02}", customer, article, "0.0508305", 2)
    for n in range(14)
    for place, (customer, articles) in enumerate(BOUGHT.items())
    for article in articles[n : n + 1]
] + [("2020-09-22", BUYERS[3], "0108775044", "0.010", 1)]
TRAIN = [
    (f"2020-0{8 + n // 20}-{1 + n % 14:02}", CUSTOMERS[n % 12], "0663713001", "0.0500", 1 + n % 2) for n in range(40)
]
COPIED = {
    "articles.csv": "article_id,prod_name\r\n0108775015,Strap top\r\n",
    "customers.csv": "customer_id,age\na,\n",
    "sample_submission.csv": csv_text(
        ["customer_id", "prediction"], [(customer, "0706016001 0706016002") for customer in CUSTOMERS]
    ),
    "images/010/0108775015.jpg": "top",
    "images/011/0110065001.jpg": "bra",
}


def _answers() -> str:
    rows = {customer: " ".join(row[2][1:] for row in TEST if row[1] == customer) for customer in sorted(BUYERS)}
    return csv_text(["customer_id", "prediction"], rows.items())


def _everybody(answers: pd.DataFrame) -> pd.DataFrame:
    """Each article once. Among those who bought something are the first, the second and the last customer."""
    best = {customer: " ".join(dict.fromkeys(cell.split())) for customer, cell in answers.to_numpy().tolist()}
    others = {customer: "706016001" for customer in CUSTOMERS if customer not in best}
    rows = [*best.items()]
    return pd.DataFrame([*rows[:3], *others.items(), rows[3]], columns=["customer_id", "prediction"])


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    table = perfect.set_index("customer_id")["prediction"].copy()
    table[BUYERS[0]] = "0706016001  372860001 706016001"  # a zero that does not belong there, an empty guess
    table[BUYERS[1]] = ""
    table[BUYERS[2]] = " ".join(["1", table[BUYERS[2]]])
    table[BUYERS[3]] = "108775044 108775044 2 108775051 3"  # a hit counts once
    return table.reset_index()


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    guesses = dict(submission.to_numpy().tolist())
    total = 0.0
    for customer, cell in answers.to_numpy().tolist():
        true, hits = set(cell.split()), 0
        for rank, guess in enumerate(guesses[customer].split(" ")[:12], start=1):
            if guess in true and guess not in guesses[customer].split(" ")[: rank - 1]:
                hits += 1
                total += hits / rank / min(len(true), 12)
    return total / len(answers)


CASES = [
    Case(
        id="h-and-m-personalized-fashion-recommendations",
        raw={**COPIED, "transactions_train.csv": csv_text(HEADER, [*TRAIN[:20], *TEST, *TRAIN[20:]])},
        prepared={
            "public/transactions_train.csv": csv_text(HEADER, [(*row[:2], 663713001, "0.05", row[4]) for row in TRAIN]),
            "private/answers.csv": _answers(),
            **{f"public/{path}": content for path, content in COPIED.items()},
        },
        noise=_noise,
        score=_score,
        best=1.0,
        perfect=_everybody,
        invalid={"a customer without a row": lambda table: table.drop(index=1)},
    )
]
