"""What the server answers, typed.

Each answer is the dictionary that the server sent, unchanged, and has its known fields as attributes too, with types:
`run["status"]` and `run.status`, `run["created_at"]` (text) and `run.created_at` (an aware time). Fields that this
version of the SDK does not know stay in the dictionary. Answers cannot be changed; `dict(run)` is a copy that can.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, NoReturn, Self, TypeVar, overload

from sdk.errors import UnexpectedAnswer

T = TypeVar("T")
MISSING: Any = object()
KINDS = ("submissions", "grading_reports", "logs", "rollouts", "code", "metadata")
"""The kinds of artifacts."""


class Known(Generic[T]):
    """A field of an answer: how it is read, and what it is where the server does not send it."""

    def __init__(self, read: Callable[[Any], T], *, default: Any = MISSING) -> None:
        self.read = read
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, answer: None, owner: type) -> Self: ...
    @overload
    def __get__(self, answer: "Answer", owner: type) -> T: ...
    def __get__(self, answer: "Answer | None", owner: type) -> Self | T:
        if answer is None:
            return self
        value: T = answer._known[self.name]
        return value

    def of(self, values: Mapping[str, Any]) -> T:
        """Read the field out of an answer.

        Raises:
            UnexpectedAnswer: it is missing, or of another type.
        """
        if self.name not in values and self.default is not MISSING:
            default: T = self.default
            return default
        try:
            return self.read(values[self.name])
        except KeyError as error:
            raise UnexpectedAnswer(f"an answer without {self.name!r}") from error
        except (TypeError, ValueError) as error:
            raise UnexpectedAnswer(f"an answer with {self.name}={str(values[self.name])[:80]!r}: {error}") from error


class Answer(dict[str, Any]):
    """A dictionary as the server sent it, which cannot be changed, with known fields as typed attributes."""

    __slots__ = ("_known",)
    _known: Mapping[str, Any]

    def __init__(self, values: Mapping[str, Any]) -> None:
        if not isinstance(values, Mapping):
            raise UnexpectedAnswer(f"an answer that is no object: {str(values)[:80]}")
        super().__init__(values)
        fields = [field for kind in type(self).__mro__ for field in vars(kind).values() if isinstance(field, Known)]
        object.__setattr__(self, "_known", {field.name: field.of(values) for field in fields})

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed; dict(...) of it is a copy that can")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} cannot be changed; dict(...) of it is a copy that can")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("expected text")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("expected a whole number")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError("expected a number")
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("expected true or false")
    return value


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("expected a time with its zone")
    return moment


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError("expected an object")
    return value


def _or_none(read: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda value: None if value is None else read(value)


def each(read: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    """Give the reader of a list whose entries `read` reads."""

    def read_all(value: Any) -> tuple[T, ...]:
        if not isinstance(value, list | tuple):
            raise TypeError("expected a list")
        return tuple(read(entry) for entry in value)

    return read_all


def texts(value: Any) -> list[str]:
    """Read a list of texts."""
    return list(each(_text)(value))


class Progress(Answer):
    """How many attempts of a run are where."""

    __slots__ = ()
    planned = Known(_whole)
    queued = Known(_whole, default=0)
    running = Known(_whole, default=0)
    collected = Known(_whole, default=0)
    done = Known(_whole, default=0)


class LogFile(Answer):
    """A log of a run: what it is, and its path below the runs folder."""

    __slots__ = ()
    name = Known(_text)
    path = Known(_text)


class Run(Answer):
    """A run as it is now.

    `status` is queued (no attempt has begun), running, completed (every attempt ended and was graded) or failed
    (attempts were lost to the machinery, or someone cancelled); `message` says in one line how far it is or why it
    failed; `request` is what was asked for, with the defaults. Lists of runs have no `logs`.
    """

    __slots__ = ()
    run_id = Known(_text)
    status = Known(_text)
    created_at = Known(_moment)
    updated_at = Known(_or_none(_moment), default=None)
    request = Known(_object, default={})
    message = Known(_or_none(_text), default=None)
    run_group = Known(_or_none(_text), default=None)
    run_dir = Known(_or_none(_text), default=None)
    logs = Known(_or_none(each(LogFile)), default=())
    progress = Known(_or_none(Progress), default=None)

    @property
    def ended(self) -> bool:
        """Whether it is over, well or not."""
        return self.status in ("completed", "failed")


class CompetitionReport(Answer):
    """The graded result of one attempt, as in grading_report.json."""

    __slots__ = ()
    competition_id = Known(_text)
    score = Known(_or_none(_number))
    gold_threshold = Known(_or_none(_number))
    silver_threshold = Known(_or_none(_number))
    bronze_threshold = Known(_or_none(_number))
    median_threshold = Known(_or_none(_number))
    any_medal = Known(_flag)
    gold_medal = Known(_flag)
    silver_medal = Known(_flag)
    bronze_medal = Known(_flag)
    above_median = Known(_flag)
    submission_exists = Known(_flag)
    valid_submission = Known(_flag)
    is_lower_better = Known(_flag)
    created_at = Known(_moment)
    submission_path = Known(_or_none(_text), default=None)
    seed = Known(_or_none(_whole), default=None)
    technique = Known(_or_none(_text), default=None)
    status = Known(_or_none(_text), default=None)
    message = Known(_or_none(_text), default=None)
    threshold_kind = Known(_or_none(_text), default=None)


class GradingReport(Answer):
    """The content of a run's grading_report.json."""

    __slots__ = ()
    total_runs = Known(_whole)
    total_runs_with_submissions = Known(_whole)
    total_valid_submissions = Known(_whole)
    total_medals = Known(_whole)
    total_gold_medals = Known(_whole)
    total_silver_medals = Known(_whole)
    total_bronze_medals = Known(_whole)
    total_above_median = Known(_whole)
    competition_reports = Known(each(CompetitionReport))


class RunSummary(Answer):
    """What came out of a run; `technique_grades` is the content of technique_grades.json, None without techniques."""

    __slots__ = ()
    run_id = Known(_text)
    run_group = Known(_or_none(_text), default=None)
    run_dir = Known(_or_none(_text), default=None)
    grading_reports = Known(each(GradingReport))
    technique_grades = Known(_or_none(_object), default=None)


class Artifact(Answer):
    """A file of a run: its path below the runs folder, its size, and the attempt that it belongs to, if any."""

    __slots__ = ()
    path = Known(_text)
    bytes = Known(_whole)
    attempt = Known(_or_none(_text), default=None)


class Artifacts(Answer):
    """The files of a run, by kind; `truncated` where it has more than are listed."""

    __slots__ = ()
    run_id = Known(_text)
    submissions = Known(each(Artifact), default=())
    grading_reports = Known(each(Artifact), default=())
    logs = Known(each(Artifact), default=())
    rollouts = Known(each(Artifact), default=())
    code = Known(each(Artifact), default=())
    metadata = Known(each(Artifact), default=())
    truncated = Known(_flag, default=False)


class Health(Answer):
    """That the server answers, and so do its broker (`embedded`: it needs none) and its database."""

    __slots__ = ()
    status = Known(_text)
    broker = Known(_or_none(_text), default=None)
    database = Known(_or_none(_text), default=None)
    version = Known(_or_none(_text), default=None)


class AttemptState(Answer):
    """Where an attempt is, and how it ended: the data of an `attempt` event."""

    __slots__ = ()
    attempt_id = Known(_text)
    state = Known(_text)
    name = Known(_or_none(_text), default=None)
    competition_id = Known(_or_none(_text), default=None)
    technique = Known(_or_none(_text), default=None)
    seed = Known(_or_none(_whole), default=None)
    status = Known(_or_none(_text), default=None)
    score = Known(_or_none(_number), default=None)
    medal = Known(_or_none(_text), default=None)
    message = Known(_or_none(_text), default=None)


class LogLine(Answer):
    """The last line that an attempt has said: the data of a `log` event."""

    __slots__ = ()
    attempt_id = Known(_text)
    line = Known(_text)
