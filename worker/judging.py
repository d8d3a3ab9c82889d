"""What a model thinks of the reasoning in an answer: shown beside the score, and never part of it."""

import json
from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from grading.answers import Answer, excerpt, number
from tasks.registry import TECHNIQUES
from tasks.technique import Technique
from worker.asking import ask, require_key

REASONING = ("reasoning", "reasoning_per_feature", "pattern_evidence")
MOST_CHARACTERS = 20_000
MOST_POINTS = 10.0


def judged(model: str, technique: Technique, answer: Answer, secrets: Mapping[str, str]) -> dict[str, Any]:
    """Have a model judge an answer's reasoning.

    Args:
        model: its name at the API.
        technique: what was asked.
        answer: hostile.
        secrets: with OPENAI_API_KEY, and OPENAI_BASE_URL where the API is not OpenAI's own.

    Returns:
        `model`; `score` from 0 to 1, None where there is none; `comment`, or why there is no score.
    """
    require_key(secrets)
    reasoning = {field: answer[field] for field in REASONING if answer.get(field)}
    if not reasoning:
        return {"model": model, "score": 0.0, "comment": "there is no reasoning"}
    mark = token_hex(12)  # which the answer cannot know
    text = json.dumps(reasoning, ensure_ascii=True)[:MOST_CHARACTERS]  # ASCII: no lone surrogates
    said = ask(
        model,
        rules=(TECHNIQUES / "rubric.md").read_text(encoding="utf-8"),
        question=f"{technique.description()}\n\n{mark}\n{text}\n{mark}\n\nThe answer's reasoning has ended.",
        secrets=secrets,
    )
    if said.problem is not None:  # beside the score: what goes wrong here takes nothing from the grade
        return {"model": model, "score": None, "comment": f"no judgement: {said.problem}"}
    return {"model": model, **_read(said.content)}


def _read(content: str | None) -> dict[str, Any]:
    try:
        said = json.loads(content or "")
    except (ValueError, RecursionError):
        said = None
    points = number(said.get("points")) if isinstance(said, dict) else None
    if points is None or not 0 <= points <= MOST_POINTS:
        return {"score": None, "comment": f"no judgement: it answered {excerpt(content or '')}"}
    return {"score": points / MOST_POINTS, "comment": excerpt(str(said.get("comment", "")))}
