"""How the classes are distributed."""

from typing import Any

from .tables import Tables

MANY_ROWS, IMBALANCED = 1000, 3
SEVERITIES = (("extreme", 100), ("severe", 10), ("moderate", 3), ("balanced", 0))


def answer(tables: Tables) -> dict[str, Any]:
    """Count, and say what follows."""
    counts = tables.counts()
    total, smallest = sum(counts.values()), min(counts.values())
    ratio = max(counts.values()) / smallest
    severity = next(name for name, limit in SEVERITIES if ratio >= limit)
    strategy = "none" if severity == "balanced" else "undersample" if smallest >= MANY_ROWS else "class_weights"
    return {
        "class_distribution": counts,
        "class_percentages": {label: 100 * size / total for label, size in counts.items()},
        "imbalance_ratio": ratio,
        "is_imbalanced": ratio >= IMBALANCED,
        "severity": severity,
        "chosen_strategy": strategy,
        "reasoning": f"the largest class has {ratio:.3g} times the rows of the smallest, which has {smallest}",
    }
