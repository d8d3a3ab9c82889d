from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["id", "has_cactus"]
ROWS = [(f"{n * 7919:08x}.jpg", int(n % 4 > 0)) for n in range(22)]
TRAIN, TEST = split_positions(22, 5)  # ceil(4.18)


def _photos(positions: list[int]) -> dict[str, str | bytes]:
    return {ROWS[n][0]: f"photo {n}" for n in positions}


CASES = [
    Case(
        id="aerial-cactus-identification",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            "train.zip": {
                **{f"train/{name}": content for name, content in _photos([*TEST, *TRAIN]).items()},
                "train/unlabelled.jpg": "photo that train.csv does not name",
            },
            "test.zip": {"test/0.jpg": "photo without a label"},
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "public/train.zip": _photos(TRAIN),
            "public/test.zip": _photos(TEST),
            "public/sample_submission.csv": csv_text(HEADER, [[ROWS[n][0], 0.5] for n in TEST]),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
        },
        noise=lambda perfect, random: perfect.assign(has_cactus=random.uniform(size=len(perfect))),
        score=lambda answers, submission: float(roc_auc_score(answers["has_cactus"], submission["has_cactus"])),
        best=1.0,
        valid={"a saved index": lambda table: table.reset_index(names="")},
        invalid={"ids without .jpg": lambda table: table.assign(id=table["id"].str.removesuffix(".jpg"))},
    )
]
