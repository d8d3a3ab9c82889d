from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["name", "invasive"]
ROWS = [(n, int(n % 3 == 0)) for n in range(1, 29)]
PHOTOS = {f"train/{n}.jpg": f"photo {n}" for n, _ in ROWS}
TRAIN, TEST = split_positions(28, 6)  # ceil(5.6)
ANSWERS = [ROWS[n] for n in TEST]
SAMPLE = csv_text(HEADER, [[name, 0.5] for name, _ in ANSWERS])

CASES = [
    Case(
        id="invasive-species-monitoring",
        raw={
            "train.7z": PHOTOS,
            "train_labels.csv.zip": {"train_labels.csv": csv_text(HEADER, ROWS)},
            "test.7z": {"test/1.jpg": "photo without a label"},
            "sample_submission.csv.zip": {"sample_submission.csv": "name,invasive\n1,0.5\n"},
        },
        prepared={
            "public/train.7z": {f"train/{ROWS[n][0]}.jpg": f"photo {ROWS[n][0]}" for n in TRAIN},
            "public/test.7z": {f"test/{name}.jpg": f"photo {name}" for name, _ in ANSWERS},
            "public/train_labels.csv.zip": {"train_labels.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN])},
            "public/sample_submission.csv.zip": {"sample_submission.csv": SAMPLE},
            "private/sample_submission.csv": SAMPLE,
            "private/answers.csv": csv_text(HEADER, ANSWERS),
        },
        noise=lambda perfect, random: perfect.assign(invasive=random.uniform(size=len(perfect)).round(1)),
        score=lambda answers, submission: float(roc_auc_score(answers["invasive"], submission["invasive"])),
        best=1.0,
        valid={
            "ids as floats": lambda table: table.assign(name=table["name"].astype(float)),
            "a byte order mark": lambda table: table.rename(columns={"name": "\ufeffname"}),
        },
        invalid={"file names as ids": lambda table: table.assign(name=table["name"].astype(str) + ".jpg")},
    )
]
