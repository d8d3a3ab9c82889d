"""Where an attempt is, and how it ended."""

from enum import StrEnum


class State(StrEnum):
    """Where an attempt is on its way. Only forward, except that a lost try goes back to QUEUED."""

    QUEUED = "queued"  # waits for a worker
    RUNNING = "running"  # a worker holds its lease; the agent works, or is about to
    COLLECTED = "collected"  # the agent is done, its files are in the run folder, grading is next
    DONE = "done"  # final: `Status` says how it ended


class Status(StrEnum):
    """How an attempt ended. Every attempt ends with exactly one of these."""

    COMPLETED = "completed"  # the agent ended by itself with exit code 0 and its submission was graded
    AGENT_FAILED = "agent_failed"  # the agent ended with another exit code
    NO_SUBMISSION = "no_submission"  # the agent ended well but left no submission
    INVALID_SUBMISSION = "invalid_submission"  # the agent ended well but its submission breaks the format
    TIME_LIMIT = "time_limit"  # the agent was stopped at its time limit
    MEMORY_LIMIT = "memory_limit"  # the agent was killed at its memory limit
    DISK_LIMIT = "disk_limit"  # the agent was stopped because it filled its disk allowance
    BUDGET_SPENT = "budget_spent"  # the agent was stopped because its model budget was used up
    CANCELLED = "cancelled"  # someone cancelled the run
    INFRASTRUCTURE_FAILED = "infrastructure_failed"  # the machinery failed, after all retries
    GRADER_FAILED = "grader_failed"  # the grader broke on a submission; says nothing about the agent

    @property
    def lost_to_machinery(self) -> bool:
        """Whether the attempt says nothing about the agent, so that it may be queued again."""
        return self in (Status.INFRASTRUCTURE_FAILED, Status.GRADER_FAILED)


class RunState(StrEnum):
    """Where a run is."""

    OPEN = "running"  # attempts are queued or running
    CLOSED = "completed"  # every attempt is final and the run folder is written
    CANCELLED = "cancelled"  # cancelled by someone, then closed
