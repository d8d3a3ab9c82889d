"""The `mlebench` command. Each subcommand imports what it needs when it is called, so that --help is quick."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.choosing import DataDir, Everything, Ids, ListFile, Lite, SplitName
from scripts.serve import serve
from scripts.terminal import run_command

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Benchmark machine-learning agents on Kaggle competitions. Runs are started with scripts/submit.py.",
)

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def main() -> None:
    """Entry point of the command."""
    run_command(app)


@app.command("list")
def list_(
    split: SplitName = None,
    issues: Annotated[bool, typer.Option("--issues", help="list the known defects instead")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the competitions: id, splits, category, metric, direction, size, prepared or not."""
    from scripts.listing import list_competitions, list_issues

    if issues:
        list_issues(split, as_json=as_json)
    else:
        list_competitions(split, data_dir=data_dir, as_json=as_json)


@app.command()
def prepare(
    competition: Ids = None,
    split: SplitName = None,
    lite: Lite = False,
    everything: Everything = False,
    list_file: ListFile = None,
    data_dir: DataDir = None,
    jobs: Annotated[int, typer.Option("--jobs", help="competitions at a time")] = 1,
    keep_raw: Annotated[bool, typer.Option("--keep-raw", help="keep the archive and the raw data")] = False,
    skip_verification: Annotated[
        bool, typer.Option("--skip-verification", help="compare no checksums, check no sample submission")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would be downloaded and how much disk that needs; do nothing")
    ] = False,
) -> None:
    """Download competitions' data and make it into a public and a private part. One that fails stops no other."""
    from scripts.choosing import chosen, data_place_of
    from scripts.preflight import show_plan
    from scripts.preparing import prepare_all

    entries = chosen(competition, split=split, lite=lite, everything=everything, list_file=list_file)
    data = data_place_of(data_dir)
    if dry_run:
        show_plan(entries, data, keep_raw=keep_raw)
    else:
        prepare_all(entries, data, jobs=jobs, keep_raw=keep_raw, verify=not skip_verification)


@app.command()
def preflight(
    competition: Ids = None,
    split: SplitName = None,
    lite: Lite = False,
    everything: Everything = False,
    list_file: ListFile = None,
    data_dir: DataDir = None,
    keep_raw: Annotated[bool, typer.Option("--keep-raw", help="reckon with raw data that is kept")] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether `prepare` would work: credentials, rules, download, disk. Exit code 1 when it would not."""
    from scripts.choosing import chosen, data_place_of
    from scripts.preflight import check

    entries = chosen(competition, split=split, lite=lite, everything=everything, list_file=list_file)
    check(entries, data_place_of(data_dir), keep_raw=keep_raw, as_json=as_json)


@app.command("grade-sample")
def grade_sample(
    submission: Annotated[Path, typer.Argument(help="the submission file")],
    competition: Annotated[str, typer.Argument(help="the competition's id")],
    data_dir: DataDir = None,
) -> None:
    """Grade one submission and print its report as JSON."""
    import json

    from scripts.grade_files import grade_file

    print(json.dumps(grade_file(submission, competition, data_dir).to_json(), indent=2, default=str))


@app.command()
def grade(
    submission: Annotated[Path, typer.Option(help='JSON lines: {"competition_id": ..., "submission_path": ...}')],
    output_dir: Annotated[Path, typer.Option(help="where the grading report goes")],
    data_dir: DataDir = None,
) -> None:
    """Grade a list of submissions into one grading report. A bad submission is reported and stops no other."""
    from scripts.grade_files import grade_list

    grade_list(submission, output_dir, data_dir)


@app.command("technique-view")
def technique_view(
    technique: Annotated[str, typer.Argument(help="the technique's id")],
    competition: Annotated[str, typer.Argument(help="the competition's id")],
    out: Annotated[Path, typer.Option(help="a new folder for what an agent would see")],
    seed: Annotated[int, typer.Option(help="which view")] = 0,
    data_dir: DataDir = None,
) -> None:
    """Write what an agent would see of a technique: its data and its question, and not the truth."""
    from scripts.choosing import competition as competition_named
    from scripts.grade_files import prepared_data
    from scripts.techniques import write_view
    from scripts.terminal import say

    entry = competition_named(competition)
    write_view(technique, entry, prepared_data(entry, data_dir), seed=seed, out=out)
    say(f"{competition} {technique} seed {seed}: {out}")


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
    from scripts.choosing import competition as competition_named
    from scripts.grade_files import prepared_data
    from scripts.techniques import grade_answer

    entry = competition_named(competition)
    print(grade_answer(answer_dir, technique, entry, prepared_data(entry, data_dir), seed=seed, judge=judge))


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="a run's id, folder, or latest")],
    second: Annotated[str, typer.Argument(help="another run's")],
    runs_dir: Annotated[str | None, typer.Option(help="where the run folders are")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two runs, pairing their attempts by competition and seed."""
    from scripts.comparing import compare_runs

    compare_runs(first, second, runs_dir=runs_dir, as_json=as_json)


app.command()(serve)


if __name__ == "__main__":
    main()
