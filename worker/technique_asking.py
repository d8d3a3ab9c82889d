"""Which techniques a run asks, and of which of its competitions."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from core.errors import InputError, UnknownName
from store.records import RunRequest
from tasks.registry import Competition, list_techniques, load_technique
from worker.asking import require_key

TECHNIQUE_GRADES = "technique_grades.json"
EVERY = "all"

_technique = cache(load_technique)  # asked of every competition and seed of a run


def chosen_techniques(names: Sequence[str]) -> tuple[str, ...]:
    """Give the techniques that `names` mean; `all` means every one.

    Raises:
        InputError: a name is unknown, or given twice.
    """
    known = list_techniques()
    if tuple(names) == (EVERY,):
        return tuple(known)
    for name in names:
        if name not in known:
            raise UnknownName("technique", name, [*known, EVERY])
    if len(set(names)) < len(names):
        raise InputError("--techniques names a technique twice; expected each once")
    return tuple(names)


def can_be_asked(competition: Competition, technique: str | None) -> bool:
    """Whether an attempt is worth making, as far as the folders tell."""
    return technique is None or _technique(technique).inapplicable(competition) is None


def require_a_question(techniques: Sequence[str], competitions: Sequence[Competition]) -> None:
    """Check that techniques, where they are asked for, can be asked of one competition at least.

    Raises:
        InputError: they cannot; names each reason.
    """
    reasons = {
        _technique(technique).inapplicable(competition) for technique in techniques for competition in competitions
    }
    if reasons and None not in reasons:
        raise InputError(f"nothing to ask: {'; '.join(sorted(reason for reason in reasons if reason))}")


def check_judge(judge: str | None, techniques: Sequence[str], secrets: Mapping[str, str] | None) -> None:
    """Check that a judge, where one is wanted, has something to read and a key.

    Args:
        secrets: this host's; None where other hosts grade, and have their own.

    Raises:
        InputError: it has not.
    """
    if judge is None:
        return
    if not techniques:
        raise InputError("--judge reads answers to techniques; it needs --techniques")
    if secrets is not None:
        require_key(secrets)


def not_asked(request: RunRequest, load: Callable[[str], Competition]) -> dict[tuple[str, str], str]:
    """Give the pairs of a run's competitions and techniques that cannot be asked, with the reasons."""
    found = {}
    for competition_id in request.competitions:
        competition = load(competition_id)
        for technique in request.techniques:
            if reason := _technique(technique).inapplicable(competition):
                found[competition_id, technique] = reason
    return found
