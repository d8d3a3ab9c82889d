"""Asking a model of OpenAI, or of another service that speaks its API, for its opinion.

An opinion is shown beside a result and is never part of it: what goes wrong here is said, and breaks nothing.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import InputError

log = logging.getLogger(__name__)

KEY = "OPENAI_API_KEY"
BASE_URL = "OPENAI_BASE_URL"  # of another service that speaks the same API
TIMEOUT_SECS = 60.0
RETRIES = 2


@dataclass(frozen=True, kw_only=True)
class Said:
    """What came back.

    Attributes:
        content: the model's own text, meant to be JSON, hostile; None where there is none.
        problem: why there is no text; the name of an error.
        tokens_in, tokens_out: what was paid for, where the service says so.
    """

    content: str | None = None
    problem: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None


def require_key(secrets: Mapping[str, str]) -> None:
    """Check that there is a key for the judge's model.

    Raises:
        InputError: there is none.
    """
    if not secrets.get(KEY):
        raise InputError(f"--judge asks a model of OpenAI and needs {KEY}; set it in the environment or in .env")


def ask(model: str, *, rules: str, question: str, secrets: Mapping[str, str]) -> Said:
    """Ask for one JSON object.

    Args:
        model: its name at the API.
        rules: ours; the system's message.
        question: the user's message; may hold hostile text.
        secrets: with OPENAI_API_KEY, and OPENAI_BASE_URL where the API is not OpenAI's own.

    Raises:
        InputError: there is no key.
    """
    import openai  # slow to import, and seldom needed

    require_key(secrets)
    try:
        with openai.OpenAI(
            api_key=secrets[KEY], base_url=secrets.get(BASE_URL) or None, timeout=TIMEOUT_SECS, max_retries=RETRIES
        ) as client:
            reply: object = client.chat.completions.create(
                model=model,
                response_format={"type": "json_object"},
                messages=[{"role": "system", "content": rules}, {"role": "user", "content": question}],
            )
    except openai.OpenAIError as error:
        log.warning("the judge %s did not answer: %s", model, error)
        return Said(problem=type(error).__name__)
    if not isinstance(reply, openai.types.chat.ChatCompletion):  # the client checks no types
        return Said(problem="the answer is not of the API")
    choice = reply.choices[0] if reply.choices else None
    return Said(
        content=choice.message.content if choice and choice.message else None,
        tokens_in=reply.usage.prompt_tokens if reply.usage else None,
        tokens_out=reply.usage.completion_tokens if reply.usage else None,
    )
