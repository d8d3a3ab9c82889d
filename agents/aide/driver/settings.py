"""From the agent's arguments to AIDE's settings."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .attempt import Attempt

# AIDE sends these names to OpenAI's public address, whatever OPENAI_BASE_URL says, and those below elsewhere.
OPENAI_NAME = re.compile(r"gpt-.*|o\d+(-.*)?|codex-mini-latest")
ELSEWHERE = ("claude-", "gemini-")
REASONING_MODEL = re.compile(r"(openai/)?o\d.*")
ONLY_TEMPERATURE = 1.0  # that reasoning models accept: their default


class WrongSetting(Exception):
    """An argument of the agent that AIDE cannot work with; the text says which, and what to do."""


def command_line(attempt: Attempt, arguments: Sequence[str], scratch: Path, description: Path) -> list[str]:
    """The arguments of `aide`: what the agent's settings say, and the places, which they cannot change.

    Raises:
        WrongSetting: an argument is not key=value.
    """
    for argument in arguments:
        if "=" not in argument:
            raise WrongSetting(f"expected key=value, not {argument!r}")
    return [
        "copy_data=False",  # links: the data can be larger than the disk
        *arguments,
        f"data_dir={attempt.data}",
        f"desc_file={description}",
        f"log_dir={scratch / 'logs'}",
        f"workspace_dir={scratch / 'workspaces'}",
        "exp_name=attempt",
    ]


def reachable_model(name: str, environ: Mapping[str, str]) -> str:
    """The name under which AIDE sends a model's calls to OPENAI_BASE_URL, where that is set.

    Raises:
        WrongSetting: AIDE would call another company.
    """
    if not environ.get("OPENAI_BASE_URL"):
        return name
    if name.startswith(ELSEWHERE):
        raise WrongSetting(
            f"AIDE would call {name} at its maker's address, which cannot be reached from here; "
            "name a model that OPENAI_BASE_URL serves"
        )
    return f"openai/{name}" if OPENAI_NAME.fullmatch(name) else name


def temperature(model: str, wanted: float) -> float:
    """The temperature that a model is asked for; by their bare names AIDE sends none to reasoning models."""
    return ONLY_TEMPERATURE if REASONING_MODEL.fullmatch(model) else wanted
