"""Purchases of fashion: the last 8 of Kaggle's days with purchases become the test window."""

from pathlib import Path

import pandas as pd

from tasks import recipes

DAY, CUSTOMER, ARTICLE = "t_dat", "customer_id", "article_id"
COLUMNS = [DAY, CUSTOMER, ARTICLE, "price", "sales_channel_id"]
# Articles are numbers, so that their leading zero is lost, here and in the answers.
TYPES = {DAY: "str", CUSTOMER: "str", ARTICLE: "int64", "price": "float64", "sales_channel_id": "int64"}
TEST_DAYS_BEFORE_LAST = 7
CHUNK_ROWS = 1_000_000


def prepare(raw: Path, public: Path, private: Path) -> None:
    source = raw / "transactions_train.csv"
    first_test_day = _last_day(source) - pd.Timedelta(days=TEST_DAYS_BEFORE_LAST)
    bought = []
    with (public / source.name).open("xb") as file:
        for number, chunk in enumerate(recipes.read_csv_chunks(source, rows=CHUNK_ROWS, dtype=TYPES)):
            recipes.require_columns(chunk, COLUMNS, source.name)
            is_test = pd.to_datetime(chunk[DAY]) >= first_test_day
            recipes.write_csv(chunk[~is_test], file, header=number == 0)
            bought.append(chunk.loc[is_test, [CUSTOMER, ARTICLE]])
    articles = pd.concat(bought).astype({ARTICLE: "str"}).groupby(CUSTOMER, sort=True)[ARTICLE].agg(" ".join)
    recipes.write_csv(articles.rename("prediction").reset_index(), private / "answers.csv")
    recipes.copy_files(raw, public, ["articles.csv", "customers.csv", "sample_submission.csv"])
    recipes.copy_files(raw / "images", public / "images", recipes.names_in(raw / "images", recursive=True))


def _last_day(source: Path) -> pd.Timestamp:
    days = (chunk[DAY] for chunk in recipes.read_csv_chunks(source, rows=CHUNK_ROWS, usecols=[DAY], dtype="str"))
    return pd.Timestamp(max(part.max() for part in days))
