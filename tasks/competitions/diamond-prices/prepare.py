"""Prices of round cut diamonds."""

from pathlib import Path

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    # A diamond listed twice would stand on both sides of the split.
    diamonds = recipes.package_table("ggplot2", "diamonds").drop_duplicates(ignore_index=True)
    train, test = recipes.with_ids(*recipes.hold_out(diamonds, fraction=0.25, seed=0))
    recipes.write_parts(train, test, target="price", sample={"price": 1000}, public=public, private=private)
