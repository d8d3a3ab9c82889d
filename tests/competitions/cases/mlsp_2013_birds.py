import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, Content, csv_text

TOP = "mlsp_contest_dataset"
ROWS = 402  # the draw has to be of 64: a fifth of 322
FOLDS = [(3 * n + 1, int(n % 5 == 4)) for n in range(ROWS)]  # old ids with holes
OLD = [old for old, fold in FOLDS if fold == 0]
NEW = {old: new for new, old in enumerate(OLD)}
NAMES = {old: f"PC{old % 13}_{old:06}" for old, _ in FOLDS}
# pandas' sample() draws without replacement: the first positions of a permutation.
TEST = sorted(int(new) for new in np.random.RandomState(0).choice(len(OLD), 64, replace=False))
LABELS = {old: [] if old % 4 == 0 else [old % 19, 18] if old % 19 < 18 else [18] for old in OLD}
IMAGES = ("spectrograms", "filtered_spectrograms", "supervised_segmentation")
SEGMENT_HEADER = "rec_id,[histogram of segment features]"
SEGMENT_TABLES = ("histogram_of_segments.txt", "segment_features.txt", "segment_rectangles.txt")
COPIED = {
    "essential_data/species_list.txt": "class_id,code,species\r\n0,BRCR,Brown Creeper\r\n",
    "supplemental_data/segment_clusters.bmp": "clusters",
    "supplemental_data/segment_mosaic.bmp": "mosaic",
}


def _rest(old: int, name: str) -> str:
    return "" if old % 7 == 0 else f"0.10, 2 {name},5"


def _media(old: int) -> dict[str, str]:
    name = NAMES[old]
    files = {f"essential_data/src_wavs/{name}.wav": f"sound {old}"}
    files |= {f"supplemental_data/{folder}/{name}.bmp": f"{folder} {old}" for folder in IMAGES}
    if old % 11 == 0:
        files[f"supplemental_data/segmentation_examples/{name}.bmp"] = f"example {old}"
    return files


def _raw() -> dict[str, str]:
    label_lines = ["rec_id,[labels]"]
    for old, fold in reversed(FOLDS):  # the files' orders differ
        label_lines.append(f"{old},?" if fold else ",".join(map(str, [old, *LABELS[old]])))
    files = {
        "essential_data/CVfolds_2.txt": csv_text(["rec_id", "fold"], FOLDS),
        "essential_data/rec_id2filename.txt": csv_text(["rec_id", "filename"], NAMES.items()),
        "essential_data/rec_labels_test_hidden.txt": "\r\n".join(label_lines),  # and no line end at the end
        "documentation.pdf": "not used",
        **COPIED,
    }
    for old, _ in FOLDS:
        files |= _media(old)
    for name in SEGMENT_TABLES:
        lines = [f"{old},{_rest(old, name)}" if _rest(old, name) else f"{old}" for old, _ in FOLDS]
        files[f"supplemental_data/{name}"] = "\n".join([f"rec_id,[{name}]", *lines, ""])
    return {f"{TOP}/{path}": content for path, content in files.items()}


def _prepared() -> dict[str, Content]:
    folds = [(new, int(new in TEST)) for new in range(len(OLD))]
    label_lines = ["rec_id,[labels]"]
    answers = []
    for old in reversed(OLD):
        labels = ["?"] if NEW[old] in TEST else LABELS[old]
        label_lines.append(",".join(map(str, [NEW[old], *labels])))
        if NEW[old] in TEST:
            answers += [(NEW[old] * 100 + species, int(species in LABELS[old])) for species in range(19)]
    files: dict[str, Content] = {
        "essential_data/CVfolds_2.txt": csv_text(["rec_id", "fold"], folds),
        "essential_data/rec_id2filename.txt": csv_text(["rec_id", "filename"], [(NEW[old], NAMES[old]) for old in OLD]),
        "essential_data/rec_labels_test_hidden.txt": "\n".join([*label_lines, ""]),
        "sample_submission.csv": csv_text(
            ["Id", "Probability"], [(new * 100 + species, 0) for new in TEST for species in range(19)]
        ),
        **COPIED,
    }
    for old in OLD:
        files |= _media(old)
    for name in SEGMENT_TABLES:
        lines = [f"{NEW[old]},{_rest(old, name)}" for old in OLD]
        files[f"supplemental_data/{name}"] = "\n".join([SEGMENT_HEADER, *lines, ""])
    prepared = {f"public/{path}": content for path, content in files.items()}
    return {**prepared, "private/answers.csv": csv_text(["Id", "Probability"], answers)}


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return float(roc_auc_score(answers["Probability"], submission["Probability"]))


CASES = [
    Case(
        id="mlsp-2013-birds",
        raw={f"{TOP}.zip": _raw()},
        prepared=_prepared(),
        noise=lambda perfect, random: perfect.assign(Probability=random.uniform(size=len(perfect))),
        score=_score,
        best=1.0,
        valid={"ids as floats": lambda table: table.assign(Id=table["Id"].astype(float))},
        invalid={"numbers of recordings as ids": lambda table: table.assign(Id=table["Id"].str[:-2])},
    )
]
