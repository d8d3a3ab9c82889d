"""Recordings of birds: a fifth of those with labels becomes the test set. All are numbered anew."""

import io
from pathlib import Path

import pandas as pd

from tasks import archives, recipes

FOLDER = "mlsp_contest_dataset"  # at the top of the archive; it is dropped
ESSENTIAL, SUPPLEMENTAL = "essential_data", "supplemental_data"
SPECIES = range(19)
TEST_RECORDINGS = 64
TABLES_OF_SEGMENTS = ("histogram_of_segments.txt", "segment_features.txt", "segment_rectangles.txt")
HEADER_OF_SEGMENTS = "rec_id,[histogram of segment features]"  # of all three, though it fits the first alone

Rows = list[tuple[int, str]]  # a recording's new id, and what its line holds behind the id


def prepare(raw: Path, public: Path, private: Path) -> None:
    source = raw / f"{FOLDER}.zip"
    folds = recipes.read_csv(source, member=f"{FOLDER}/{ESSENTIAL}/CVfolds_2.txt")
    # Fold 1 was Kaggle's test set; its labels were never published. The new ids are places among the others.
    labelled = folds.loc[folds["fold"] == 0, "rec_id"].reset_index(drop=True)
    new_ids = {int(old): new for new, old in enumerate(labelled)}
    test_ids = sorted(labelled.sample(frac=0.2, random_state=0).index)
    recipes.require_equal(len(test_ids), TEST_RECORDINGS, "number of test recordings")
    names = recipes.read_csv(source, member=f"{FOLDER}/{ESSENTIAL}/rec_id2filename.txt")
    names = names[names["rec_id"].isin(new_ids)]
    names = names.assign(rec_id=names["rec_id"].map(new_ids))
    recipes.require_equal(len(names), len(labelled), "recordings with a label that have a file name")

    _copy(source, public, names["filename"].tolist())
    new_folds = pd.DataFrame({"rec_id": range(len(labelled)), "fold": labelled.index.isin(test_ids).astype(int)})
    recipes.write_csv(new_folds, public / ESSENTIAL / "CVfolds_2.txt")
    recipes.write_csv(names, public / ESSENTIAL / "rec_id2filename.txt")
    labels = _rows(source, f"{ESSENTIAL}/rec_labels_test_hidden.txt", new_ids)
    _write_labels(labels, public / ESSENTIAL / "rec_labels_test_hidden.txt", hidden=set(test_ids))
    for name in TABLES_OF_SEGMENTS:
        rows = _rows(source, f"{SUPPLEMENTAL}/{name}", new_ids)
        lines = [HEADER_OF_SEGMENTS, *(f"{new},{rest}" for new, rest in rows)]
        _write_lines(lines, public / SUPPLEMENTAL / name)

    answers = _answers([row for row in labels if row[0] in test_ids])
    recipes.require_equal(len(answers), TEST_RECORDINGS * len(SPECIES), "rows of the answers")
    recipes.write_csv(answers, private / "answers.csv")
    sample = pd.DataFrame({"Id": [_id(recording, species) for recording in test_ids for species in SPECIES]})
    recipes.write_csv(sample.assign(Probability=0), public / "sample_submission.csv")


def _copy(source: Path, public: Path, names: list[str]) -> None:
    examples = recipes.names_in(source, f"{FOLDER}/{SUPPLEMENTAL}/segmentation_examples")
    kept = [
        f"{ESSENTIAL}/species_list.txt",
        f"{SUPPLEMENTAL}/segment_clusters.bmp",
        f"{SUPPLEMENTAL}/segment_mosaic.bmp",
        *(f"{ESSENTIAL}/src_wavs/{name}.wav" for name in names),
        *(
            f"{SUPPLEMENTAL}/{folder}/{name}.bmp"
            for folder in ("spectrograms", "filtered_spectrograms", "supervised_segmentation")
            for name in names
        ),
        *(f"{SUPPLEMENTAL}/segmentation_examples/{name}.bmp" for name in names if f"{name}.bmp" in examples),
    ]
    recipes.copy_files(source, public, {f"{FOLDER}/{path}": path for path in kept})


def _rows(source: Path, path: str, new_ids: dict[int, int]) -> Rows:
    with archives.opened_member(source, f"{FOLDER}/{path}") as file:
        lines = [line.rstrip("\n") for line in io.TextIOWrapper(file, encoding="utf-8")]
    parts = [line.partition(",") for line in lines[1:] if line.strip()]
    return [(new_ids[int(old)], rest) for old, _, rest in parts if int(old) in new_ids]


def _write_labels(labels: Rows, path: Path, *, hidden: set[int]) -> None:
    lines = ["rec_id,[labels]"]
    for recording, species in labels:
        shown = "?" if recording in hidden else species
        lines.append(f"{recording},{shown}" if shown else str(recording))
    _write_lines(lines, path)


def _write_lines(lines: list[str], path: Path) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def _answers(labels: Rows) -> pd.DataFrame:
    heard = [(recording, {int(number) for number in species.split(",") if number}) for recording, species in labels]
    return pd.DataFrame(
        [(_id(recording, species), int(species in numbers)) for recording, numbers in heard for species in SPECIES],
        columns=["Id", "Probability"],
    )


def _id(recording: int, species: int) -> int:
    return recording * 100 + species
