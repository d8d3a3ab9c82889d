"""What competition.yaml, thresholds.yaml and technique.yaml may hold, checked strictly."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    ValidationError,
    model_validator,
)

from core.errors import InputError
from core.resources import Resources
from grading.formats import MAX_BYTES, SUM_TOLERANCE, ColumnKind, Header
from grading.medals import ThresholdKind

Model = TypeVar("Model", bound="YamlFile")
RawName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Address = Annotated[str, StringConstraints(pattern="^https://")]
Md5 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]


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
    """One column of a table, or several of one kind. grading.formats.Column says what the keys mean."""

    name: str | None = None
    names_from: str | None = None  # in place of `name`: a file beside competition.yaml, one column's name a line
    kind: ColumnKind
    classes: tuple[str, ...] = ()
    classes_from: str | None = None  # in place of `classes`: a file beside competition.yaml, one class a line
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None
    missing_words: bool = False
    refuse_all_numbers: bool = False

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if (self.name is None) == (self.names_from is None):
            raise ValueError("a column has one of name and names_from")
        if self.classes and self.classes_from is not None:
            raise ValueError("a column has one of classes and classes_from")
        return self


class SubmissionEntry(YamlFile):
    """The format of a submission. grading.formats.SubmissionFormat says what the keys mean."""

    id: str
    further_ids: tuple[str, ...] = ()
    repeated_ids: bool = False
    columns: tuple[ColumnEntry, ...] = Field(min_length=1)
    header: Header = Header.OPEN
    rows_sum_to_one: bool = False
    sum_tolerance: PositiveFloat = SUM_TOLERANCE
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
    answers: str = "test.csv"  # below private/
    answer_columns: tuple[ColumnEntry, ...] = ()  # what a grader reads of the answers; default: the submission's
    sample: str = "sample_submission.csv"  # below public/; a .zip or .7z holds it as its only file
    table: Table | None = None
    expected_secs: PositiveFloat | None = None
    resources: Resources = Resources()
    download_bytes: PositiveInt | None = None  # size of Kaggle's archive
    further_files: dict[RawName, Address] = Field(default_factory=dict)  # in raw/, from elsewhere than Kaggle
    issues: tuple[str, ...] = ()  # known defects of the data or the grading, a sentence each


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


class ChecksumsFile(YamlFile):
    """checksums.yaml: MD5 sums, in hex. Paths are below prepared/public/ and prepared/private/."""

    zip: Md5 | None = None  # Kaggle's archive
    public: dict[str, Md5] = Field(default_factory=dict)
    private: dict[str, Md5] = Field(default_factory=dict)


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
