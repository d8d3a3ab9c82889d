import pandas as pd
from sklearn.metrics import accuracy_score

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["PassengerId", "HomePlanet", "CryoSleep", "Cabin", "Destination", "Age", "VIP"]
HEADER += ["RoomService", "FoodCourt", "ShoppingMall", "Spa", "VRDeck", "Name", "Transported"]


def _row(n: int) -> list[object]:
    """A passenger as written after reading: truth values in full, ages and bills as floats, gaps as gaps."""
    asleep, age, bill = (None, None, None) if n % 5 == 0 else (n % 2 == 0, 20.0 + n, n * 1.5)
    name = "None" if n == 3 else f"Ada O'Neil, {n}"
    bills = [bill, 0.0, None if n == 8 else 7.0, bill, 1.0]
    return [f"{n:04}_01", "Earth", asleep, f"F/{n}/P", "TRAPPIST-1e", age, n % 7 == 0, *bills, name, n % 3 == 0]


ROWS = [_row(n) for n in range(1, 42)]
WRITTEN = [[None if cell == "None" else cell for cell in row] for row in ROWS]
TRAIN, TEST = split_positions(41, 5)  # ceil(4.1)


def _noise(perfect: pd.DataFrame, _: object) -> pd.DataFrame:
    return perfect.assign(Transported=[not perfect["Transported"][0], *perfect["Transported"][1:]])


CASES = [
    Case(
        id="spaceship-titanic",
        raw={
            # On Kaggle ages and bills are written as floats too.
            "train.csv": csv_text(HEADER, ROWS),
            "test.csv": csv_text(HEADER[:-1], []),
            "sample_submission.csv": "PassengerId,Transported\n",
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [WRITTEN[n] for n in TRAIN]),
            "public/test.csv": csv_text(HEADER[:-1], [WRITTEN[n][:-1] for n in TEST]),
            "public/sample_submission.csv": csv_text(
                ["PassengerId", "Transported"], [[ROWS[n][0], False] for n in TEST]
            ),
            "private/test.csv": csv_text(HEADER, [WRITTEN[n] for n in TEST]),
        },
        noise=_noise,
        score=lambda answers, submission: float(accuracy_score(answers["Transported"], submission["Transported"])),
        best=1.0,
        valid={
            "0 and 1": lambda table: table.assign(Transported=table["Transported"].astype(int)),
            "0.0 and 1.0": lambda table: table.assign(Transported=table["Transported"].astype(float)),
            "upper case": lambda table: table.assign(Transported=table["Transported"].astype(str).str.upper()),
            "2 in place of a wrong 1 or 0": lambda table: table.assign(
                Transported=[2, *table["Transported"].astype(int)[1:]]
            ),
        },
        invalid={
            "yes and no": lambda table: table.assign(Transported=table["Transported"].map({True: "yes", False: "no"})),
            "probabilities": lambda table: table.assign(Transported=0.4),
        },
    )
]
