"""The attempt, as the sandbox's environment describes it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SHARE_KEPT = 0.05  # of the time limit is kept for the end: the last program's review, and handing in
MOST_KEPT_SECS = 60.0


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """Where everything is, and what is asked."""

    data: Path
    submission: Path
    logs: Path
    code: Path
    beside_agent: Path  # holds instructions.txt and its like
    technique: str | None  # its id, where one question is asked and no predictions are wanted
    seed: int
    time_limit_secs: float

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Attempt":
        """Read the variables of the sandbox; KeyError and ValueError where it is none."""
        return cls(
            data=Path(environ["DATA_DIR"]),
            submission=Path(environ["SUBMISSION_DIR"]),
            logs=Path(environ["LOGS_DIR"]),
            code=Path(environ["CODE_DIR"]),
            beside_agent=Path(environ["AGENT_DIR"]).parent,
            technique=environ.get("TECHNIQUE_TASK") or None,
            seed=int(environ["SEED"]),
            time_limit_secs=float(environ["TIME_LIMIT_SECS"]),
        )

    @property
    def answer(self) -> str:
        """The name of the file that is graded."""
        return f"{self.technique}_analysis.json" if self.technique else "submission.csv"


class Clock:
    """How much of the time limit is left, without what is kept for the end. Runs from its making."""

    def __init__(self, time_limit_secs: float) -> None:
        kept = min(SHARE_KEPT * time_limit_secs, MOST_KEPT_SECS)
        self._end = time.monotonic() + time_limit_secs - kept

    def left_secs(self) -> float:
        """Seconds that are left; negative when the time is up."""
        return self._end - time.monotonic()

    def bounded(self, seconds: int) -> int:
        """`seconds`, or the whole seconds that are left, at least one."""
        return max(1, min(seconds, int(self.left_secs())))
