"""What machine this is: for the record of a run, and for what attempts may use of it."""

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from core.resources import GIB, Capacity, Resources
from worker.identity import boot_name
from worker.settings import Settings

MEMORY_PART = 0.9  # of a host's memory is for attempts; the rest is for the machinery and the system


@cache
def hardware() -> dict[str, Any]:
    """Give this host's processors, memory and GPUs."""
    return {
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": _gpus("name"),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def capacity(settings: Settings) -> Capacity:
    """Give what attempts may use of this host: what the settings say, and where they say nothing all there is.

    Raises:
        InputError: the settings name a label that is none.
    """
    memory_gb = settings.host_memory_gb or MEMORY_PART * psutil.virtual_memory().total / GIB
    gpus = _gpus("index") if settings.host_gpus is None else _listed(settings.host_gpus)
    return Capacity(
        cpus=settings.host_cpus or float(os.cpu_count() or 1),
        memory_bytes=int(memory_gb * GIB),
        gpus=() if gpus == ["none"] else tuple(gpus),
        labels=Resources.parse({"labels": _listed(settings.host_labels or "")}, "MLEBENCH_HOST_LABELS").labels,
    )


def host_name(settings: Settings) -> str:
    """Give the name under which workers of this machine share what it has."""
    return settings.host or boot_name()


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


@cache
def _gpus(what: str) -> list[str]:
    """Give a property of each GPU, as nvidia-smi calls it."""
    try:
        answer = subprocess.run(
            ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):  # no driver, hence no GPU that could be used
        return []
    return answer.stdout.strip().splitlines()
