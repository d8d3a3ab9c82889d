"""Seconds and peak memory of one piece of work, in a process of its own."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a piece of work took.

    Attributes:
        secs: by the clock on the wall.
        cpu_secs: of processor time, which other work on the machine hardly changes.
        peak_mib: the most memory the process held, Python and its libraries included.
    """

    secs: float
    cpu_secs: float
    peak_mib: float


def in_own_process(script: str, *arguments: str) -> dict[str, Any]:
    """Run a script of benchmarks/ with `arguments` and give the JSON that it prints last.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    command = [sys.executable, str(REPOSITORY / "benchmarks" / script), *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def cost_of(work: Callable[[], object]) -> Cost:
    """Do `work` and measure it; once a process, since the peak is that of its whole life."""
    started, cpu_started = time.monotonic(), time.process_time()
    work()
    secs, cpu_secs = time.monotonic() - started, time.process_time() - cpu_started
    return Cost(secs=secs, cpu_secs=cpu_secs, peak_mib=_peak_mib())


def about_this_machine() -> dict[str, Any]:
    """When and where, for a result file."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"platform": platform.platform(), "cpus": os.cpu_count()},
    }


def _peak_mib() -> float:
    """The most memory this program held. Not getrusage's, which begins with that of the process it was forked from."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kib) / 1024
