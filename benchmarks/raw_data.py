"""Raw data of realistic size for preparers, made quickly: what is in it means nothing, its layout is the real one."""

import csv
import io
import itertools
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from core.files import read_lines
from tasks.registry import Competition

BLOCK_ROWS = 50_000
SMALL_IMAGE_BYTES = 2_000
COVER_COLUMNS = [
    *("Elevation", "Aspect", "Slope", "Horizontal_Distance_To_Hydrology", "Vertical_Distance_To_Hydrology"),
    *("Horizontal_Distance_To_Roadways", "Hillshade_9am", "Hillshade_Noon", "Hillshade_3pm"),
    "Horizontal_Distance_To_Fire_Points",
    *(f"Wilderness_Area{n}" for n in range(1, 5)),
    *(f"Soil_Type{n}" for n in range(1, 41)),
    "Cover_Type",
]
PAGE_SHAPES = ((420, 540), (258, 540))  # rows, columns


def cover_types(competition: Competition, raw: Path, rows: int) -> int:
    """train.csv of tabular-playground-series-dec-2021: an id, 54 small integers, a class from 1 to 7."""
    random = np.random.default_rng(0)
    measures = random.integers(0, 4000, (BLOCK_ROWS, 10))
    flags = random.integers(0, 2, (BLOCK_ROWS, 44))
    classes = random.integers(1, 8, (BLOCK_ROWS, 1))
    text = io.StringIO()
    np.savetxt(text, np.hstack([measures, flags, classes]), fmt="%d", delimiter=",")
    return _repeated(raw / "train.csv", ["Id", *COVER_COLUMNS], text.getvalue().splitlines(), rows)


def photos(competition: Competition, raw: Path, images: int) -> int:
    """train.zip and test.zip of dogs-vs-cats-redux-kernels-edition, half of each animal."""
    content = np.random.default_rng(0).bytes(SMALL_IMAGE_BYTES)
    with zipfile.ZipFile(raw / "train.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        for animal, number in itertools.product(("cat", "dog"), range(images // 2)):
            opened.writestr(f"train/{animal}.{number}.jpg", content)
    with zipfile.ZipFile(raw / "test.zip", "w") as opened:
        opened.writestr("test/1.jpg", content)
    return images * SMALL_IMAGE_BYTES


def tokens(competition: Competition, raw: Path, rows: int) -> int:
    """en_train.csv.zip of text-normalization-challenge-english-language: sentences of ten tokens."""
    words = ["the", "1999", "St.", 'a "quoted", word', "$3.16", "NA", "sil", "house", "of", "."]
    path = raw / "en_train.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(["sentence_id", "token_id", "class", "before", "after"])
        for sentence in range(rows // 10):
            writer.writerows((sentence, token, "PLAIN", word, f"{word} aloud") for token, word in enumerate(words))
    with zipfile.ZipFile(raw / "en_train.csv.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as opened:
        opened.write(path, path.name)
    size = path.stat().st_size
    path.unlink()
    for name in ("en_test_2.csv.zip", "en_sample_submission_2.csv.zip"):
        (raw / name).touch()
    return size


def breeds(competition: Competition, raw: Path, rows: int) -> int:
    """labels.csv and train/<id>.jpg of dog-breed-identification; a tenth of the rows become one-hot answers."""
    classes = read_lines(competition.folder / "classes.txt")
    (raw / "train").mkdir()
    with (raw / "labels.csv").open("w") as file:
        file.write("id,breed\n")
        for number in range(rows):
            name = f"{number:032x}"
            file.write(f"{name},{classes[number % len(classes)]}\n")
            (raw / "train" / f"{name}.jpg").write_bytes(name.encode())
    return (raw / "labels.csv").stat().st_size


def pages(competition: Competition, raw: Path, count: int) -> int:
    """train.zip and train_cleaned.zip of denoising-dirty-documents: grey pages of the two real sizes."""
    random = np.random.default_rng(0)
    for archive in ("train", "train_cleaned"):
        with zipfile.ZipFile(raw / f"{archive}.zip", "w") as opened:
            for number in range(1, count + 1):
                page = io.BytesIO()
                pixels = random.integers(0, 256, PAGE_SHAPES[number % 2], dtype=np.uint8)
                Image.fromarray(pixels).save(page, "PNG", compress_level=1)
                opened.writestr(f"{archive}/{number}.png", page.getvalue())
    return sum(path.stat().st_size for path in raw.glob("*.zip"))


Maker = Callable[[Competition, Path, int], int]  # gives the bytes of what is prepared, unpacked
# Competition -> (what makes its raw data, what is counted, a small and a large number of them).
RAW_DATA: dict[str, tuple[Maker, str, tuple[int, int]]] = {
    "tabular-playground-series-dec-2021": (cover_types, "rows", (1_250_000, 5_000_000)),
    "dogs-vs-cats-redux-kernels-edition": (photos, "images", (12_500, 50_000)),
    "text-normalization-challenge-english-language": (tokens, "rows", (250_000, 1_000_000)),
    "dog-breed-identification": (breeds, "rows", (50_000, 200_000)),
    "denoising-dirty-documents": (pages, "pages", (36, 144)),
}


def _repeated(path: Path, header: list[str], lines: list[str], rows: int) -> int:
    """Write a CSV file of numbered rows whose other cells repeat, and give its size."""
    with path.open("w") as file:
        file.write(",".join(header) + "\n")
        file.writelines(_numbered(lines, rows))
    return path.stat().st_size


def _numbered(lines: list[str], rows: int) -> Iterator[str]:
    return (f"{number},{line}\n" for number, line in zip(range(rows), itertools.cycle(lines), strict=False))
