"""Pictures of camera traps: the pictures of a tenth of Kaggle's labelled places become the test set."""

from pathlib import Path

from tasks import recipes

ID, TARGET, PLACE = "id", "category_id", "location"
PICTURES = "train_images.zip"


def prepare(raw: Path, public: Path, private: Path) -> None:
    pictures = recipes.read_csv(raw / "train.csv")
    _, test_places = recipes.split(pictures[PLACE].unique(), test_size=0.1, seed=8)
    is_test = pictures[PLACE].isin(test_places)
    train, test = pictures[~is_test], pictures[is_test]
    recipes.require_disjoint(train[ID], test[ID], "ids")
    found = recipes.names_in(raw / PICTURES, suffix=".jpg")
    recipes.require_equal(len(found), pictures[ID].nunique(), f"number of pictures in {PICTURES}")
    for part, rows in (("train", train), ("test", test)):
        names = [f"{name}.jpg" for name in rows[ID].unique()]
        # Stored: deflating JPEGs takes half an hour for a hundredth of their size.
        recipes.write_zip(public / f"{part}_images.zip", raw / PICTURES, names, stored=True)
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test.drop(columns=TARGET), public / "test.csv")
    recipes.write_csv(test, private / "test.csv")
    answers = test[[ID, TARGET]].rename(columns={ID: "Id", TARGET: "Category"})
    recipes.write_csv(answers, private / "answers.csv")
    # The reference wrote its index along: the number of the row in Kaggle's train.csv.
    recipes.write_csv(answers.assign(Category=0), public / "sample_submission.csv", index=True)
