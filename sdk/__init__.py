"""mlebench from Python, over HTTP: the actions of the server as methods.

    from sdk import Client

    client = Client(base_url="http://127.0.0.1:8000")
    run = client.run(competition_set="dev", agent_id="baseline")
    client.wait_for_completion(run["run_id"])
    print(client.get_run_summary(run["run_id"]))

It needs httpx and nothing else of what runs and grades attempts. docs/sdk.md has more.
"""

from core.errors import InputError
from sdk.client import AsyncClient, Client
from sdk.errors import (
    ClientError,
    NotFound,
    NotNow,
    Refused,
    RequestFailed,
    ServerFailed,
    ServerUnreachable,
    StillRunning,
    TooManyRequests,
    Unauthorized,
    UnexpectedAnswer,
)
from sdk.events import Event
from sdk.results import Artifact, Artifacts, CompetitionReport, GradingReport, Health, Run, RunSummary

__all__ = [
    "Artifact",
    "Artifacts",
    "AsyncClient",
    "Client",
    "ClientError",
    "CompetitionReport",
    "Event",
    "GradingReport",
    "Health",
    "InputError",
    "NotFound",
    "NotNow",
    "Refused",
    "RequestFailed",
    "Run",
    "RunSummary",
    "ServerFailed",
    "ServerUnreachable",
    "StillRunning",
    "TooManyRequests",
    "Unauthorized",
    "UnexpectedAnswer",
]
