"""How many processors this process may use."""

import os
from pathlib import Path

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def limit_threads() -> int:
    """Tell numerical libraries how many threads to use, and return the number. Call before they are imported.

    An OMP_NUM_THREADS that is already set counts.
    """
    given = os.environ.get("OMP_NUM_THREADS", "")
    count = int(given) if given.isdecimal() and int(given) > 0 else available()
    for name in VARIABLES:
        os.environ[name] = str(count)
    return count


def available() -> int:
    """Processors that the scheduler and the container's quota leave to this process, at least 1."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return max(1, min(count, int(quota)) if quota else count)


def _quota() -> float | None:
    """Processors by the cgroup's quota (version 2, then 1), or None without one."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        paths = [Path("/sys/fs/cgroup") / file for file in files]
        if all(path.is_file() for path in paths):
            quota, period = " ".join(path.read_text() for path in paths).split()
            return int(quota) / int(period) if quota.isdecimal() else None
    return None
