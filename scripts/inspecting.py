"""Inspecting runs for breaches of the rules, and showing what was found."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError, UnknownName
from core.files import write_text
from inspection.findings import Degree, Finding
from inspection.judge import Opinion, Reply
from inspection.page import page
from inspection.report import NOTICE, Report, inspect, with_opinions
from inspection.rollouts import Known, Rollout, read_run
from inspection.similar_code import read_notebooks
from scripts.terminal import console_for, say
from store.bucket import is_remote
from store.storage import Folder, Storage
from tasks.data import is_prepared, prepare
from tasks.registry import competition_roots, list_competitions, list_techniques, load_competition, load_technique
from worker.asking import ask, require_key
from worker.context import open_store
from worker.instructions import TECHNIQUE_TEXT, TEXT
from worker.places import run_folder
from worker.settings import Settings, load_settings, secrets

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

STYLES = {Degree.NOTE: "dim", Degree.LOOK: "yellow", Degree.STRONG: "bold red"}


def inspect_runs(
    runs: Sequence[str],
    *,
    notebooks: Path | None,
    judge: str | None,
    as_json: bool,
    output: Path | None,
    runs_dir: str | None,
    data_dir: str | None,
) -> None:
    """Inspect closed runs and print or write the report.

    Raises:
        InputError: there is no such run, it is not closed, or an option cannot be followed.
    """
    settings = load_settings(runs_dir=runs_dir, data_dir=data_dir)
    if output is not None:
        _check_writable(output, as_json=as_json)
    if judge is not None:
        require_key(secrets(settings))
    roots = competition_roots(settings.competitions_path)
    references, limits = read_notebooks(notebooks, list_competitions(roots)) if notebooks is not None else ([], [])
    rollouts = _rollouts(runs, settings)
    report = inspect(rollouts, known_of=partial(_known, roots, settings), notebooks=references, note=say)
    if judge is not None:
        report = with_opinions(report, rollouts, model=judge, ask=_asking(judge, settings), note=say)
    _deliver(report, limits, as_json=as_json, output=output)


def _check_writable(output: Path, *, as_json: bool) -> None:
    """Refuse beforehand what would lose the report, and a judge's opinions that are paid, at the end."""
    if as_json and output.suffix == ".html":
        raise InputError(f"--output {output} would be a page, and --json asks for JSON; leave out one of them")
    if output.is_dir():
        raise InputError(f"cannot write --output {output}: it is a folder; expected a file")
    if not os.access(output.parent, os.W_OK):
        raise InputError(f"cannot write --output {output}: there is no folder {output.parent} that can be written to")


def _rollouts(runs: Sequence[str], settings: Settings) -> list[Rollout]:
    """Give the attempts of the named runs, each run once."""
    found: dict[str, list[Rollout]] = {}
    for name in runs:
        attempts = read_run(_storage(name, settings), name=name)
        for rollout in attempts[:1]:
            found[rollout.run_id] = attempts
    if not found:
        raise InputError(f"no attempt is in {', '.join(runs)}")
    return [rollout for attempts in found.values() for rollout in attempts]


def _storage(name: str, settings: Settings) -> Storage:
    """Find a run's files: a folder as it stands, which may come from elsewhere, or else what the database knows."""
    try:
        if (Path(name) / "metadata.json").is_file():
            return Folder(path=Path(name).resolve())
    except OSError as error:
        raise InputError(f"no run {name[:60]}...: {error.strerror}") from error
    try:
        return run_folder(open_store(settings).find_run(name).run_dir, settings).storage
    except InputError:
        if is_remote(name):
            return run_folder(name, settings).storage
        raise


def _known(roots: Sequence[Path], settings: Settings, competition_id: str) -> Known:
    try:
        competition = load_competition(competition_id, roots=roots)
    except UnknownName:  # a run from elsewhere
        return Known()
    ready = is_prepared(competition, settings.data_dir)
    data = prepare(competition, settings.data_dir) if ready else None
    techniques = (load_technique(name).description() for name in list_techniques())
    return Known.of(competition, data, texts=(TEXT, TECHNIQUE_TEXT, *techniques))


def _asking(model: str, settings: Settings) -> Callable[[str, str], Reply]:
    def asking(rules: str, question: str) -> Reply:
        said = ask(model, rules=rules, question=question, secrets=secrets(settings))
        counted = [tokens for tokens in (said.tokens_in, said.tokens_out) if tokens is not None]
        return Reply(content=said.content, problem=said.problem, tokens=sum(counted) if counted else None)

    return asking


def _deliver(report: Report, limits: Sequence[str], *, as_json: bool, output: Path | None) -> None:
    limits = [*limits, *report.limits]
    console = console_for(as_json=False)
    if output is None and not as_json and console.is_terminal:
        _show(report, limits, console)
        return
    if as_json:
        text = json.dumps(report.to_json() | {"limits": limits}, indent=2) + "\n"
    elif output is not None and output.suffix == ".html":
        text = page(report, limits)
    else:
        text = "\n".join(_lines(report, limits)) + "\n"
    if output is None:
        print(text, end="")
        return
    try:
        write_text(output, text)
    except OSError as error:
        raise InputError(f"cannot write --output {output}: {error.strerror}") from error
    say(f"{_summary(report)}; written to {output}")


def _lines(report: Report, limits: Sequence[str]) -> Iterator[str]:
    """Give the report as plain text."""
    yield _summary(report)
    yield NOTICE
    for competition_id in dict.fromkeys(finding.competition_id for finding in report.findings):
        yield f"\n{competition_id}"
        for finding in report.findings:
            if finding.competition_id == competition_id:
                yield from _finding_lines(finding)
    if report.opinions:
        yield "\nopinions of a model"
        yield from (line for opinion in report.opinions for line in _opinion_lines(opinion))
    if limits:
        yield "\nnot looked at, or only in part"
        yield from (f"  {limit}" for limit in limits)


def _finding_lines(finding: Finding) -> Iterator[str]:
    yield f"  {str(finding.degree).upper()} {finding.check}: {finding.says}"
    yield f"    attempts: {', '.join(_short(label, finding) for label in finding.attempts)}"
    yield from (f"    {line}" for line in _places(finding))
    yield f"    innocent reason: {finding.innocent}"


def _places(finding: Finding) -> Iterator[str]:
    several = len(finding.attempts) > 1
    for entry in finding.evidence:
        whose = "reference" if entry.attempt is None else _short(entry.attempt, finding)
        whose = f" ({whose})" if several or entry.attempt is None else ""
        yield f"{entry.place}{whose}  {entry.excerpt}"


def _short(label: str, finding: Finding) -> str:
    """Give an attempt's label below the heading of its competition."""
    return label.removeprefix(f"{finding.competition_id} ")


def _opinion_lines(opinion: Opinion) -> Iterator[str]:
    tokens = "" if opinion.tokens is None else f" [{opinion.tokens} tokens]"
    if opinion.problem is not None:
        yield f"  {opinion.attempt}: {opinion.model} gave none: {opinion.problem}{tokens}"
        return
    yield f"  {opinion.attempt}: {opinion.comment or 'no comment'}{tokens}"
    for breach in opinion.breaches:
        quoted = "" if breach.is_quoted else " (not in what it read)"
        yield f'    {breach.rule}, {breach.likely:g} of 10: "{breach.quote}"{quoted}; innocent: {breach.innocent}'


def _show(report: Report, limits: Sequence[str], console: "Console") -> None:
    """Show the report in a terminal: a table for each competition. What is hostile in it is no markup."""
    from rich.text import Text

    for competition_id in dict.fromkeys(finding.competition_id for finding in report.findings):
        findings = [finding for finding in report.findings if finding.competition_id == competition_id]
        console.print(_table(competition_id, findings))
    for opinion in report.opinions:
        console.print(Text("\n".join(_opinion_lines(opinion))), soft_wrap=True)
    for limit in limits:
        console.print(Text(f"not looked at, or only in part: {limit}", style="dim"), soft_wrap=True)
    console.print(Text(f"{_summary(report)}\n{NOTICE}"), soft_wrap=True)


def _table(competition_id: str, findings: Sequence[Finding]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(competition_id), title_justify="left", show_lines=True)
    for title in ("degree", "attempts", "found"):
        table.add_column(title, overflow="fold")
    for finding in findings:
        said = [f"{finding.check}: {finding.says}", *_places(finding), f"innocent reason: {finding.innocent}"]
        table.add_row(
            Text(str(finding.degree), style=STYLES[finding.degree]),
            Text("\n".join(_short(label, finding) for label in finding.attempts)),
            Text("\n".join(said)),
        )
    return table


def _summary(report: Report) -> str:
    counts = ", ".join(f"{count} {degree}" for degree, count in report.counts().items())
    text = f"inspected {len(report.attempts)} attempts of {len(report.runs)} runs: {counts}"
    tokens = [opinion.tokens for opinion in report.opinions if opinion.tokens is not None]
    return f"{text}; the judge took {sum(tokens)} tokens" if tokens else text
