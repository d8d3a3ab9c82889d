"""Questions in Hindi and Tamil about passages: a tenth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

from tasks import recipes

COLUMNS = ["id", "context", "question", "answer_text", "answer_start", "language"]


def prepare(raw: Path, public: Path, private: Path) -> None:
    questions = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(questions, COLUMNS, "train.csv")
    train, test = recipes.split(questions, test_size=0.1)
    recipes.require_disjoint(train["id"], test["id"], "questions")
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test.drop(columns=["answer_start", "answer_text"]), public / "test.csv")
    answers = test[["id", "answer_text"]].rename(columns={"answer_text": "PredictionString"})
    recipes.write_csv(answers, private / "test.csv")
    sample = recipes.sample_of(test, "id", {"PredictionString": "dummy text"})
    recipes.write_csv(sample, public / "sample_submission.csv")
