"""Jobs of a computing cluster: how long will each run?"""

from pathlib import Path

from tasks import recipes

CLASSES = ["VF", "F", "M", "L"]


def prepare(raw: Path, public: Path, private: Path) -> None:
    jobs = recipes.package_table("modeldata", "hpc_data")
    train, test = recipes.with_ids(*recipes.hold_out(jobs, fraction=0.25, seed=0))
    recipes.write_parts(
        train,
        test,
        target="class",
        sample=dict.fromkeys(CLASSES, 1 / len(CLASSES)),
        answers=recipes.one_hot(test["class"], CLASSES),
        public=public,
        private=private,
    )
