"""What goes in and comes out, as OpenAPI shows it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _whole(value: object) -> object:
    """JSON does not tell 2.0 from 2."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
Name = Annotated[str, Field(min_length=1, max_length=255)]


class RunOrder(BaseModel):
    """What to run. Everything may be left out."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {"competition_set": "dev", "agent_id": "dummy", "n_seeds": 2},
                {"competition_set": ["diamond-prices"], "agent_id": "dummy", "technique_tasks": ["missing"]},
            ]
        },
    )

    competition_set: Annotated[Name | list[Name], Field(min_length=1)] = Field(
        default="dev",
        description="A split: its name, or its file below splits/ (`dev`, `dev.txt`, `experiments/splits/dev.txt`); "
        "or a list of competition ids.",
    )
    agent_id: Name = Field(default="baseline", description="One of `GET /agents`.")
    lite: bool = Field(default=False, description='The same as competition_set "low".')
    n_seeds: Whole = Field(default=1, ge=1, le=1000, description="Attempts per competition, with the seeds 0, 1, ...")
    n_workers: Whole | None = Field(
        default=None, ge=1, le=256, description="Attempts at a time where the server has no broker; else ignored."
    )
    retain: bool = Field(
        default=False, description="Recorded only: containers are never kept, and all evidence always is."
    )
    data_dir: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        default=None, description="The competitions' data: MLEBENCH_DATA_DIR, or in one of MLEBENCH_API_DATA_DIRS."
    )
    notes: Annotated[str, Field(max_length=10_000)] | None = Field(default=None, description="Kept with the run.")
    technique_tasks: list[Name] | Literal["all"] | None = Field(
        default=None, description="Ask these techniques (`GET /technique-tasks`) instead of whole competitions."
    )
    tasks: list[Name] | None = Field(
        default=None,
        description="Names of techniques, which are added to technique_tasks, and of competitions, to which the set "
        "is narrowed.",
    )
    time_limit_secs: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="Seconds an agent may work. Default: the server's setting."
    )
    sandbox: Literal["auto", "docker", "process"] | None = Field(
        default=None, description="Where agents run; `process` is no isolation. Default: the server's setting."
    )
    priority: Whole = Field(default=0, ge=-1000, le=1000, description="Runs of higher priority go first.")
    judge: Name | None = Field(
        default=None, description="A model of OpenAI that reads techniques' answers, beside the score."
    )


class LogFile(BaseModel):
    """A log that can be fetched."""

    name: str = Field(description="The attempt's folder.", examples=["diamond-prices_7c9a4a0e-..."])
    path: str = Field(description="Fetch it with `GET /files/{path}`.")


class Counts(BaseModel):
    """How many attempts of a run are where."""

    planned: int = Field(ge=0)
    queued: int = Field(ge=0, description="Wait for a worker.")
    running: int = Field(ge=0, description="Their agents work.")
    collected: int = Field(ge=0, description="Wait for their grade.")
    done: int = Field(ge=0)


class ListedRun(BaseModel):
    """A run as lists show it."""

    run_id: str = Field(examples=["0f8c1b2d3e4a"])
    status: Literal["queued", "running", "completed", "failed"] = Field(
        description="queued: no attempt has begun. completed: closed, every attempt ended and was graded. "
        "failed: closed, with attempts lost to the machinery, or cancelled."
    )
    created_at: datetime
    updated_at: datetime
    request: RunOrder = Field(description="What was asked for, with the defaults.")
    message: str = Field(description="One line on how it is doing, or why it failed.", examples=["3 of 6 done"])
    run_group: str = Field(description="Name of the run folder, below the runs folder.")
    run_dir: str = Field(description="The run folder, on the server's host or in its object store.")
    progress: Counts


class Run(ListedRun):
    """A run."""

    logs: list[LogFile] = Field(description="Of the attempts that ended last, at most 100; artifacts has all.")


class Summary(BaseModel):
    """What came out of a closed run."""

    run_id: str
    run_group: str
    run_dir: str
    grading_reports: list[dict[str, Any]] = Field(description="The content of grading_report.json.")
    technique_grades: dict[str, Any] | None = Field(
        default=None, description="Of runs that asked techniques: the content of technique_grades.json."
    )


class Artifact(BaseModel):
    """A file that a run left."""

    path: str = Field(description="Fetch it with `GET /files/{path}`.")
    bytes: int = Field(ge=0)
    attempt: str | None = Field(description="The attempt's id; null for files of the run.")


class Artifacts(BaseModel):
    """The files of a run, by kind."""

    run_id: str
    submissions: list[Artifact]
    grading_reports: list[Artifact]
    logs: list[Artifact]
    rollouts: list[Artifact] = Field(description="What agents left in logs/, and the record of their model calls.")
    code: list[Artifact]
    metadata: list[Artifact]
    truncated: bool = Field(description="Whether there are more files than are listed.")


class Health(BaseModel):
    """Everything that the server needs answers."""

    status: Literal["ok"]
    broker: Literal["ok", "embedded"]
    database: Literal["ok"]
    version: str


class AttemptEvent(BaseModel):
    """Where an attempt is."""

    attempt_id: str
    name: str
    competition_id: str
    technique: str | None
    seed: int
    state: Literal["queued", "running", "collected", "done"]
    status: str | None = Field(description="How the agent ended; final when the state is done.")
    score: float | None
    medal: str | None
    message: str


class LogEvent(BaseModel):
    """The last line that an attempt's agent has said."""

    attempt_id: str
    line: str


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str = Field(examples=["body.n_seeds"])
    message: str


class ProblemDetails(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["unknown agent 'dumy'; did you mean dummy?"])
    errors: list[FieldProblem] | None = None
