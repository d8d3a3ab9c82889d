"""What the server sends, as the contract has it."""

from typing import Any


def run_object(status: str = "running", **more: Any) -> dict[str, Any]:
    return {
        "run_id": "0123456789ab",
        "status": status,
        "created_at": "2025-12-11T03:48:13+00:00",
        "updated_at": "2025-12-11T03:49:13Z",
        "request": {"competition_set": "dev", "agent_id": "dummy"},
        "message": "2 of 6 attempts are done",
        "run_group": "2025-12-11T03-48-13-UTC_run-group_dummy",
        "run_dir": "/runs/2025-12-11T03-48-13-UTC_run-group_dummy",
        "logs": [{"name": "run.log", "path": "group/attempt/run.log"}],
        "progress": {"planned": 6, "queued": 3, "running": 1, "collected": 0, "done": 2},
        **more,
    }
