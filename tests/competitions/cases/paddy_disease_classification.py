from sklearn.metrics import accuracy_score

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["image_id", "label", "variety", "age"]
LABELS = ["blast", "normal", "tungro", "dead_heart"]
ROWS = [(f"{100330 + 7 * n}.jpg", LABELS[n * n % 7 % 4], "ADT45", 45 + n) for n in range(30)]
TRAIN, TEST = split_positions(30, 8)  # floor(22.5) are train

CASES = [
    Case(
        id="paddy-disease-classification",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            **{f"train_images/{row[1]}/{row[0]}": f"photo {row[0]}" for row in ROWS},
            "test_images/200001.jpg": "photo without a label",
            "sample_submission.csv": "image_id,label\n200001.jpg,\n",
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            **{f"public/train_images/{ROWS[n][1]}/{ROWS[n][0]}": f"photo {ROWS[n][0]}" for n in TRAIN},
            **{f"public/test_images/{ROWS[n][0]}": f"photo {ROWS[n][0]}" for n in TEST},
            "public/sample_submission.csv": csv_text(HEADER[:2], [[ROWS[n][0], None] for n in TEST]),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
        },
        # Missing, unknown and misspelled classes are wrong, and no more.
        noise=lambda perfect, random: perfect.assign(label=["", "Normal", "blast ", *perfect["label"][3:]]),
        score=lambda answers, submission: float(accuracy_score(answers["label"], submission["label"])),
        best=1.0,
        valid={"a word for missing": lambda table: table.assign(label=table["label"].replace("", "NA"))},
        invalid={
            "ids without .jpg": lambda table: table.assign(image_id=table["image_id"].str.removesuffix(".jpg")),
            "fractions": lambda table: table.assign(label=0.5),
            "numbers": lambda table: table.assign(label=range(len(table))),
            "truth values": lambda table: table.assign(label=True),
        },
    )
]
