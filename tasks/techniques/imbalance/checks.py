"""What an answer about class imbalance is held against."""

from grading.answers import Answer, choice, entry, flag, name, named, number
from grading.checks import Finding, Truth, mean, near

SEVERITIES = ("balanced", "moderate", "severe", "extreme")
STRATEGIES = ("none", "class_weights", "oversample", "undersample", "threshold", "combined")
PERCENT_POINTS = 0.1


def class_counts(answer: Answer, truth: Truth) -> Finding:
    said, counts = answer.get("class_distribution"), truth["counts"]
    right = [label for label, count in counts.items() if number(entry(said, label)) == count]
    share = len(right) / max(len(counts), len(named(said)))
    return Finding(share=share, expected=counts, answered=said)


def percentages(answer: Answer, truth: Truth) -> Finding:
    said, counts = answer.get("class_percentages"), truth["counts"]
    total = sum(counts.values())
    expected = {label: 100 * count / total for label, count in counts.items()}
    share = mean(
        near(number(entry(said, label)), value, relative=0, absolute=PERCENT_POINTS)
        for label, value in expected.items()
    )
    return Finding(share=share, expected=expected, answered=said)


def ratio(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("imbalance_ratio")
    return Finding(
        share=float(near(number(said), truth["ratio"], relative=0.01)), expected=truth["ratio"], answered=said
    )


def imbalanced(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("is_imbalanced")
    return Finding(share=float(flag(said) is truth["is_imbalanced"]), expected=truth["is_imbalanced"], answered=said)


def severity(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("severity")
    right = choice(said, SEVERITIES) == truth["severity"]
    return Finding(share=float(right), expected=truth["severity"], answered=said)


def strategy(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("chosen_strategy")
    right = (choice(said, STRATEGIES) or name(said)) in truth["strategies"]
    return Finding(share=float(right), expected=truth["strategies"], answered=said)
