"""All exceptions of the project.

    MlebenchError
    ├── InputError                 the person who called gave something that cannot work (exit code 2)
    │   └── UnknownName            an id that names nothing; carries the nearest names
    ├── DataError                  a competition's data cannot be fetched or prepared on this host
    │   ├── BrokenArchive          an archive is damaged, or is none
    │   └── KaggleUnreachable      Kaggle does not answer; says nothing about the competition
    ├── NotApplicable              a technique cannot be asked of a competition; the text says why
    ├── GradingError
    │   ├── SubmissionInvalid      the submission breaks the competition's format
    │   └── GraderFailed           the grader itself broke; never the submission's fault
    ├── InfrastructureError        the machinery failed; the attempt may be tried again
    │   ├── SandboxError           the Docker engine or the process sandbox failed
    │   ├── LeaseLost              another worker owns the attempt now
    │   └── ServiceUnavailable     the broker or the database does not answer
    └── ClientError                what calls of the SDK raise; sdk/errors.py has the tree

An agent's failure is not here: it is a result, named by `core.status.Status`.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class MlebenchError(Exception):
    """Base of all errors that this project raises on purpose. Its text is for people to read."""


class InputError(MlebenchError):
    """Wrong input: the message names the thing, what was expected, and what to do. Exit code 2."""


class UnknownName(InputError):
    """An id that names nothing.

    Attributes:
        kind: what was looked for, for example "competition".
        name: what was asked for.
        nearest: known names that look like it, best first, at most three.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, lists: str | None = None) -> None:
        """`lists`: what lists all known names, where they are many and none is like another."""
        choices = sorted(known)
        self.kind = kind
        self.name = name
        self.nearest: Sequence[str] = get_close_matches(name, choices, n=3, cutoff=0.5)
        if self.nearest:
            hint = f"did you mean {' or '.join(self.nearest)}?"
        elif choices and lists is not None:
            hint = f"they are listed by: {lists}"
        elif choices:
            shown = ", ".join(choices[:10]) + (", ..." if len(choices) > 10 else "")
            hint = f"known: {shown}"
        else:
            hint = f"there is no {kind} here"
        super().__init__(f"unknown {kind} {name!r}; {hint}")


class DataError(MlebenchError):
    """A competition's data cannot be fetched, verified or prepared on this host."""


class BrokenArchive(DataError):
    """An archive is damaged, or is none."""


class KaggleUnreachable(DataError):
    """Kaggle does not answer, or only with errors of its own; says nothing about the competition."""


class NotApplicable(MlebenchError):
    """A technique cannot be asked of a competition; the text says why, and is a result, not a failure."""


class GradingError(MlebenchError):
    """A submission did not get a score."""


class SubmissionInvalid(GradingError):
    """The submission breaks the competition's format; the text says how, in one line, without any answer."""


class GraderFailed(GradingError):
    """The grader itself broke. Says nothing about the submission."""


class InfrastructureError(MlebenchError):
    """The machinery failed, not the agent: the attempt may be tried again."""


class SandboxError(InfrastructureError):
    """The Docker engine, an image or the process sandbox failed."""


class LeaseLost(InfrastructureError):
    """Another worker owns the attempt now; whatever this one still holds of it is void."""


class ServiceUnavailable(InfrastructureError):
    """The broker or the database does not answer. The text shows its URL without the password."""
