import struct

import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["image_id", "label"]
ROWS = [(f"{n * 7919 % 1000}.jpg", n * n % 5) for n in range(80)]
FILES = [f"ld_train{n:02}-{5 if n < 15 else 4}.tfrec" for n in range(16)]
FILE_OF = [n * 7 % 16 for n in range(80)]  # records of a file are scattered over train.csv
TRAIN_FILES, TEST_FILES = split_positions(16, 2)  # ceil(1.6), of files
TRAIN = [row for row, file in zip(ROWS, FILE_OF, strict=True) if file not in TEST_FILES]
TEST = [row for row, file in zip(ROWS, FILE_OF, strict=True) if file in TEST_FILES]
DISEASES = '{"0": "Cassava Bacterial Blight (CBB)", "4": "Healthy"}'


def _field(number: int, content: bytes) -> bytes:
    low, high = len(content) & 0x7F, len(content) >> 7  # up to 2^14 bytes
    return bytes([number << 3 | 2, *([low | 0x80, high] if high else [low])]) + content


def _record(name: str, label: int) -> bytes:
    features = {
        b"image": _field(1, _field(1, b"\xff\xd8\xff" * 100)),
        b"image_name": _field(1, _field(1, name.encode())),
        b"target": _field(3, _field(1, bytes([label]))),
    }
    example = _field(1, b"".join(_field(1, _field(1, key) + _field(2, value)) for key, value in features.items()))
    return struct.pack("<QI", len(example), 0) + example + bytes(4)  # check sums are not looked at


def _shard(file: int) -> bytes:
    return b"".join(_record(*row) for row, other in zip(ROWS, FILE_OF, strict=True) if other == file)


def _renamed(part: str, files: list[int]) -> dict[str, bytes]:
    return {f"public/{part}_tfrecords/ld_{part}{place:02}-{FILES[n][11:]}": _shard(n) for place, n in enumerate(files)}


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(label=[(label + 3 * (n % 3)) % 7 for n, label in enumerate(perfect["label"])])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return float(np.mean([a == b for a, b in zip(answers["label"], submission["label"], strict=True)]))


CASES = [
    Case(
        id="cassava-leaf-disease-classification",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            "label_num_to_disease_map.json": DISEASES,
            **{f"train_images/{name}": f"leaf {name}" for name, _ in ROWS},
            **{f"train_tfrecords/{name}": _shard(n) for n, name in enumerate(FILES)},
            "train_tfrecords/checksums.txt": "no records",
            "test_images/2216849948.jpg": "leaf without a label",
        },
        prepared={
            "public/train.csv": csv_text(HEADER, TRAIN),
            "public/sample_submission.csv": csv_text(HEADER, [[name, 4] for name, _ in TEST]),
            "private/test.csv": csv_text(HEADER, TEST),
            "public/label_num_to_disease_map.json": DISEASES,
            **{f"public/train_images/{name}": f"leaf {name}" for name, _ in TRAIN},
            **{f"public/test_images/{name}": f"leaf {name}" for name, _ in TEST},
            **_renamed("train", TRAIN_FILES),
            **_renamed("test", TEST_FILES),
        },
        noise=_noise,  # some labels are beyond the five
        score=_score,
        best=1.0,
        valid={"whole numbers as floats": lambda table: table.assign(label=table["label"].astype(float))},
        invalid={"ids without .jpg": lambda table: table.assign(image_id=table["image_id"].str.removesuffix(".jpg"))},
    )
]
