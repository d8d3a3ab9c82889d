"""What a worker's log lines look like: text or JSON, with the ids of the work they are about, without passwords.

A thread says once what it works on (`about`); every line that is logged in it, also by libraries, carries that.
Celery's jobs say it by themselves (`begin_job`). An event that machines look for has a fixed name:
`log.info("...", extra={"action": "attempt_ended"})`.
"""

import json
import logging
import re
import socket
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from pydantic import SecretStr

from worker.identity import this_worker
from worker.settings import LogFormat, Settings, without_password

SHORTEST_SECRET = 5  # characters; replacing "1" or "redis" wherever it stands would only spoil the log
URL_PASSWORD = re.compile(r"://[^:@]*:(.*)@|[?&][^=&]*passw[^=&]*=([^&]*)")
IDS = ("job", "attempt_id", "run_id", "competition")
FIRST_ARGUMENT = {"run_attempt": "attempt_id", "grade_attempt": "attempt_id", "collect": "run_id"}  # of our jobs

_nothing: Mapping[str, str] = MappingProxyType({})
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=_nothing)


def about(**ids: str) -> None:
    """Name what this thread works on (see IDS), for all lines that it logs until its job ends."""
    _about.set({**_about.get(), **ids})


def begin_job(task: Any, args: Sequence[Any], **_: Any) -> None:
    """Name the Celery job that this thread begins, with the id that it is given."""
    _about.set({"job": task.name})
    if args and (name := FIRST_ARGUMENT.get(task.name)):
        about(**{name: str(args[0])})


def end_job(**_: Any) -> None:
    """Forget what this thread worked on."""
    _about.set(_nothing)


def use_format(logger: logging.Logger, settings: Settings) -> None:
    """Have a logger's handlers write lines as the settings ask for."""
    formatter = JsonLines(settings) if settings.log_format is LogFormat.JSON else TextLines(settings)
    for handler in logger.handlers:
        handler.setFormatter(formatter)
    # "Task ... received" comes before the job, and knows no ids but the message's; `attempt_taken` says it better.
    logging.getLogger("celery.worker.strategy").setLevel(logging.WARNING)


class TextLines(logging.Formatter):
    """Lines for people: `2026-01-31T12:00:00.000Z INFO run_attempt attempt_id=... run_id=...: message`."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("%(asctime)s %(levelname)s %(about)s%(message)s")
        self._hidden = hidden(settings)

    def format(self, record: logging.LogRecord) -> str:
        known = _about.get()
        ids = " ".join(known[name] if name == "job" else f"{name}={known[name]}" for name in IDS if name in known)
        record.about = f"{ids}: " if ids else ""
        return self._without_secrets(super().format(record))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _without_secrets(self, line: str) -> str:
        for secret, shown in self._hidden.items():
            line = line.replace(secret, shown)
        return line


class JsonLines(TextLines):
    """Lines for machines: one JSON object each, always with the same keys; `exception` only where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        known = _about.get()
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "action": getattr(record, "action", None),
            "message": record.getMessage(),
            **{name: known.get(name) for name in IDS},
            "host": socket.gethostname(),
            "worker": this_worker(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return self._without_secrets(json.dumps(line))


def hidden(settings: Settings) -> dict[str, str]:
    """Give what no line may show, and what it shows instead: whole URLs first, then passwords by themselves."""
    urls, secrets = {}, set()
    for field in sorted(settings.secret_fields()):
        value = getattr(settings, field)
        if isinstance(value, SecretStr):
            secrets.add(value.get_secret_value())
        elif value and (shown := without_password(value)) != value:
            urls[value] = shown
            secrets |= {part for found in URL_PASSWORD.findall(value) for part in found}
    secrets |= {unquote(secret) for secret in secrets}
    secrets |= {json.dumps(secret)[1:-1] for secret in secrets}
    longest_first = sorted(secrets, key=len, reverse=True)
    return urls | {secret: "***" for secret in longest_first if len(secret) >= SHORTEST_SECRET}
