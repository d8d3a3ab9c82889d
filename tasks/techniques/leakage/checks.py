"""What an answer about leakage is held against."""

from grading.answers import MAX_ITEMS, Answer, choice, is_given, name, named, names
from grading.checks import Finding, Truth, f1, mean

KINDS = ("target_copy", "after_outcome", "group_mean", "encoded_id", "shared_rows")
ACTIONS = ("drop_features", "drop_shared_rows", "drop_features_and_rows", "none")
COMPLETE = 0.8  # share of the columns that is no analysis yet; from there the points rise to all of them


def analyzed(answer: Answer, truth: Truth) -> Finding:
    said, features = set(names(answer.get("features_analyzed"))), {name(feature) for feature in truth["features"]}
    overlap = len(said & features) / len(said | features)
    share = max(0.0, (overlap - COMPLETE) / (1 - COMPLETE))
    missing = sorted(features - said)
    note = f"not looked at: {', '.join(missing[:5])}" if missing else ""
    return Finding(share=share, expected=truth["features"], answered=answer.get("features_analyzed"), note=note)


def leaks(answer: Answer, truth: Truth) -> Finding:
    given = is_given(answer, "leaky_features") and isinstance(answer["leaky_features"], list)
    share = f1(_said(answer), {name(leak) for leak in truth["leaks"]}) if given else 0.0
    note = "" if given else "leaky_features is not a list"
    return Finding(share=share, expected=sorted(truth["leaks"]), answered=sorted(_said(answer)), note=note)


def kinds(answer: Answer, truth: Truth) -> Finding:
    said = _said(answer)
    share = mean(choice(said.get(name(leak)), KINDS) == kind for leak, kind in truth["leaks"].items())
    return Finding(share=share, expected=truth["leaks"], answered=said)


def safe(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("safe_features")
    return Finding(share=f1(names(said), {name(each) for each in truth["safe"]}), expected=truth["safe"], answered=said)


def action(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("recommended_action")
    return Finding(share=float(choice(said, ACTIONS) == truth["action"]), expected=truth["action"], answered=said)


def _said(answer: Answer) -> dict[str, object]:
    """Give the leaky features with what is said of their kind; a bare name says nothing of it."""
    listed = answer.get("leaky_features")
    entries = listed[:MAX_ITEMS] if isinstance(listed, list) else []
    read = [named(entry) if isinstance(entry, dict) else {"feature": entry} for entry in entries]
    return {found: entry.get("leakage_type") for entry in read if (found := name(entry.get("feature")))}
