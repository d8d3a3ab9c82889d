"""Showing how two runs compare."""

import json

from rich.table import Table

from grading.compare import Comparison, Difference, compare
from grading.reports import AttemptReport
from scripts.results import read_report
from scripts.terminal import console_for
from store.runs import Store
from worker.context import open_store
from worker.settings import Settings, load_settings


def compare_runs(first: str, second: str, *, runs_dir: str | None, as_json: bool) -> None:
    """Compare two closed runs and print the result."""
    settings = load_settings(runs_dir=runs_dir)
    store = open_store(settings)
    comparison = compare(_reports(store, settings, first), _reports(store, settings, second))
    if as_json:
        print(json.dumps(comparison.to_json(), indent=2))
    else:
        _show(comparison)


def _reports(store: Store, settings: Settings, name: str) -> list[AttemptReport]:
    report = read_report(store.find_run(name), settings)
    return [AttemptReport.from_json(entry) for entry in report["competition_reports"]]


def _show(comparison: Comparison) -> None:
    console = console_for(as_json=False)
    table = Table()
    for title in ("competition", "pairs", "first score", "second score", "second won", "tied", "lost"):
        table.add_column(title, justify="left" if title == "competition" else "right", overflow="fold")
    for row in comparison.competitions:
        table.add_row(
            row.competition_id + (f" {row.technique}" if row.technique else ""),
            str(row.pairs),
            _score(row.first_score),
            _score(row.second_score),
            str(row.counts.wins),
            str(row.counts.ties),
            str(row.counts.losses),
        )
    console.print(table)
    lines = [_sign_test(comparison)]
    if any(row.technique is None for row in comparison.competitions):  # a technique's score earns no medal
        lines = [
            f"any medal: {_difference(comparison.any_medal)}",
            f"above median: {_difference(comparison.above_median)}",
            *lines,
        ]
    for title, names in (
        ("only in the first", comparison.unpaired_first),
        ("only in the second", comparison.unpaired_second),
        ("not scored in the first", comparison.not_scored_first),
        ("not scored in the second", comparison.not_scored_second),
    ):
        if names:
            lines.append(f"{title}: {', '.join(names)}")
    console.print("\n".join(lines), highlight=False, soft_wrap=True)


def _sign_test(comparison: Comparison) -> str:
    counts = comparison.counts
    text = f"by score, the second won {counts.wins}, tied {counts.ties}, lost {counts.losses}"
    return text if comparison.p_value is None else f"{text} (sign test p = {comparison.p_value:.3g})"


def _difference(difference: Difference) -> str:
    text = f"{difference.first:.1f}% to {difference.second:.1f}%, difference {difference.difference:+.1f}"
    if difference.interval is None:
        return text
    low, high = difference.interval
    if low == high:  # nothing varies between pairs, which is no certainty
        return f"{text}, no interval: all pairs alike"
    return f"{text}, 95% interval {low:+.1f} to {high:+.1f}"


def _score(score: float | None) -> str:
    return "-" if score is None else f"{score:.5g}"
