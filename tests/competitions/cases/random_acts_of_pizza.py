import json

from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text, split_positions

TRAIN = [
    {
        "giver_username_if_known": "N/A",
        "request_id": f"t3_{n:x}",
        "request_text": f"Pizza? \U0001f355 née {n}",
        "requester_received_pizza": n % 3 == 0,
        "requester_subreddits_at_request": ["pics"] * (n % 2),
        "requester_age_at_request": n / 3,
    }
    for n in range(20)
]
TEST = [{"request_id": f"t3_k{n}", "requester_age_at_request": 1.5, "giver_username_if_known": "N/A"} for n in range(8)]
# Of 20 requests, 8 / 28 are test: ceil(5.71). Test objects have the fields of Kaggle's, in their order.
NEW_TRAIN, NEW_TEST = split_positions(20, 6)
TRAIN_JSON = json.dumps([TRAIN[n] for n in NEW_TRAIN], indent=4)
TEST_JSON = json.dumps([{name: TRAIN[n][name] for name in TEST[0]} for n in NEW_TEST], indent=4)
HEADER = ["request_id", "requester_received_pizza"]

CASES = [
    Case(
        id="random-acts-of-pizza",
        raw={
            "train.json": json.dumps(TRAIN),
            "test.json": json.dumps(TEST),
            "sampleSubmission.csv": "request_id,requester_received_pizza\n",
        },
        prepared={
            "public/train.json": TRAIN_JSON,
            "public/test.json": TEST_JSON,
            "public/train.zip": {"train.json": TRAIN_JSON},
            "public/test.zip": {"test.json": TEST_JSON},
            "public/sampleSubmission.csv": csv_text(HEADER, [[TRAIN[n]["request_id"], 0] for n in NEW_TEST]),
            "private/test.csv": csv_text(HEADER, [[TRAIN[n]["request_id"], int(n % 3 == 0)] for n in NEW_TEST]),
        },
        noise=lambda perfect, random: perfect.assign(**{HEADER[1]: random.uniform(size=len(perfect))}),
        score=lambda answers, submission: float(roc_auc_score(answers[HEADER[1]], submission[HEADER[1]])),
        best=1.0,
        valid={"a byte order mark": lambda table: table.rename(columns={HEADER[0]: "\ufeff" + HEADER[0]})},
    )
]
