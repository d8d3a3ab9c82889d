"""Draw one example of each technique, from real views, into docs/techniques/.

    python scripts/draw_techniques.py [DATA_DIR]

The same views give the same files; a test holds those in the repository against them.
"""

import html
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.files import write_text
from tasks.data import prepare
from tasks.registry import competition_roots, load_competition, load_technique
from tasks.views import View, make_view
from worker.settings import load_settings

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "techniques"
WIDTH, HEIGHT, MARGIN, TOP = 680, 260, 60, 44
BLUE, RED, GREY, LIGHT = "#2b6cb0", "#c53030", "#4a5568", "#cbd5e0"
BINS = 12


class Drawing:
    """A picture with axes from 0 to 1 in both directions."""

    def __init__(self, title: str) -> None:
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'font-family="sans-serif" font-size="12" fill="{GREY}">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        ]
        self.text(0, 1.13, title, size=14, anchor="start")

    def x(self, share: float) -> float:
        return round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)

    def y(self, share: float) -> float:
        return round(HEIGHT - MARGIN + 15 - share * (HEIGHT - MARGIN - TOP), 1)

    def bar(self, left: float, width: float, low: float, high: float, colour: str) -> None:
        x, y = self.x(left), self.y(high)
        size = round(self.x(left + width) - x, 1), round(self.y(low) - y, 1)
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{size[0]}" height="{size[1]}" fill="{colour}" fill-opacity="0.7"/>'
        )

    def line(self, points: Sequence[tuple[float, float]], colour: str, *, dashed: bool = False) -> None:
        path = " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)
        dash = ' stroke-dasharray="4 4"' if dashed else ""
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')

    def dot(self, x: float, y: float, colour: str) -> None:
        self.parts.append(f'<circle cx="{self.x(x)}" cy="{self.y(y)}" r="3.5" fill="{colour}"/>')

    def text(
        self, x: float, y: float, said: str, *, size: int = 12, anchor: str = "middle", colour: str = GREY
    ) -> None:
        self.parts.append(
            f'<text x="{self.x(x)}" y="{self.y(y)}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">'
            f"{html.escape(said)}</text>"
        )

    def svg(self) -> str:
        return "\n".join([*self.parts, "</svg>"]) + "\n"


def imbalance(view: View) -> Drawing:
    counts = view.truth()["counts"]
    drawing = Drawing(f"imbalance, {view.competition_id}, seed {view.seed}: rows of each class that were left")
    for place, (label, count) in enumerate(sorted(counts.items(), key=lambda item: -item[1])):
        left, share = (place + 0.2) / len(counts), count / max(counts.values())
        drawing.bar(left, 0.6 / len(counts), 0, share, BLUE)
        drawing.text(left + 0.3 / len(counts), share + 0.03, str(count))
        drawing.text(left + 0.3 / len(counts), -0.1, label)
    drawing.text(0.75, 0.85, f"ratio {view.truth()['ratio']:.4g}: {view.truth()['severity']}", colour=RED)
    return drawing


def missing(view: View) -> Drawing:
    truth, (train, test) = view.truth(), _tables(view)
    names = [name for name, pattern in truth["patterns"].items() if pattern == "MNAR"]
    name = next(name for name in names if pd.api.types.is_numeric_dtype(test[name]) and name not in truth["disguises"])
    edges = np.unique(test[name].quantile(np.linspace(0, 1, BINS + 1)).to_numpy())
    whole = np.histogram(test[name], edges)[0] / len(test)
    left = np.histogram(train[name].dropna(), edges)[0] / len(train)
    drawing = Drawing(
        f"missing, {view.competition_id}, seed {view.seed}: {name} is missing where it would be certain values"
    )
    most = max(whole.max(), left.max())
    for place in range(len(whole)):
        x, width = place / len(whole), 0.4 / len(whole)
        drawing.bar(x, width, 0, whole[place] / most, LIGHT)
        drawing.bar(x + width, width, 0, left[place] / most, BLUE)
        drawing.text(x + width, -0.1, f"{edges[place]:.4g}")
    _legend(drawing, [("share of the test rows", LIGHT), ("of the train rows, gaps counted as none", BLUE)])
    return drawing


def encoding(view: View) -> Drawing:
    truth, (train, _) = view.truth(), _tables(view)
    name = next(name for name, kind in truth["planted"].items() if kind == "coded")
    means = train.groupby(name)[view.table()["target"]].mean()
    drawing = Drawing(f"encoding, {view.competition_id}, seed {view.seed}: {name} looks like an amount and is a name")
    span = means.index.max() - means.index.min()
    for code, value in means.items():
        x = 0.05 + 0.9 * (float(str(code)) - means.index.min()) / span
        drawing.line([(x, 0), (x, float(value))], LIGHT)
        drawing.dot(x, float(value), BLUE)
        drawing.text(x, -0.1, str(code), size=10)
    drawing.text(0.5, 0.97, f"mean of the target for each value of {name}: higher codes do not mean more")
    return drawing


def cv(view: View) -> Drawing:
    said, (train, test) = view.truth()["characteristics"], _tables(view)
    (name,) = said["temporal_columns"]
    days = [pd.to_datetime(part[name], format="ISO8601").map(pd.Timestamp.toordinal) for part in (train, test)]
    first, last = days[0].min(), days[1].max()
    codes = train[said["target_column"]].rank(method="dense")
    drawing = Drawing(
        f"cv, {view.competition_id}, seed {view.seed}: the target changes with {name}, and test comes later"
    )
    parts = pd.qcut(days[0], BINS, labels=False, duplicates="drop")
    means = (codes - codes.min()).groupby(parts).mean() / max(codes.max() - codes.min(), 1)
    middles = days[0].groupby(parts).mean()
    drawing.line([((middles[p] - first) / (last - first), float(means[p])) for p in means.index], BLUE)
    for part, colour, label in zip(days, (BLUE, RED), ("train rows", "test rows"), strict=True):
        left, right = ((part.min() - first) / (last - first), (part.max() - first) / (last - first))
        drawing.bar(left, right - left, -0.06, -0.02, colour)
        drawing.text((left + right) / 2, -0.16, label, colour=colour)
    drawing.text(0.3, 0.95, "mean of the target")
    return drawing


def scaling(view: View) -> Drawing:
    truth, (train, _) = view.truth(), _tables(view)
    drawing = Drawing(
        f"scaling, {view.competition_id}, seed {view.seed}: units, and what lies far outside (powers of ten)"
    )
    names = list(truth["statistics"])
    logs = {name: np.log10(train[name].abs()[train[name] != 0].dropna()) for name in names}
    low, high = min(values.min() for values in logs.values()), max(values.max() for values in logs.values())
    for place, name in enumerate(names):
        y = 1 - (place + 0.5) / len(names)
        points = [(float(value) - low) / (high - low) for value in logs[name].quantile([0, 0.25, 0.75, 1])]
        colour = RED if truth["outliers"].get(name) else BLUE
        drawing.line([(0.15 + 0.85 * points[0], y), (0.15 + 0.85 * points[3], y)], LIGHT)
        drawing.bar(0.15 + 0.85 * points[1], 0.85 * (points[2] - points[1]) + 0.004, y - 0.03, y + 0.03, colour)
        drawing.text(0.13, y - 0.02, name, anchor="end", size=10)
    for power in range(int(np.ceil(low)), int(high) + 1, 2):
        drawing.text(0.15 + 0.85 * (power - low) / (high - low), -0.1, f"1e{power}", size=10)
    drawing.text(0.9, 1.02, "red: has outliers", colour=RED)
    return drawing


def leakage(view: View) -> Drawing:
    truth, (train, _) = view.truth(), _tables(view)
    leak = next(name for name, kind in truth["leaks"].items() if kind == "target_copy")
    target = train[view.table()["target"]]
    innocent = [name for name in truth["safe"] if pd.api.types.is_float_dtype(train[name])]
    friend = max(innocent, key=lambda name: abs(train[name].corr(target)))
    drawing = Drawing(
        f"leakage, {view.competition_id}, seed {view.seed}: {leak} is the target, {friend} only a hint of it"
    )
    for panel, name in enumerate((leak, friend)):
        edges = np.linspace(train[name].quantile(0.001), train[name].quantile(0.999), 2 * BINS)
        shares = [np.histogram(train[name][target == value], edges)[0] / (target == value).sum() for value in (0, 1)]
        most = max(share.max() for share in shares)
        for counts, colour in zip(shares, (BLUE, RED), strict=True):
            for place, share in enumerate(counts):
                drawing.bar(
                    panel * 0.52 + 0.48 * place / len(counts), 0.48 / len(counts), 0, 0.9 * share / most, colour
                )
        drawing.text(panel * 0.52 + 0.24, -0.1, name)
    _legend(drawing, [("target 0", BLUE), ("target 1", RED)])
    return drawing


DRAWINGS: dict[str, tuple[Callable[[View], Drawing], str, Callable[[dict[str, Any]], bool]]] = {
    "imbalance": (imbalance, "job-classes", lambda truth: truth["severity"] == "severe"),
    "missing": (missing, "credit-status", lambda truth: _has_plain_mnar(truth)),
    "encoding": (encoding, "credit-status", lambda truth: "coded" in truth["planted"].values()),
    "cv": (cv, "credit-status", lambda truth: truth["kind"] == "temporal"),
    "scaling": (scaling, "credit-status", lambda truth: len(truth["planted"]) >= 2),
    "leakage": (leakage, "credit-status", lambda truth: "target_copy" in truth["leaks"].values()),
}


def draw(technique_id: str, data_dir: Path) -> str:
    """Draw an example: of the first seed whose view shows the thing. The picture as SVG."""
    function, competition_id, shows = DRAWINGS[technique_id]
    competition = load_competition(competition_id, roots=competition_roots(None))
    prepared = prepare(competition, data_dir)
    seed = 0
    while not shows((view := make_view(load_technique(technique_id), competition, prepared, seed)).truth()):
        seed += 1
    return function(view).svg()


def _has_plain_mnar(truth: dict[str, Any]) -> bool:
    """Whether a column of numbers has undisguised gaps where it would have had certain values."""
    return any(
        pattern == "MNAR"
        and name in ("Age", "Seniority", "Expenses", "Amount", "Price")
        and name not in truth["disguises"]
        for name, pattern in truth["patterns"].items()
    )


def _tables(view: View) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = view.table()
    return pd.read_csv(view.public / table["train"]), pd.read_csv(view.public / table["test"])


def _legend(drawing: Drawing, entries: Sequence[tuple[str, str]]) -> None:
    for place, (label, colour) in enumerate(entries):
        drawing.bar(0.4 * place, 0.02, 1.02, 1.07, colour)
        drawing.text(0.4 * place + 0.03, 1.02, label, anchor="start")


def main() -> None:
    """Entry point of the command."""
    data_dir = Path(sys.argv[1]) if len(sys.argv) > 1 else load_settings().data_dir
    FOLDER.mkdir(exist_ok=True)
    for technique_id in DRAWINGS:
        write_text(FOLDER / f"{technique_id}.svg", draw(technique_id, data_dir))


if __name__ == "__main__":
    main()
