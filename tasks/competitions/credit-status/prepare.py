"""Loans of a Spanish bank: will the customer pay back?"""

from pathlib import Path

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    # Repeated applications would stand on both sides of the split.
    loans = recipes.package_table("modeldata", "credit_data").drop_duplicates(ignore_index=True)
    table = loans.drop(columns="Status").assign(bad=(loans["Status"] == "bad").astype(int))
    train, test = recipes.with_ids(*recipes.hold_out(table, fraction=0.25, seed=0))
    recipes.write_parts(train, test, target="bad", sample={"bad": 0.5}, public=public, private=private)
