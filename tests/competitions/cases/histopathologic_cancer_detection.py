from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["id", "label"]
ROWS = [(f"{(n * 7919) % 100:040x}", n % 2) for n in range(24)]
UNLABELLED = 9  # test files: 9 / 33 of the 24 rows are test
_, TEST = split_positions(24, 7)  # ceil(6.54)
PATCHES = {name: f"patch {name}" for name, _ in ROWS}
# Rows stay in the order of the raw table.
NEW_TRAIN = [row for n, row in enumerate(ROWS) if n not in TEST]
NEW_TEST = [row for n, row in enumerate(ROWS) if n in TEST]

CASES = [
    Case(
        id="histopathologic-cancer-detection",
        raw={
            "train_labels.csv": csv_text(HEADER, ROWS),
            **{f"train/{name}.tif": content for name, content in PATCHES.items()},
            **{f"test/{n}.tif": "patch without a label" for n in range(UNLABELLED)},
            "test/readme.txt": "not a patch",
        },
        prepared={
            **{f"public/train/{name}.tif": PATCHES[name] for name, _ in NEW_TRAIN},
            **{f"public/test/{name}.tif": PATCHES[name] for name, _ in NEW_TEST},
            "public/train_labels.csv": csv_text(HEADER, NEW_TRAIN),
            "public/sample_submission.csv": csv_text(HEADER, [[name, 0] for name, _ in NEW_TEST]),
            "private/answers.csv": csv_text(HEADER, NEW_TEST),
        },
        noise=lambda perfect, random: perfect.assign(label=random.uniform(size=len(perfect))),
        score=lambda answers, submission: float(roc_auc_score(answers["label"], submission["label"])),
        best=1.0,
        invalid={"file names as ids": lambda table: table.assign(id=table["id"] + ".tif")},
    )
]
