"""What a model thinks of the reasoning in an answer: shown beside the score, and never part of it."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from core.errors import InputError
from grading.answers import Answer, excerpt, number
from tasks.registry import TECHNIQUES
from tasks.technique import Technique

log = logging.getLogger(__name__)

KEY = "OPENAI_API_KEY"
BASE_URL = "OPENAI_BASE_URL"  # of another service that speaks the same API
REASONING = ("reasoning", "reasoning_per_feature", "pattern_evidence")
MOST_CHARACTERS = 20_000
MOST_POINTS = 10.0
TIMEOUT_SECS = 60.0
RETRIES = 2


def require_key(secrets: Mapping[str, str]) -> None:
    """Check that there is a key for the judge's model.

    Raises:
        InputError: there is none.
    """
    if not secrets.get(KEY):
        raise InputError(f"--judge asks a model of OpenAI and needs {KEY}; set it in the environment or in .env")


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
    import openai  # slow to import, and seldom needed

    require_key(secrets)
    reasoning = {field: answer[field] for field in REASONING if answer.get(field)}
    if not reasoning:
        return {"model": model, "score": 0.0, "comment": "there is no reasoning"}
    text = json.dumps(reasoning, ensure_ascii=True)[:MOST_CHARACTERS]  # ASCII: no lone surrogates
    try:
        with openai.OpenAI(
            api_key=secrets[KEY], base_url=secrets.get(BASE_URL) or None, timeout=TIMEOUT_SECS, max_retries=RETRIES
        ) as client:
            reply = client.chat.completions.create(
                model=model,
                response_format={"type": "json_object"},
                messages=[
                    {"role": "system", "content": (TECHNIQUES / "rubric.md").read_text(encoding="utf-8")},
                    {"role": "user", "content": f"{technique.description()}\n\n<reasoning>\n{text}\n</reasoning>"},
                ],
            )
    except openai.OpenAIError as error:  # beside the score: what goes wrong here takes nothing from the grade
        log.warning("the judge %s did not answer: %s", model, error)
        return {"model": model, "score": None, "comment": f"no judgement: {type(error).__name__}"}
    return {"model": model, **_read(reply.choices[0].message.content if reply.choices else None)}


def _read(content: str | None) -> dict[str, Any]:
    try:
        said = json.loads(content or "")
    except (ValueError, RecursionError):
        said = None
    points = number(said.get("points")) if isinstance(said, dict) else None
    if points is None or not 0 <= points <= MOST_POINTS:
        return {"score": None, "comment": f"no judgement: it answered {excerpt(content or '')}"}
    return {"score": points / MOST_POINTS, "comment": excerpt(str(said.get("comment", "")))}
