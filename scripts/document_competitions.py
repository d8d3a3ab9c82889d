"""Write docs/competitions.md: all competitions of this repository on one page.

python scripts/document_competitions.py
"""

from collections.abc import Sequence
from pathlib import Path

from core.files import write_text
from tasks.progress import human
from tasks.registry import COMPETITIONS, Competition, list_competitions, load_competition
from tasks.splits import load_split

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "competitions.md"
SPLITS = ("dev", "low", "medium", "high", "extra")  # a competition is in one of these
HEAD = """# Competitions

Made by `python scripts/document_competitions.py`; `mlebench list` shows the same, and what is prepared here. Metrics
with an arrow down are better when lower. Sizes are of the download, where they are known.
"""


def page() -> str:
    """Give the content of the page."""
    roots = [COMPETITIONS]
    every = {name: load_competition(name, roots=roots) for name in list_competitions(roots)}
    parts, placed = [HEAD], set[str]()
    for split in SPLITS:
        if (REPOSITORY / "splits" / f"{split}.txt").is_file():
            names = load_split(split, roots=roots).competitions
            placed.update(names)
            parts.append(_section(f"Split {split}", [every[name] for name in sorted(names)]))
    if rest := sorted(every.keys() - placed):
        parts.append(_section("In no split yet", [every[name] for name in rest]))
    defects = [competition for competition in every.values() if competition.issues]
    parts.append("## Known defects\n\nThey stand in the report of every attempt, too.\n")
    parts += [f"### {entry.id}\n\n" + "\n".join(f"- {issue}" for issue in entry.issues) + "\n" for entry in defects]
    return "\n".join(parts)


def _section(title: str, competitions: Sequence[Competition]) -> str:
    lines = [f"## {title}", "", "| id | name | category | metric | size | known defects |", "| --- " * 6 + "|"]
    return "\n".join([*lines, *map(_row, competitions), ""])


def _row(competition: Competition) -> str:
    metric = f"{competition.metric} {'↓' if competition.thresholds.lower_is_better else '↑'}"
    size = human(competition.download_bytes) if competition.download_bytes else ""
    defects = str(len(competition.issues)) if competition.issues else ""
    cells = (f"`{competition.id}`", competition.name, competition.category, metric, size, defects)
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Entry point of the command."""
    write_text(PAGE, page())


if __name__ == "__main__":
    main()
