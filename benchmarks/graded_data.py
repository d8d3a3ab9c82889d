"""Answers, samples and submissions of realistic size for graders, made quickly: plausible, and noisy where it counts.

Each maker writes the competition's answers and sample, and submission.csv, into one folder. A submission has its rows
in another order than the answers, so that they are really aligned.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from grading.run_lengths import encode_mask
from tasks.registry import Competition

SUBMISSION = "submission.csv"
PAGE_ROWS, PAGE_COLUMNS = 420, 540
SLIDE_SIDE, SLIDES = 30_000, 3  # pixels
GLOMERULUS_SPACING = 400  # pixels, more than their diameter
DAY_SLICES, SLICE_SIDE, DAY_KINDS = 144, 266, 4
ORGANS = ("large_bowel", "small_bowel", "stomach")
SAMPLE_OBJECTS, GUESSES = 28, 5  # boxes in a driving sample, and predicted for each of them
OBJECT_CLASSES = np.array(["car"] * 8 + ["bus", "truck", "pedestrian"])
ARTICLE_TOKENS, ARTICLE_CANDIDATES = 9_000, 130  # nearly 60 kB in all, as 17.5 GB of 307,373 articles are


def pixels(competition: Competition, folder: Path, rows: int) -> None:
    """Grey values of scanned pages."""
    number = np.arange(rows)
    page, pixel = np.divmod(number, PAGE_ROWS * PAGE_COLUMNS)
    row, column = np.divmod(pixel, PAGE_COLUMNS)
    parts = (pd.Series(part + 1).astype("str") for part in (page, row, column))
    ids = next(parts) + "_" + next(parts) + "_" + next(parts)
    answers = pd.DataFrame({"id": ids, "value": (number % 256) / 255.0})
    _write_tables(competition, folder, answers, answers.assign(value=np.round(answers["value"] * 0.9, 4)))


def fares(competition: Competition, folder: Path, rows: int) -> None:
    """Fares of taxi rides."""
    number = pd.Series(np.arange(rows))
    answers = pd.DataFrame(
        {"key": "2011-08-18 00:35:00.000000" + number.astype("str"), "fare_amount": number % 50 + 2.5}
    )
    _write_tables(competition, folder, answers, answers.assign(fare_amount=11.35))


def spoken_tokens(competition: Competition, folder: Path, rows: int) -> None:
    """Spoken forms of tokens, one in fifty wrong."""
    number = pd.Series(np.arange(rows))
    ids = (number // 10).astype("str") + "_" + (number % 10).astype("str")
    answers = pd.DataFrame({"id": ids, "after": "spoken form " + (number % 1000).astype("str")})
    guess = answers.assign(after=answers["after"].where(number % 50 > 0, "something else"))
    _write_tables(competition, folder, answers, guess)


def classes(competition: Competition, folder: Path, rows: int) -> None:
    """Probabilities of many classes."""
    names = competition.format.names
    ids = pd.DataFrame({competition.format.id: [f"{number:032x}" for number in range(rows)]})
    truth = np.eye(len(names), dtype=int)[np.arange(rows) % len(names)]
    guess = np.random.default_rng(0).dirichlet(np.ones(len(names)), rows)
    _write_tables(
        competition, folder, ids.join(pd.DataFrame(truth, columns=names)), ids.join(pd.DataFrame(guess, columns=names))
    )


def directions(competition: Competition, folder: Path, events: int) -> None:
    """Where neutrinos came from, off by an angle of about 1."""
    random = np.random.default_rng(0)
    ids = np.cumsum(random.integers(1, 2**31 // events, events))  # up to ten digits, as the real ones
    azimuth, zenith = random.uniform(0, 2 * np.pi, events), np.arccos(random.uniform(-1, 1, events))
    answers = pd.DataFrame({"event_id": ids, "azimuth": azimuth, "zenith": zenith})
    guess = answers.assign(azimuth=azimuth + random.normal(0, 1, events), zenith=zenith + random.normal(0, 0.5, events))
    _write_tables(competition, folder, answers, guess, sample=answers.assign(azimuth=1, zenith=1))


def organs(competition: Competition, folder: Path, days: int) -> None:
    """Three organs on the slices of a day; the found ones are off by some pixels and have specks elsewhere."""
    drawn = [_organ_masks(kind) for kind in range(DAY_KINDS)]
    ids = [f"case{day}_day20_slice_{slice:04d}" for day in range(days) for slice in range(1, DAY_SLICES + 1)]
    answers = pd.DataFrame(
        {"id": np.repeat(ids, len(ORGANS)), "class": np.tile(ORGANS, len(ids)), "image_width": 1.0 * SLICE_SIDE}
    ).assign(image_height=1.0 * SLICE_SIDE)
    true, found = ([mask for day in range(days) for mask in drawn[day % DAY_KINDS][side]] for side in (0, 1))
    answers = answers.assign(predicted=true)
    keys = answers[["id", "class"]]
    _write_tables(competition, folder, answers, keys.assign(predicted=found), sample=keys.assign(predicted="1 1 5 2"))


def glomeruli(competition: Competition, folder: Path, count: int) -> None:
    """Round glomeruli on three slides; the found ones are off by some pixels, one in ten is missed."""
    random = np.random.default_rng(0)
    places_a_side = SLIDE_SIDE // GLOMERULUS_SPACING
    ids, true, found = [f"{slide:09x}" for slide in range(SLIDES)], [], []
    for slide in range(SLIDES):
        own = count * (slide + 1) // SLIDES - count * slide // SLIDES
        places = random.choice(places_a_side**2, own, replace=False)
        centres = (np.stack(np.divmod(places, places_a_side), axis=1) + 0.5) * GLOMERULUS_SPACING
        radii = random.uniform(100, 170, own)
        true.append(_disks(centres, radii))
        kept = random.random(own) < 0.9
        found.append(_disks((centres + random.uniform(-12, 12, centres.shape))[kept], radii[kept] * 0.95))
    answers = pd.DataFrame({"id": ids, "encoding": true, "width_pixels": SLIDE_SIDE, "height_pixels": SLIDE_SIDE})
    keys = answers[["id"]]
    _write_tables(competition, folder, answers, keys.assign(predicted=found), sample=keys.assign(predicted=""))


def spans(competition: Competition, folder: Path, articles: int) -> None:
    """Answers within articles: half have a long one, of these half a short one, one in twenty a yes or no."""
    random = np.random.default_rng(0)
    ids = random.integers(-(2**63), 2**63 - 1, articles).tolist()
    starts = random.integers(0, ARTICLE_TOKENS - 200, articles).tolist()
    kinds = random.integers(0, 20, articles).tolist()
    head = _article()
    rows: list[tuple[str, str]] = []
    with (folder / "test.jsonl").open("w", encoding="ascii") as file:
        for name, start, kind in zip(ids, starts, kinds, strict=True):
            annotation = _annotation(start, kind)
            tail = {"document_url": "https://en.wikipedia.org/?x", "example_id": str(name)}
            file.write(f'{head}"annotations":{_compact([annotation])},{_compact(tail)[1:]}\n')
            long = f"{start}:{start + 120}" if kind < 12 else ""
            rows += [(f"{name}_short", f"{start + 7}:{start + 9}" if kind < 6 else ""), (f"{name}_long", long)]
    table = pd.DataFrame(rows, columns=["example_id", "PredictionString"])
    table.assign(PredictionString="").to_csv(folder / competition.sample, index=False)
    table.iloc[::-1].to_csv(folder / SUBMISSION, index=False)


def boxes(competition: Competition, folder: Path, samples: int) -> None:
    """Boxes of traffic participants in 3-D; each is found several times, off by some decimetres."""
    random = np.random.default_rng(0)
    true, found = [], []
    for _ in range(samples):
        numbers = np.column_stack(
            [
                np.ones(SAMPLE_OBJECTS),
                random.uniform(1000, 1100, (SAMPLE_OBJECTS, 2)),
                random.normal(-18, 1, SAMPLE_OBJECTS),
                random.uniform(1, 3, (SAMPLE_OBJECTS, 3)),
                random.uniform(-3, 3, SAMPLE_OBJECTS),
            ]
        )
        classes = random.choice(OBJECT_CLASSES, SAMPLE_OBJECTS)
        true.append(_objects(numbers, classes))
        guesses = np.repeat(numbers, GUESSES, axis=0)
        guesses += random.normal(0, 0.1, guesses.shape)
        guesses[:, 0] = random.uniform(0, 1, len(guesses))
        found.append(_objects(guesses, np.repeat(classes, GUESSES)))
    keys = pd.DataFrame({"Id": [f"{number:064x}" for number in range(samples)]})
    sample = keys.assign(PredictionString="")
    _write_tables(
        competition, folder, keys.assign(PredictionString=true), keys.assign(PredictionString=found), sample=sample
    )


Maker = Callable[[Competition, Path, int], None]
# Competition -> (what makes its files, what is counted, a small and a large number of them; the large is the real one).
GRADED_DATA: dict[str, tuple[Maker, str, tuple[int, int]]] = {
    "denoising-dirty-documents": (pixels, "rows", (1_450_000, 5_800_000)),
    "text-normalization-challenge-english-language": (spoken_tokens, "rows", (250_000, 1_000_000)),
    "new-york-city-taxi-fare-prediction": (fares, "rows", (2_500, 9_914)),
    "dog-breed-identification": (classes, "rows", (5_000, 20_000)),
    "icecube-neutrinos-in-deep-ice": (directions, "events", (3_275_000, 13_100_000)),
    "uw-madison-gi-tract-image-segmentation": (organs, "days", (12, 48)),
    "hubmap-kidney-segmentation": (glomeruli, "glomeruli", (400, 1_600)),
    "tensorflow2-question-answering": (spans, "articles", (7_684, 30_738)),
    "3d-object-detection-for-autonomous-vehicles": (boxes, "samples", (1_134, 4_536)),
}


def _write_tables(
    competition: Competition,
    folder: Path,
    answers: pd.DataFrame,
    submission: pd.DataFrame,
    *,
    sample: pd.DataFrame | None = None,
) -> None:
    _write(answers, folder / competition.answers)
    _write(answers if sample is None else sample, folder / competition.sample)
    submission.iloc[::-1].to_csv(folder / SUBMISSION, index=False)


def _write(table: pd.DataFrame, path: Path) -> None:
    """Write a table; where a zip is asked for, as its only member."""
    table.to_csv(path, index=False, compression="zip" if path.suffix == ".zip" else None)


def _organ_masks(kind: int) -> tuple[list[str], list[str]]:
    """The true and the found masks of a day, slice by slice and organ by organ."""
    random = np.random.default_rng(kind)
    true, found = [], []
    for slice in range(DAY_SLICES):
        for organ in range(len(ORGANS)):
            # An organ is on half of the slices, widest in the middle, and wanders.
            through = (slice - 12 * organ - 6) / (DAY_SLICES / 2)
            if not 0 < through < 1:
                true.append("")
                found.append("")
                continue
            centre = np.array([90 + 30 * organ, 150 - 40 * organ]) + 20 * np.sin(6 * through + organ + kind)
            radius = (15 + 5 * organ) * np.sin(np.pi * through) + 2
            true.append(encode_mask(_disk(centre, radius)))
            off = _disk(centre + random.uniform(-3, 3, 2), radius * random.uniform(0.9, 1.1))
            speck = _disk(random.uniform(20, SLICE_SIDE - 20, 2), 3) if random.random() < 0.1 else False
            found.append(encode_mask(off | speck))
    return true, found


def _disk(centre: NDArray[np.float64], radius: float) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[:SLICE_SIDE, :SLICE_SIDE]
    inside: NDArray[np.bool_] = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2
    return inside


def _disks(centres: NDArray[np.float64], radii: NDArray[np.float64]) -> str:
    """The encoding of disks (column and row of the centres) that are apart, on a slide."""
    runs = []
    for (column, row), radius in zip(centres, radii, strict=True):
        columns = np.arange(int(column - radius) + 1, int(column + radius))
        half = np.sqrt(radius**2 - (columns - column) ** 2)
        first = np.floor(row - half).astype(int)
        runs.append(np.column_stack([columns * SLIDE_SIDE + first + 1, (2 * half).astype(int) + 1]))
    table = np.concatenate(runs)
    return " ".join(map(str, table[table[:, 0].argsort()].ravel().tolist()))


def _objects(numbers: NDArray[np.float64], classes: NDArray[np.str_]) -> str:
    """A cell that lists boxes: eight numbers and a class each."""
    rows = zip(numbers.tolist(), classes.tolist(), strict=True)
    return " ".join(" ".join([*(f"{number:.6f}" for number in row), name]) for row, name in rows)


def _article() -> str:
    """The start of a line of test.jsonl, up to the annotations."""
    text = " ".join(f"word{number % 97}" if number % 40 else "<P>" for number in range(ARTICLE_TOKENS))
    candidates = [
        {"start_token": start, "top_level": True, "end_token": start + 60}
        for start in range(0, ARTICLE_CANDIDATES * 60, 60)
    ]
    item = {"document_text": text, "long_answer_candidates": candidates, "question_text": "who is the first"}
    return _compact(item)[:-1] + ","


def _annotation(start: int, kind: int) -> dict[str, object]:
    long = (start, 3, start + 120) if kind < 10 else (-1, -1, -1)
    return {
        "yes_no_answer": "YES" if kind == 9 else "NONE",
        "long_answer": dict(zip(("start_token", "candidate_index", "end_token"), long, strict=True)),
        "short_answers": [{"start_token": start + 7, "end_token": start + 9}] if kind < 5 else [],
        "annotation_id": 2**64 - 1 - start,
    }


def _compact(value: Sequence[object] | Mapping[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"))
