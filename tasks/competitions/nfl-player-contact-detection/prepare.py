"""Players who touch each other or the ground: a tenth of Kaggle's labelled plays becomes the test set."""

from collections.abc import Collection, Mapping
from pathlib import Path

from tasks import recipes

ID, TARGET, PLAY = "contact_id", "contact", "game_play"
TABLES = ("baseline_helmets", "player_tracking", "video_metadata")
VIEWS = ("All29", "Endzone", "Sideline")


def prepare(raw: Path, public: Path, private: Path) -> None:
    labels = recipes.read_csv_old_floats(raw / "train_labels.csv", dtype={"nfl_player_id_2": "str"})
    plays = dict(zip(("train", "test"), recipes.split(labels[PLAY].unique(), test_size=0.1), strict=True))
    train, test = (labels[labels[PLAY].isin(part)] for part in plays.values())
    recipes.require_disjoint(train[ID], test[ID], "contact ids")
    recipes.write_csv(train, public / "train_labels.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, ID, {TARGET: 0}), public / "sample_submission.csv")
    for name in TABLES:
        _split_table(raw / f"train_{name}.csv", {public / f"{part}_{name}.csv": plays[part] for part in plays})
    for part, names in plays.items():
        recipes.copy_files(raw / "train", public / part, [f"{play}_{view}.mp4" for play in names for view in VIEWS])


def _split_table(source: Path, plays: Mapping[Path, Collection[str]]) -> None:
    """Write the rows of the plays of each part; rows of plays without labels are dropped."""
    table = recipes.read_csv_old_floats(source)
    for target, names in plays.items():
        recipes.write_csv(table[table[PLAY].isin(names)], target)
