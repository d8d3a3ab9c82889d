"""What is inspected: the files that attempts left, all hostile, and what this host knows of their competitions."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.files import read_plain
from store.storage import Published, Storage
from tasks.data import Prepared
from tasks.registry import Competition

ATTEMPT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,250}")
MOST_METADATA_BYTES = 256 << 20
MOST_GIVEN_BYTES = 4 << 20


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """What one attempt left.

    Attributes:
        name: of its folder in the run folder.
        files: by their names below that folder.
    """

    run_id: str
    agent_id: str
    agent_hash: str
    name: str
    competition_id: str
    technique: str | None
    seed: int
    storage: Storage
    files: Mapping[str, Published]

    @property
    def label(self) -> str:
        """What people call it: competition, seed and run."""
        technique = f" {self.technique}" if self.technique else ""
        return f"{self.competition_id}{technique} seed {self.seed} of {self.run_id}"

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """Give one of its files on this host while the context lasts."""
        with self.storage.local(self.files[name]) as path:
            yield path

    def read(self, name: str, *, max_bytes: int) -> bytes | None:
        """Read one of its files; None for one that is not there, is no plain file, or is too large."""
        if name not in self.files or self.files[name].bytes > max_bytes:
            return None
        with self.local(name) as path:
            try:
                return read_plain(path, max_bytes=max_bytes)
            except (OSError, ValueError):  # it changed into something else, or may not be read
                return None


@dataclass(frozen=True, kw_only=True)
class Known:
    """What this host knows of a competition.

    Attributes:
        competition: None where this host has no such competition.
        data: None where it is not prepared here.
        given: the lines that every agent is given to read, stripped: an agent that repeats them reaches for nothing.
    """

    competition: Competition | None = None
    data: Prepared | None = None
    given: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, competition: Competition, data: Prepared | None, *, texts: tuple[str, ...] = ()) -> "Known":
        """Gather what is known of a competition; `texts`: what agents are given besides its description."""
        texts = (competition.description(), *texts)
        if data is not None and (data.public / "description.md").is_file():
            content = read_plain(data.public / "description.md", max_bytes=MOST_GIVEN_BYTES)
            texts = (*texts, content.decode("utf-8", "replace"))
        lines = (line.strip() for text in texts for line in text.splitlines())
        return cls(competition=competition, data=data, given=frozenset(line for line in lines if line))

    @cached_property
    def held_out(self) -> frozenset[str]:
        """The names of the files that hold answers and that no agent is given, lower case."""
        if self.data is None:
            return frozenset()
        private = {path.name.lower() for path in self.data.private.rglob("*") if path.is_file()}
        public = {path.name.lower() for path in self.data.public.rglob("*")} if private else set()
        return frozenset(private - public)


def read_run(storage: Storage, *, name: str) -> list[Rollout]:
    """Give the attempts of a closed run.

    Args:
        storage: its files.
        name: what the caller calls it, for messages.

    Raises:
        InputError: it is not closed yet, or what it says of itself cannot be read.
    """
    content = storage.read("metadata.json")
    if content is None:
        raise InputError(f"run {name} has no metadata.json: it is not closed yet; see scripts/status.py")
    metadata = _object(content, name)
    attempts = metadata.get("runs")
    if not isinstance(attempts, dict):
        raise InputError(f"run {name}: its metadata.json lists no attempts under 'runs'")
    return [_rollout(attempt, entry, metadata, storage, name) for attempt, entry in attempts.items()]


def _object(content: bytes, name: str) -> dict[str, Any]:
    if len(content) > MOST_METADATA_BYTES:
        raise InputError(f"run {name}: its metadata.json has {len(content)} bytes, too many to be ours")
    try:
        metadata = json.loads(content)
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        raise InputError(f"run {name}: its metadata.json is not a JSON object")
    return metadata


def _rollout(attempt: str, entry: Any, metadata: Mapping[str, Any], storage: Storage, name: str) -> Rollout:
    technique = entry.get("technique") if isinstance(entry, dict) else None
    try:
        if not ATTEMPT_NAME.fullmatch(attempt):
            raise ValueError(f"{attempt!r} is no attempt's name")
        return Rollout(
            run_id=str(metadata["run_id"]),
            agent_id=str(metadata["agent_id"]),
            agent_hash=str(metadata["agent_hash"]),
            name=attempt,
            competition_id=str(entry["competition_id"]),
            technique=None if technique is None else str(technique),
            seed=int(entry["seed"]),
            storage=storage,
            files=storage.files(attempt),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"run {name}: its metadata.json is not ours: {type(error).__name__}: {error}") from error
