"""What the flow adds to a container: no-op attempts through everything, against bare `docker run --rm`.

    python benchmarks/container.py [--attempts 40] [--parallel 2]

Both sides run the same image, the same number of times, as many at a time, one right after the other, in rounds. They
do not do the same work: `docker run` starts a process of its own, makes a network namespace each time and waits for the
removal, which the flow does by the engine's API, once for many attempts, and aside. So the ratio says how the flow
compares with what people would do without it, not what its own steps cost; below 1 it has saved more than it took.
Prints a table and writes benchmarks/results/container.json. The flow is timed twice: from the first attempt's start
to the last one's grade (a worker that is already there), and as the whole command with its own Redis and workers.
"""
# ruff: noqa: E402 - the imports need the path that is set between them

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
sys.path[0] = str(REPOSITORY)  # and not this folder, where queue.py hides a module of Python's own

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from agents.registry import load_agent
from core.files import write_json
from worker.sandbox.docker import DockerSandbox

AGENTS = HERE / "agents"
COMPETITIONS = REPOSITORY / "tests" / "fixtures" / "competitions"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--attempts", type=int, default=40)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    image = _built_image()
    with tempfile.TemporaryDirectory(prefix="mlebench-benchmark-") as folder:
        _flow(Path(folder), attempts=1, parallel=1)  # prepares the data
        rounds = [
            {
                "bare_secs": _bare(image, attempts=arguments.attempts, parallel=arguments.parallel),
                **_flow(Path(folder), attempts=arguments.attempts, parallel=arguments.parallel),
            }
            for _ in range(arguments.rounds)
        ]
    _report(rounds, attempts=arguments.attempts, parallel=arguments.parallel)


def _built_image() -> str:
    sandbox = DockerSandbox()
    try:
        return sandbox.build(load_agent("noop", roots=[AGENTS]))
    finally:
        sandbox.close()


def _bare(image: str, *, attempts: int, parallel: int) -> float:
    """Seconds that bare `docker run` takes."""
    command = ["docker", "run", "--rm", "--network", "none", image, "true"]
    started = time.monotonic()
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        list(pool.map(lambda _: subprocess.run(command, check=True, capture_output=True), range(attempts)))
    return time.monotonic() - started


def _flow(folder: Path, *, attempts: int, parallel: int) -> dict[str, float]:
    """Seconds that the attempts take, and the whole command around them."""
    command = [
        *(sys.executable, "scripts/submit.py", "--agent", "noop", "--competitions", "tiny", "--sandbox", "docker"),
        *("--seeds", str(attempts), "--workers", str(parallel), "--json"),
    ]
    env = {
        **os.environ,
        "MLEBENCH_AGENTS_PATH": str(AGENTS),
        "MLEBENCH_COMPETITIONS_PATH": str(COMPETITIONS),
        "MLEBENCH_DATA_DIR": str(folder / "data"),
        "MLEBENCH_RUNS_DIR": str(folder / "runs"),
    }
    started = time.monotonic()
    done = subprocess.run(command, cwd=REPOSITORY, env=env, check=True, capture_output=True, text=True)
    command_secs = time.monotonic() - started
    result = json.loads(done.stdout)
    statuses = {report["status"] for report in result["reports"]}
    if statuses != {"no_submission"}:
        raise RuntimeError(f"the no-op attempts ended as {statuses}, expected no_submission alone")
    metadata = json.loads((Path(result["run_dir"]) / "metadata.json").read_text())
    times: list[Mapping[str, str]] = list(metadata["runs"].values())
    first = min(datetime.fromisoformat(entry["started_at"]) for entry in times)
    last = max(datetime.fromisoformat(entry["finished_at"]) for entry in times)
    return {"flow_secs": (last - first).total_seconds(), "command_secs": command_secs}


def _report(rounds: list[dict[str, float]], *, attempts: int, parallel: int) -> None:
    table = Table(title=f"{attempts} no-op attempts, {parallel} at a time")
    for name in ("round", "bare docker run", "flow", "ratio", "whole command", "ratio"):
        table.add_column(name, justify="right")
    for number, entry in enumerate(rounds, start=1):
        table.add_row(
            str(number),
            f"{entry['bare_secs']:.2f} s",
            f"{entry['flow_secs']:.2f} s",
            f"{entry['flow_secs'] / entry['bare_secs']:.2f}",
            f"{entry['command_secs']:.2f} s",
            f"{entry['command_secs'] / entry['bare_secs']:.2f}",
        )
    Console().print(table)
    result: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"platform": platform.platform(), "cpus": os.cpu_count()},
        "attempts": attempts,
        "parallel": parallel,
        "rounds": rounds,
        "flow_ratio": median(entry["flow_secs"] / entry["bare_secs"] for entry in rounds),
        "command_ratio": median(entry["command_secs"] / entry["bare_secs"] for entry in rounds),
    }
    print(f"median ratio: flow {result['flow_ratio']:.2f}, whole command {result['command_ratio']:.2f}")
    target = HERE / "results" / "container.json"
    target.parent.mkdir(exist_ok=True)
    write_json(target, result)


if __name__ == "__main__":
    main()
