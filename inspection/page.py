"""The report as one HTML page that needs nothing else. All of it is escaped: evidence is hostile."""

from collections.abc import Iterator, Sequence
from html import escape

from inspection.findings import Evidence, Finding
from inspection.judge import Opinion
from inspection.report import NOTICE, Report

HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Inspection</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; }
section { border-left: 4px solid #999; margin: 1em 0; padding: .2em 1em; }
section.look { border-color: #c80; } section.strong { border-color: #c00; }
h3 { font-size: 1em; margin: 0; } p, ul { margin: .2em 0; } .quiet { color: #555; }
code { background: #eee; overflow-wrap: anywhere; }
</style>
"""


def page(report: Report, limits: Sequence[str]) -> str:
    """Give the report as HTML; `limits`: what was not looked at, as sentences."""
    return HEAD + "\n".join(_body(report, limits)) + "\n</html>\n"


def _body(report: Report, limits: Sequence[str]) -> Iterator[str]:
    counts = ", ".join(f"{count} {degree}" for degree, count in report.counts().items())
    yield f"<h1>Inspection of {len(report.attempts)} attempts of {len(report.runs)} runs</h1>"
    yield f"<p>{counts}. {escape(NOTICE)}</p><p class=quiet>Runs: {escape(', '.join(report.runs))}</p>"
    for competition_id in dict.fromkeys(finding.competition_id for finding in report.findings):
        yield f"<h2>{escape(competition_id)}</h2>"
        yield from (_finding(entry) for entry in report.findings if entry.competition_id == competition_id)
    if report.opinions:
        yield "<h2>Opinions of a model</h2>"
        yield from (_opinion(entry) for entry in report.opinions)
    if limits:
        yield f"<h2>Not looked at, or only in part</h2>{_list([escape(limit) for limit in limits])}"


def _finding(finding: Finding) -> str:
    places = _list([_place(entry) for entry in finding.evidence])
    return (
        f"<section class={finding.degree}><h3>{finding.degree}: {escape(finding.check)}: {escape(finding.says)}</h3>"
        f"<p class=quiet>{escape(', '.join(finding.attempts))}</p>{places}"
        f"<p class=quiet>Innocent reason: {escape(finding.innocent)}</p></section>"
    )


def _place(entry: Evidence) -> str:
    return f"{escape(entry.place)} ({escape(entry.attempt or 'reference')}) <code>{escape(entry.excerpt)}</code>"


def _opinion(opinion: Opinion) -> str:
    said = opinion.comment if opinion.problem is None else f"no opinion: {opinion.problem}"
    breaches = [
        f"{escape(breach.rule)}, {breach.likely:g} of 10: <code>{escape(breach.quote)}</code>"
        f"{'' if breach.is_quoted else ' (not in what it read)'}; innocent: {escape(breach.innocent)}"
        for breach in opinion.breaches
    ]
    heading = f"<h3>{escape(opinion.attempt)}, by {escape(opinion.model)}</h3>"
    return f"<section>{heading}<p>{escape(said)}</p>{_list(breaches)}</section>"


def _list(entries: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{entry}</li>' for entry in entries)}</ul>" if entries else ""
