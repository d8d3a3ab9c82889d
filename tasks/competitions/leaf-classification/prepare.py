"""Leaves of 99 species, as features and as pictures: a tenth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    species = recipes.read_lines(Path(__file__).with_name("classes.txt"))
    leaves = recipes.read_csv(raw / "train.csv.zip", member="train.csv")
    train, test = recipes.split(leaves, test_size=0.1)
    recipes.require_disjoint(train["id"], test["id"], "leaves")
    recipes.copy_files(raw / "images.zip", public, [f"images/{name}.jpg" for name in leaves["id"]])
    (private / "images").mkdir()  # empty, as in data that the reference benchmark prepared
    recipes.write_parts(
        train,
        test,
        target="species",
        sample=dict.fromkeys(species, 1 / len(species)),
        public=public,
        private=private,
        answers=recipes.one_hot(test["species"], species),
    )
