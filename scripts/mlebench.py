"""The `mlebench` command. Each subcommand imports what it needs when it is called, so that --help is quick."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.terminal import LOST_TO_MACHINERY, run_command

if TYPE_CHECKING:
    from grading.reports import AttemptReport
    from tasks.data import Prepared
    from tasks.registry import Competition
    from worker.places import Place

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Benchmark machine-learning agents on Kaggle competitions. Runs are started with scripts/submit.py.",
)

DataDir = Annotated[
    str | None,
    typer.Option("--data-dir", help="the competitions' data: a folder or s3://bucket/prefix  [MLEBENCH_DATA_DIR]"),
]


def main() -> None:
    """Entry point of the command."""
    run_command(app)


@app.command("list")
def list_(
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="print a JSON list")] = False,
) -> None:
    """List the competitions: id, category, metric, direction, prepared or not."""
    import json

    from rich.table import Table

    from scripts.terminal import console_for
    from tasks.data import is_prepared

    folder = _data_place(data_dir).folder
    rows = [
        {
            "id": competition.id,
            "name": competition.name,
            "splits": _splits_of(competition.id),
            "category": competition.category,
            "metric": competition.metric,
            "direction": "lower" if competition.thresholds.lower_is_better else "higher",
            "thresholds": str(competition.thresholds.kind),
            "prepared": is_prepared(competition, folder),
        }
        for competition in _every_competition()
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    shown = [name for name in rows[0] if name != "name"]
    table = Table()
    for name in shown:
        table.add_column(name, no_wrap=name == "id")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in shown))
    console_for(as_json=False).print(table)


@app.command()
def prepare(
    competition: Annotated[
        list[str] | None, typer.Option("-c", "--competition", help="a competition's id; may be repeated")
    ] = None,
    lite: Annotated[bool, typer.Option("--lite", help="those of split low")] = False,
    everything: Annotated[bool, typer.Option("--all", help="all there are")] = False,
    list_file: Annotated[Path | None, typer.Option("--list", help="a file of ids, one a line")] = None,
    data_dir: DataDir = None,
    keep_raw: Annotated[bool, typer.Option("--keep-raw", help="keep the raw data")] = False,
    skip_verification: Annotated[bool, typer.Option("--skip-verification")] = False,
) -> None:
    """Prepare competitions' data: raw data to a public and a private part. One that fails stops no other."""
    from core.errors import MlebenchError
    from tasks.data import check_data_dir, is_prepared
    from tasks.data import prepare as prepare_data
    from worker import preparing

    data = _data_place(data_dir)
    folder = data.folder
    failed: dict[str, str] = {}
    chosen = _chosen(competition or [], lite=lite, everything=everything, list_file=list_file)
    check_data_dir(folder)
    if data.bucket is not None:
        data.bucket.check()
    for entry in chosen:
        try:
            if not is_prepared(entry, folder):
                preparing.fetch(entry, data, note=_say)
            done = prepare_data(entry, folder, keep_raw=keep_raw, verify=not skip_verification, log=_say)
            preparing.share(entry, data, note=_say)
        except MlebenchError as error:
            failed[entry.id] = str(error)
            _say(f"{entry.id} failed: {error}")
        else:
            _say(f"{entry.id}: {done.public.parent}")
    _say(f"{len(chosen) - len(failed)} of {len(chosen)} prepared")
    if failed:
        _say("failed: " + ", ".join(failed))
        sys.exit(LOST_TO_MACHINERY)


@app.command("grade-sample")
def grade_sample(
    submission: Annotated[Path, typer.Argument(help="the submission file")],
    competition: Annotated[str, typer.Argument(help="the competition's id")],
    data_dir: DataDir = None,
) -> None:
    """Grade one submission and print its report as JSON."""
    import json

    print(json.dumps(_grade(submission, competition, data_dir).to_json(), indent=2, default=str))


@app.command()
def grade(
    submission: Annotated[Path, typer.Option(help='JSON lines: {"competition_id": ..., "submission_path": ...}')],
    output_dir: Annotated[Path, typer.Option(help="where the grading report goes")],
    data_dir: DataDir = None,
) -> None:
    """Grade a list of submissions into one grading report. A bad submission is reported and stops no other."""
    from datetime import UTC, datetime

    from core.errors import InputError
    from core.files import write_json
    from grading.reports import grading_report

    entries = _entries(submission)
    for name, _ in entries:
        _competition(name)  # all names are checked before the first is graded
    reports = [_grade(path, name, data_dir) for name, path in entries]
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S-%Z")
    target = output_dir / f"{moment}_grading_report.json"
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        write_json(target, grading_report(reports, planned=len(reports), splits={}))
    except OSError as error:
        raise InputError(f"cannot write to --output-dir {output_dir}: {error.strerror}") from error
    _say(f"{sum(report.valid_submission for report in reports)} of {len(reports)} submissions valid")
    print(target)


@app.command("technique-view")
def technique_view(
    technique: Annotated[str, typer.Argument(help="the technique's id")],
    competition: Annotated[str, typer.Argument(help="the competition's id")],
    out: Annotated[Path, typer.Option(help="a new folder for what an agent would see")],
    seed: Annotated[int, typer.Option(help="which view")] = 0,
    data_dir: DataDir = None,
) -> None:
    """Write what an agent would see of a technique: its data and its question, and not the truth."""
    from scripts.techniques import write_view

    entry = _competition(competition)
    write_view(technique, entry, _prepared(entry, data_dir), seed=seed, out=out)
    _say(f"{competition} {technique} seed {seed}: {out}")


@app.command("grade-technique")
def grade_technique(
    answer_dir: Annotated[Path, typer.Argument(help="the folder that holds <technique>_analysis.json")],
    technique: Annotated[str, typer.Argument(help="the technique's id")],
    competition: Annotated[str, typer.Argument(help="the competition's id")],
    seed: Annotated[int, typer.Option(help="which view was asked about")] = 0,
    judge: Annotated[
        str | None, typer.Option(help="an OpenAI model that reads the reasoning, beside the score")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Grade one answer to a technique and print its report as JSON."""
    from scripts.techniques import grade_answer

    entry = _competition(competition)
    print(grade_answer(answer_dir, technique, entry, _prepared(entry, data_dir), seed=seed, judge=judge))


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="a run's id, folder, or latest")],
    second: Annotated[str, typer.Argument(help="another run's")],
    runs_dir: Annotated[str | None, typer.Option(help="where the run folders are")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Compare two runs, pairing their attempts by competition and seed."""
    from scripts.comparing import compare_runs

    compare_runs(first, second, runs_dir=runs_dir, as_json=as_json)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, list) else str(value)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _data_place(given: str | None) -> "Place":
    from worker.places import data_place
    from worker.settings import load_settings

    return data_place(load_settings(data_dir=given))


def _roots() -> list[Path]:
    from tasks.registry import competition_roots
    from worker.settings import load_settings

    return competition_roots(load_settings().competitions_path)


def _competition(name: str) -> "Competition":
    from tasks.registry import load_competition

    return load_competition(name, roots=_roots())


def _every_competition() -> "list[Competition]":
    from tasks.registry import list_competitions

    return [_competition(name) for name in list_competitions(_roots())]


def _splits_of(competition_id: str) -> list[str]:
    from tasks.splits import list_splits, load_split

    return [name for name in list_splits() if competition_id in load_split(name, roots=_roots()).competitions]


def _chosen(names: list[str], *, lite: bool, everything: bool, list_file: Path | None) -> "list[Competition]":
    """Give the competitions that the options of `prepare` name; exactly one way of naming is expected."""
    from core.errors import InputError
    from tasks.splits import load_split

    ways = [bool(names), lite, everything, list_file is not None]
    if sum(ways) != 1:
        raise InputError("prepare what? expected one of -c ID, --lite, --all or --list FILE")
    if everything:
        return _every_competition()
    if lite:
        names = list(load_split("low", roots=_roots()).competitions)
    elif list_file is not None:
        names = list(load_split(str(list_file), roots=_roots()).competitions)
    return [_competition(name) for name in names]


def _entries(path: Path) -> list[tuple[str, Path]]:
    """Read a JSON-lines list of submissions."""
    import json

    from core.errors import InputError

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read --submission {path}: {error}") from error
    entries = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            entries.append((str(value["competition_id"]), Path(str(value["submission_path"]))))
        except (ValueError, TypeError, KeyError):
            raise InputError(
                f"{path}, line {number}: expected a JSON object with competition_id and submission_path"
            ) from None
    if not entries:
        raise InputError(f"{path} names no submissions")
    return entries


def _prepared(competition: "Competition", data_dir: str | None) -> "Prepared":
    """Give a competition's data, which has to be prepared already."""
    from core.errors import InputError
    from tasks.data import is_prepared
    from tasks.data import prepare as prepared
    from worker import preparing

    place = _data_place(data_dir)
    if not is_prepared(competition, place.folder) and not preparing.fetch(competition, place, note=_say):
        raise InputError(
            f"{competition.id} is not prepared in {place.address}; "
            f"run: mlebench prepare -c {competition.id} --data-dir {place.address}"
        )
    return prepared(competition, place.folder)


def _grade(submission: Path, name: str, data_dir: str | None) -> "AttemptReport":
    """Grade a file outside of any run."""
    from core.errors import GraderFailed, SubmissionInvalid
    from core.status import Status
    from grading.reports import attempt_report

    competition = _competition(name)
    data = _prepared(competition, data_dir)
    score, status, message = None, Status.COMPLETED, "graded"
    if not submission.exists():
        status, message = Status.NO_SUBMISSION, f"there is no file {submission}"
    else:
        try:
            score = competition.score(submission, data.public, data.private)
        except SubmissionInvalid as error:
            status, message = Status.INVALID_SUBMISSION, str(error)
        except GraderFailed as error:
            status, message = Status.GRADER_FAILED, str(error)
    if status is not Status.COMPLETED:
        _say(f"{name}: {status}: {message}")
    return attempt_report(
        competition_id=name,
        thresholds=competition.thresholds,
        score=score,
        submission_exists=submission.exists(),
        submission_path=str(submission),
        status=status,
        message=message,
        issues=competition.issues,
    )


if __name__ == "__main__":
    main()
