"""How many tokens a call used, from what the API answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_TOKENS = 1 << 40  # a larger number is none


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What a model read and wrote. Reasoning is among the output."""

    input: int = 0
    cached_input: int = 0  # of the input
    output: int = 0


def tokens_of(answer: Mapping[str, Any]) -> Tokens | None:
    """Read the usage of an answer, of a chunk of a stream, or of an event with a response; None where it has none."""
    usage = answer.get("usage")
    if usage is None and isinstance(answer.get("response"), dict):
        usage = answer["response"].get("usage")
    if not isinstance(usage, dict):
        return None
    read = _number(usage, "prompt_tokens", "input_tokens")
    if read is None:
        return None
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    cached = _number(details, "cached_tokens") if isinstance(details, dict) else None
    written = _number(usage, "completion_tokens", "output_tokens")
    return Tokens(input=read, cached_input=min(cached or 0, read), output=written or 0)


def _number(usage: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = usage.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_TOKENS:
            return value
    return None
