"""Reviews of food: five stars, or fewer?"""

from pathlib import Path

import pandas as pd

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    parts = [recipes.package_table("modeldata", item) for item in ("training_data", "testing_data")]
    # One review stands below several products: without this, test reviews would stand in the train part.
    # The product's number is left out, since each occurs once and would only help to look a review up.
    reviews = pd.concat(parts).drop_duplicates("review", ignore_index=True)
    table = pd.DataFrame({"review": reviews["review"], "great": (reviews["score"] == "great").astype(int)})
    train, test = recipes.with_ids(*recipes.hold_out(table, fraction=0.25, seed=0))
    recipes.write_parts(train, test, target="great", sample={"great": 0.5}, public=public, private=private)
