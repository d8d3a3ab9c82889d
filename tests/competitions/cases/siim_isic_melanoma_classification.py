import struct

from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text

HEADER = [
    *("image_name", "patient_id", "sex", "age_approx", "anatom_site_general_challenge"),
    *("diagnosis", "benign_malignant", "target"),
]
N = 48
COUNTS = {file: 2061 if file == 15 else 2071 for file in range(16)}  # as the file names say


def _name(n: int) -> str:
    return f"ISIC_{n * 7919 % 10_000_000:07}"


def _file(n: int) -> int | None:
    """Which record file a picture is in; one is in none."""
    return None if n == 13 else n * 5 % 16


def _field(number: int, content: bytes) -> bytes:
    length, rest = len(content) & 0x7F, len(content) >> 7  # up to 2^14 bytes
    return bytes([number << 3 | 2, *([length | 0x80, rest] if rest else [length])]) + content


def _entry(name: str, value: bytes) -> bytes:
    return _field(1, _field(1, name.encode()) + _field(2, _field(1, _field(1, value))))


def _records(file: int) -> bytes:
    names = [_name(n) for n in range(N) if _file(n) == file] + ([] if file else ["ISIC_9999999"])
    content = b""
    for place, name in enumerate(names):
        entries = [_entry("image", b"\xff\xd8" * 200), _entry("image_name", name.encode()), _entry("sex", b"0")]
        example = _field(1, b"".join(entries[place % 3 :] + entries[: place % 3]))
        content += struct.pack("<QI", len(example), 0) + example + bytes(4)
    return content


def _row(n: int, age: str) -> list[object]:
    malignant = n % 4 in (0, 3)
    sex = ["male", "female", ""][n % 3]
    return [_name(n), f"IP_{n // 5}", sex, age, "torso", "unknown", ["benign", "malignant"][malignant], int(malignant)]


# Blanks make ages floats.
RAW = [_row(n, "" if n == 5 else f"{20 + n}") for n in range(N)]
ROWS = [_row(n, "" if n == 5 else f"{20 + n}.0") for n in range(N)]
TEST = [n for n in range(N) if _file(n) in (0, 6)]
TRAIN = [n for n in range(N) if n not in TEST]
NEW_FILES = {0: "test00-2071", 6: "test01-2071", 1: "train00-2071", 5: "train04-2071", 7: "train05-2071"}
NEW_FILES |= {old: f"train{old - 2:02}-{COUNTS[old]}" for old in range(8, 16)}
NEW_FILES |= {old: f"train{old - 1:02}-2071" for old in (2, 3, 4)}

CASES = [
    Case(
        id="siim-isic-melanoma-classification",
        raw={
            "train.csv": csv_text(HEADER, RAW),
            "test.csv": "not used",
            "sample_submission.csv": "not used",
            "test/ISIC_1.dcm": "not used",
            "jpeg/test/ISIC_1.jpg": "not used",
            "tfrecords/test00-687.tfrec": "not used",
            **{f"train/{_name(n)}.dcm": f"dicom {n}" for n in range(N)},
            **{f"jpeg/train/{_name(n)}.jpg": f"jpeg {n}" for n in range(N)},
            **{f"tfrecords/train{file:02}-{count}.tfrec": _records(file) for file, count in COUNTS.items()},
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "public/test.csv": csv_text(HEADER[:5], [ROWS[n][:5] for n in TEST]),
            "private/test.csv": csv_text(["image_name", "target"], [[ROWS[n][0], ROWS[n][7]] for n in TEST]),
            "public/sample_submission.csv": csv_text(["image_name", "target"], [[_name(n), 0] for n in TEST]),
            **{f"public/train/{_name(n)}.dcm": f"dicom {n}" for n in TRAIN},
            **{f"public/test/{_name(n)}.dcm": f"dicom {n}" for n in TEST},
            **{f"public/jpeg/train/{_name(n)}.jpg": f"jpeg {n}" for n in TRAIN},
            **{f"public/jpeg/test/{_name(n)}.jpg": f"jpeg {n}" for n in TEST},
            **{f"public/tfrecords/{name}.tfrec": _records(file) for file, name in NEW_FILES.items()},
        },
        noise=lambda perfect, random: perfect.assign(target=random.integers(0, 4, len(perfect)) / 3),
        score=lambda answers, submission: float(roc_auc_score(answers["target"], submission["target"])),
        best=1.0,
    )
]
