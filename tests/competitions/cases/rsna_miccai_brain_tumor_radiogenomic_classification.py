from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text, split_positions

ID, TARGET = HEADER = ["BraTS21ID", "MGMT_value"]
N = 72
TRAIN, TEST = split_positions(N, 8)  # ceil(7.2)
ROWS: list[tuple[str, int]] = [(f"{n * 7919 % 1000:05}", n // 2 % 2) for n in range(N)]


def _case(folder: str, n: int) -> dict[str, str]:
    series = {name: f"{name} of case {n}" for name in ("FLAIR/Image-1", "T1w/Image-10", "T1wCE/Image-2", "T2w/Image-9")}
    return {f"{folder}/{ROWS[n][0]}/{name}.dcm": content for name, content in series.items()}


def _files(top: str, positions: list[int]) -> dict[str, str]:
    return {path: content for n in positions for path, content in _case(top, n).items()}


CASES = [
    Case(
        id="rsna-miccai-brain-tumor-radiogenomic-classification",
        raw={
            "train_labels.csv": csv_text(HEADER, ROWS),
            "sample_submission.csv": "not used",
            "test/00001/FLAIR/Image-1.dcm": "not used",
            "train/01001/FLAIR/Image-1.dcm": "a case without a label",
            **_files("train", list(range(N))),
        },
        prepared={
            "public/train_labels.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
            "public/sample_submission.csv": csv_text(HEADER, [[ROWS[n][0], 0.5] for n in TEST]),
            **_files("public/train", TRAIN),
            **_files("public/test", TEST),
        },
        noise=lambda perfect, random: perfect.assign(**{TARGET: random.integers(0, 4, len(perfect)) / 3}),
        score=lambda answers, submission: float(roc_auc_score(answers[TARGET], submission[TARGET])),
        best=1.0,
        valid={"ids without their zeros": lambda table: table.assign(**{ID: table[ID].astype(int)})},
    )
]
