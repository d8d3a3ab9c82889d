"""Runs, attempts and tries as frozen records: the only place that knows the columns by name."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Row

from core.resources import Allocation, Resources
from core.status import RunState, State, Status


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What someone asked for, with everything a worker needs to carry it out.

    Stored with the run as JSON, so that a run can be resumed and explained later.
    """

    agent_id: str
    agent_hash: str  # content hash of the agent's folder when it was submitted
    agent_source: str | None = None  # the folder or the repository (at a commit) it came from; None: known by its id
    split: str  # the split's name, or "custom" for a list of competitions
    competitions: tuple[str, ...]
    seeds: int  # attempts run with the seeds 0 .. seeds - 1
    techniques: tuple[str, ...] = ()  # empty: whole competitions
    sandbox: str = "auto"  # auto, docker or process
    time_limit_secs: float
    data_dir: str | None = None  # None: the data folder of each worker's own settings
    judge: str | None = None  # a model that reads the reasoning in techniques' answers
    user: str = ""  # who asked: users share the hosts evenly
    priority: int = 0  # a run of higher priority goes first
    max_cost_usd: float | None = None  # what all attempts together may spend on models
    max_cost_per_attempt_usd: float | None = None  # what each attempt may, over all its tries
    max_calls_per_minute: float | None = None  # of models, by all attempts together
    needs: Mapping[str, Resources] = field(default_factory=dict)  # competition -> what is asked for, where something is
    expected_secs: Mapping[str, float] = field(default_factory=dict)  # competition -> how long an attempt may well take
    asked: Mapping[str, Any] | None = None  # what was asked of the HTTP server, word for word; None: of a command

    def needs_of(self, competition_id: str) -> Resources:
        """Give what an attempt on a competition asks for."""
        return self.needs.get(competition_id, Resources())

    def to_json(self) -> dict[str, Any]:
        """Give the request as a JSON object. What is not asked for is not in it: workers of an older version, which do
        not know the word, carry out what does not need it."""
        return {
            **{name: value for name, value in self.__dict__.items() if value is not None},
            "competitions": list(self.competitions),
            "techniques": list(self.techniques),
            "needs": {competition: needs.to_json() for competition, needs in self.needs.items()},
            "expected_secs": dict(self.expected_secs),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        lists = {key: tuple(value[key]) for key in ("competitions", "techniques")}
        needs = {key: Resources.from_json(asked) for key, asked in value.get("needs", {}).items()}
        return cls(**{**value, **lists, "needs": needs})


@dataclass(frozen=True, kw_only=True)
class Run:
    """One submit: an agent on competitions and seeds."""

    run_id: str
    run_group: str  # name of the run folder
    run_dir: str  # absolute path of the run folder
    state: RunState
    request: RunRequest
    planned: int  # number of attempts
    cancel_requested: bool
    created_at: datetime
    closed_at: datetime | None

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Read a row of the table runs."""
        values = dict(row._mapping)
        values["state"] = RunState(values["state"])
        values["request"] = RunRequest.from_json(values["request"])
        return cls(**values)


def attempt_name(competition_id: str, attempt_id: str) -> str:
    """Give the name of an attempt, which is that of its folder in the run's: a competition, and an id of 32 digits."""
    return f"{competition_id}_{uuid.UUID(attempt_id)}"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One agent on one competition (and technique) with one seed."""

    attempt_id: str
    run_id: str
    position: int  # order in the queue: longest expected first
    name: str  # its folder in the run folder
    competition_id: str
    technique: str | None
    seed: int
    state: State
    status: Status | None  # how the agent ended; final when state is DONE
    message: str  # one line on the status
    owner: str | None  # the worker that holds the lease
    lease_expires_at: datetime | None
    fence: int  # number of leases given out so far; what an older lease writes is refused
    tries: int  # tries that the machinery has spent on it
    queued_at: datetime
    started_at: datetime | None  # a worker took it
    agent_started_at: datetime | None  # the agent began to work
    collected_at: datetime | None  # its files were in the run folder
    finished_at: datetime | None  # graded, or given up
    agent_secs: float | None  # how long the agent worked
    exit_code: int | None
    environment: dict[str, Any] | None  # where it ran: host, sandbox, image digest, data hash, limits
    last_line: str  # of the agent's output
    score: float | None
    medal: str | None
    report: dict[str, Any] | None
    host: str | None = None  # where it runs or ran last; see store/hosts.py
    allocation: Allocation | None = None  # what it holds of that host while it runs

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Read a row of the table attempts."""
        values = dict(row._mapping)
        values["allocation"] = Allocation.from_json(values["allocation"]) if values["allocation"] else None
        values["state"] = State(values["state"])
        values["status"] = Status(values["status"]) if values["status"] else None
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class Try:
    """One lease of an attempt, kept whatever became of it."""

    attempt_id: str
    fence: int
    owner: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None  # a Status, "given_back", or "lost" when its lease ran out
    error: str | None

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Read a row of the table tries."""
        return cls(**dict(row._mapping))


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to run one attempt, held by one worker. Void as soon as the database says so."""

    attempt_id: str
    run_id: str
    owner: str
    fence: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a try ended, as the worker that ran it saw it."""

    status: Status
    message: str
    agent_secs: float | None = None
    exit_code: int | None = None
