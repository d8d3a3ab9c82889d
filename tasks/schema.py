"""What competition.yaml, thresholds.yaml and technique.yaml may hold, checked strictly."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveFloat, PositiveInt, ValidationError

from core.errors import InputError
from grading.medals import ThresholdKind
from grading.submission import MAX_BYTES, ColumnKind

Model = TypeVar("Model", bound="YamlFile")


class YamlFile(BaseModel):
    """Base of all that is read from YAML: unknown keys and wrong types are errors, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Kind(StrEnum):
    """What is predicted."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class Source(StrEnum):
    """Where a competition's raw data comes from."""

    KAGGLE = "kaggle"  # downloaded into raw/
    PACKAGE = "package"  # read by the preparer from an installed Python package; raw/ stays empty


class Images(YamlFile):
    """Paths of the image files below the public data, with `{column}` standing for a cell of the table."""

    train: str
    test: str


class Table(YamlFile):
    """How to read a competition's table. Paths are below the public data, the rest are column names."""

    train: str
    test: str
    target: str
    id: str
    kind: Kind
    time: str | None = None  # orders the rows; when given, the test rows are the latest
    groups: tuple[str, ...] = ()  # rows with the same value belong together
    categorical: tuple[str, ...] = ()
    ordinal: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # column -> its levels in rising order
    text: tuple[str, ...] = ()  # prose
    images: Images | None = None


class ColumnEntry(YamlFile):
    """One column of a submission."""

    name: str
    kind: ColumnKind
    classes: tuple[str, ...] = ()


class SubmissionEntry(YamlFile):
    """The format of a submission."""

    id: str
    columns: tuple[ColumnEntry, ...] = Field(min_length=1)
    rows_sum_to_one: bool = False
    max_bytes: PositiveInt = MAX_BYTES


class CompetitionFile(YamlFile):
    """competition.yaml."""

    id: str
    name: str
    category: str
    source: Source
    metric: str  # a name of grading.metrics.METRICS, or any name when grade.py is beside
    lower_is_better: bool | None = None  # with grade.py only: a named metric knows it
    submission: SubmissionEntry
    answers: str = "test.csv"
    sample: str = "sample_submission.csv"
    table: Table | None = None
    expected_secs: PositiveFloat | None = None
    issues: tuple[str, ...] = ()


class ThresholdsFile(YamlFile):
    """thresholds.yaml."""

    kind: ThresholdKind
    gold: FiniteFloat
    silver: FiniteFloat
    bronze: FiniteFloat
    median: FiniteFloat
    # Reference thresholds say how they came about.
    models: dict[str, str] = Field(default_factory=dict)  # threshold -> the model that set it
    note: str | None = None
    recorded: str | None = None  # date, YYYY-MM-DD
    recorded_by: str | None = None  # the command that records them again
    versions: dict[str, str] = Field(default_factory=dict)  # library -> version


class CheckEntry(YamlFile):
    """One check of a technique: a function of that name in its checks.py."""

    name: str
    finds: str  # what it holds against the truth, for people
    weight: PositiveFloat
    needs: tuple[str, ...] = ()  # earlier checks that it rests on: it counts as much as they earned of theirs


class CodeEntry(YamlFile):
    """A code file that may be handed in with an answer. It is run in a sandbox."""

    file: str
    function: str
    shape: Literal["split", "transform"]  # split(train) gives pairs of positions; others take and give both tables
    check: CheckEntry  # its points are added to the score, and not missed where there is no file


class TechniqueFile(YamlFile):
    """technique.yaml."""

    id: str
    name: str
    kinds: tuple[Kind, ...] = tuple(Kind)  # of targets that it can be asked about
    images: bool = False  # whether the labels of images are enough to ask it
    fields: tuple[str, ...] = Field(min_length=1)  # of the answer
    checks: tuple[CheckEntry, ...] = Field(min_length=1)
    code: CodeEntry | None = None


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Read `path` as `model`.

    Raises:
        InputError: the file is missing, unreadable, not YAML, or breaks the model; one line names all faults.
    """
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    try:
        # Through JSON, because the strict mode of Python values would refuse a list for a tuple.
        return model.model_validate_json(json.dumps(value, default=str))
    except ValidationError as error:
        faults = "; ".join(_fault(entry, model) for entry in error.errors())
        raise InputError(f"{path}: {faults}") from error


def _fault(entry: Any, model: type[YamlFile]) -> str:
    where = ".".join(str(part) for part in entry["loc"])
    match entry["type"]:
        case "missing":
            return f"missing key {where!r}"
        case "extra_forbidden":
            known = f" (known: {', '.join(model.model_fields)})" if len(entry["loc"]) == 1 else ""
            return f"unknown key {where!r}{known}"
        case _:
            value = json.dumps(entry["input"], default=str)
            message = str(entry["msg"])
            return f"{where or 'the file'}: {message[:1].lower()}{message[1:]}, not {value[:60]}"
