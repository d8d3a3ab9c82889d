"""Showing what a technique asks, and grading an answer, outside of any run."""

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError, NotApplicable
from core.files import write_text
from grading.answers import read_answer
from grading.checks import not_applicable
from tasks.registry import load_technique
from tasks.views import make_view, view_description
from worker.asking import require_key
from worker.judging import judged
from worker.settings import load_settings, secrets

if TYPE_CHECKING:
    from tasks.data import Prepared
    from tasks.registry import Competition


def _secret() -> str:
    return load_settings().view_secret.get_secret_value()


def write_view(technique_id: str, competition: "Competition", prepared: "Prepared", *, seed: int, out: Path) -> None:
    """Write what an agent would see to `out`: `data/` and `technique_description.md`. The truth is not among it.

    Raises:
        InputError: `out` is there already and not empty, or cannot be written.
        NotApplicable: the technique cannot be asked of this competition.
    """
    _check_seed(seed)
    technique = load_technique(technique_id)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"--out {out} is there already; expected a new or an empty folder")
    try:
        view = make_view(technique, competition, prepared, seed, secret=_secret())
    except NotApplicable as reason:
        raise InputError(f"{technique_id} cannot be asked of {competition.id}: {reason}") from reason
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as name:
            folder = Path(name) / "view"
            shutil.copytree(view.public, folder / "data")
            write_text(folder / "technique_description.md", view_description(technique, view))
            if out.exists():
                out.rmdir()
            folder.rename(out)
    except OSError as error:
        raise InputError(f"cannot write to --out {out}: {error.strerror}") from error


def grade_answer(
    answer_dir: Path,
    technique_id: str,
    competition: "Competition",
    prepared: "Prepared",
    *,
    seed: int,
    judge: str | None = None,
) -> str:
    """Grade the answer in a folder; its report as JSON. Code files are run in attempts alone, and not here.

    Raises:
        InputError: there is no such folder, the seed is none, or the judge has no key.
        GraderFailed: a check broke.
    """
    _check_seed(seed)
    technique = load_technique(technique_id)
    known = secrets(load_settings())
    if judge is not None:
        require_key(known)
    if not answer_dir.is_dir():
        raise InputError(f"{answer_dir} is not a folder; expected one that holds {technique.answer_file}")
    try:
        view = make_view(technique, competition, prepared, seed, secret=_secret())
        grade = technique.grade(answer_dir / technique.answer_file, view.truth())
    except NotApplicable as reason:
        grade = not_applicable(technique.id, str(reason))
    if judge is not None and grade.checks:
        answer = read_answer(answer_dir / technique.answer_file)
        grade = replace(grade, judge=judged(judge, technique, answer, known))
    report = {"competition_id": competition.id, "technique": technique.id, "seed": seed, **grade.to_json()}
    return json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise InputError(f"--seed {seed}: expected a whole number of at least 0")
