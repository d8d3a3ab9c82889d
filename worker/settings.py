"""Every setting of the system, its default, its unit and the name of its environment variable.

Read by `load_settings` at start-up and passed down; nothing reads the environment at import. A setting comes
from, first found: an argument of `load_settings`, the environment, the file `.env` in the repository's root
(`MLEBENCH_ENV_FILE` names another), the default below. The variable of a setting is its name in capitals
behind `MLEBENCH_`, except a few of the last ones, which have the names that users already know.
"""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

from dotenv import dotenv_values
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import InputError
from store.bucket import ADDRESS
from tasks.kaggle import Credentials, find_credentials

REPO = Path(__file__).resolve().parent.parent
PREFIX = "MLEBENCH_"
ENV_FILE_VARIABLE = "MLEBENCH_ENV_FILE"


class SandboxChoice(StrEnum):
    """Which sandbox attempts run in."""

    AUTO = "auto"  # Docker where an engine answers, else a process
    DOCKER = "docker"  # a container; an error where no engine answers
    PROCESS = "process"  # a plain process: no isolation


class LogFormat(StrEnum):
    """What a worker's log lines are."""

    TEXT = "text"  # for people
    JSON = "json"  # one object a line, for machines


def _default_slots() -> int:
    return min(os.cpu_count() or 1, 4)


def _known_as(name: str) -> Any:
    """Read from the unprefixed variable `name`; `load_settings` takes the field's own name too."""
    return Field(default=None, validation_alias=AliasChoices(name, name.lower()), repr=False)


class Settings(BaseSettings):
    """All settings. Make one with `load_settings`, which turns wrong values into readable errors."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    # Services
    broker_url: str | None = Field(default=None, repr=False)
    """MLEBENCH_BROKER_URL: the Redis that carries the messages (`redis://`, `rediss://` or
    `redis+socket:///path?virtual_host=0`). Default: none, and a run brings its own services (embedded)."""
    broker_prefix: str = ""
    """MLEBENCH_BROKER_PREFIX: put before every key in a Redis that is shared. Default: none."""
    only_run: str | None = None
    """MLEBENCH_ONLY_RUN: the id of the one run whose attempts this worker takes. Set by embedded runs for the workers
    that end with them; not for people. Default: none, and a worker takes what goes first of all runs."""
    database_url: str | None = Field(default=None, repr=False)
    """MLEBENCH_DATABASE_URL: `postgresql://` or `sqlite:///path`. Default: mlebench.db in the runs folder."""
    view_secret: SecretStr = Field(default=SecretStr(""), repr=False)
    """MLEBENCH_VIEW_SECRET: what the views of technique tasks are drawn from beside their seeds; the same on all hosts.
    Default: none, and whoever has this program and the data can work out what was planted. Set it where agents are
    not trusted; results of different secrets are results on different views."""
    api_token: SecretStr | None = Field(default=None, repr=False)
    """MLEBENCH_API_TOKEN: what callers of the HTTP server must present. Default: none, and it listens on loopback
    only."""
    api_rate: int = Field(default=3000, ge=0)
    """MLEBENCH_API_RATE: requests that one client address may make of the HTTP server in a minute; 0: any number.
    Default: 3000."""
    api_attempts: int = Field(default=20_000, ge=1)
    """MLEBENCH_API_ATTEMPTS: attempts that a run may have which a client of the HTTP server starts.
    Default: 20000."""
    api_runs: int = Field(default=4, ge=1)
    """MLEBENCH_API_RUNS: runs that are carried out at a time for the HTTP server without a broker, each by services of
    its own; others wait, oldest first. Default: 4."""
    api_data_dirs: str | None = None
    """MLEBENCH_API_DATA_DIRS: folders, separated as in PATH, in which a client of the HTTP server may name a data_dir
    besides DATA_DIR. Default: none."""

    # Folders
    data_dir: Path = Path("~/.cache/mle-bench/data")
    """MLEBENCH_DATA_DIR: the competitions' data: a folder of this host, or `s3://bucket/prefix`, which means
    DATA_STORE with a folder below SCRATCH_DIR. Default: ~/.cache/mle-bench/data."""
    runs_dir: Path = REPO / "runs"
    """MLEBENCH_RUNS_DIR: where run folders are written: a local or shared folder, or `s3://bucket/prefix`, which
    means RUNS_STORE with a folder below SCRATCH_DIR. Default: runs/ in the repository."""
    data_store: str | None = None
    """MLEBENCH_DATA_STORE: `s3://bucket/prefix` of prepared data, the answers included. A host that lacks data takes
    it from there to its DATA_DIR, and leaves there what it has prepared itself. Default: none."""
    runs_store: str | None = None
    """MLEBENCH_RUNS_STORE: `s3://bucket/prefix` where run folders are; attempts then work in RUNS_DIR of their host.
    Default: none."""
    scratch_dir: Path = Path("~/.cache/mle-bench")
    """MLEBENCH_SCRATCH_DIR: this host's folder for what belongs to an object store: downloaded data, and attempts
    while they work. Default: ~/.cache/mle-bench."""
    sandbox_dir: Path | None = None
    """MLEBENCH_SANDBOX_DIR: this host's folder for the Docker sandbox's sockets and locks. A worker that runs in a
    container needs one that has the same path on the host. Default: mlebench-<user id> in the temporary folder."""
    agents_path: str | None = None
    """MLEBENCH_AGENTS_PATH: further folders of agents, separated as in PATH. Default: none."""
    competitions_path: str | None = None
    """MLEBENCH_COMPETITIONS_PATH: further folders of competitions, separated as in PATH. Default: none."""

    # Sandbox and limits of one attempt
    sandbox: SandboxChoice = SandboxChoice.AUTO
    """MLEBENCH_SANDBOX: auto, docker or process. Default: auto (Docker where an engine answers)."""
    process_allowed: bool = True
    """MLEBENCH_PROCESS_ALLOWED: whether agents may run here as plain processes. The worker image says no: there, an
    agent would sit beside the engine's socket, and with it own the host. Default: true; in the worker image: false."""
    network_allowed: bool = False
    """MLEBENCH_NETWORK_ALLOWED: whether agents that ask for a network (`network: true`) get one here: the engine's
    default bridge, with which they reach the Internet, this host and what is around it. Default: false."""
    time_limit_secs: float = Field(default=24 * 3600, gt=0)
    """MLEBENCH_TIME_LIMIT_SECS: seconds that an agent may work. Default: 86400 (24 hours)."""
    memory_limit_gb: float | None = Field(default=None, gt=0)
    """MLEBENCH_MEMORY_LIMIT_GB: memory, in GiB, of an attempt that asks for none (`resources:` of its agent or
    competition). Default: the host's, shared by the slots of its workers, at most 16."""
    cpus: float | None = Field(default=None, gt=0)
    """MLEBENCH_CPUS: processors, fractions allowed, of an attempt that asks for none. Default: the host's, shared by
    the slots of its workers."""
    pids_limit: int = Field(default=4096, ge=16)
    """MLEBENCH_PIDS_LIMIT: processes and threads at a time. Default: 4096."""
    disk_limit_gb: float = Field(default=50, gt=0)
    """MLEBENCH_DISK_LIMIT_GB: what the agent may write to disk, in GiB. Default: 50."""
    log_limit_mb: float = Field(default=100, gt=0)
    """MLEBENCH_LOG_LIMIT_MB: what is kept of the agent's output in run.log, in MiB. Default: 100."""
    grace_secs: float = Field(default=10, ge=0)
    """MLEBENCH_GRACE_SECS: seconds between SIGTERM and SIGKILL, for agents and for workers. Default: 10."""

    drain_secs: float = Field(default=60, ge=0)
    """MLEBENCH_DRAIN_SECS: seconds that a worker which is told to stop (SIGTERM) lets its attempts go on before it
    gives them back; a second signal gives them back at once. Default: 60."""
    leave_agents: bool = True
    """MLEBENCH_LEAVE_AGENTS: whether a worker that stops leaves its containers running, for the next worker on its
    host to adopt. They end by themselves when none does within LEASE_SECS. Default: true; embedded runs: false."""

    # Models (docs/models.md)
    model_retries: int = Field(default=5, ge=0, le=100)
    """MLEBENCH_MODEL_RETRIES: how often a model's server is asked again that answers 429, 408, 409 or 5xx, or not at
    all, before the agent sees that. Default: 5."""
    model_prices: Path | None = None
    """MLEBENCH_MODEL_PRICES: a file of prices in place of worker/gateway/prices.yaml. Default: none."""

    build_network: str = Field(default="default", min_length=1)
    """MLEBENCH_BUILD_NETWORK: the engine's network in which images of agents from elsewhere are built; `host` shows
    their Dockerfiles what listens on this host's loopback address. Other images are built in the host's. Default:
    default, the engine's own."""

    # This host (docs/scheduling.md)
    host: str | None = Field(default=None, min_length=1)
    """MLEBENCH_HOST: what this host is called. Workers of one name share its processors, memory and GPUs. Default: the
    id of its last boot, the same in all containers on it."""
    host_cpus: float | None = Field(default=None, gt=0)
    """MLEBENCH_HOST_CPUS: processors for attempts. Default: all."""
    host_memory_gb: float | None = Field(default=None, gt=0)
    """MLEBENCH_HOST_MEMORY_GB: memory for attempts, in GiB. Default: nine tenths of what there is."""
    host_gpus: str | None = None
    """MLEBENCH_HOST_GPUS: GPUs for attempts, as nvidia-smi numbers or names them, separated by commas; `none` for none.
    Default: all that nvidia-smi lists."""
    host_labels: str | None = None
    """MLEBENCH_HOST_LABELS: words, separated by commas, that an agent or a competition may ask for. Default: none."""
    submitter: str | None = Field(default=None, min_length=1)
    """MLEBENCH_SUBMITTER: who submits; submitters share the hosts evenly. Default: the login name."""

    # The machinery
    workers: int = Field(default_factory=_default_slots, ge=1)
    """MLEBENCH_WORKERS: attempts that a worker runs at a time. Default: the host's processors, at most 4."""
    max_tries: int = Field(default=3, ge=1)
    """MLEBENCH_MAX_TRIES: tries of an attempt before a failure of the machinery is final. Default: 3."""
    lease_secs: float = Field(default=90, gt=0)
    """MLEBENCH_LEASE_SECS: seconds that a worker owns an attempt after a heartbeat. Default: 90."""
    heartbeat_secs: float = Field(default=2, gt=0)
    """MLEBENCH_HEARTBEAT_SECS: seconds between heartbeats; less than half of LEASE_SECS. As often, followers see
    the last line of an agent's log and workers see a wish to cancel. Default: 2."""
    visibility_timeout_secs: int = Field(default=120, ge=3)
    """MLEBENCH_VISIBILITY_TIMEOUT_SECS: seconds after which a message that its worker does not renew goes to
    another. The same on every host. Default: 120."""
    min_free_disk_gb: float = Field(default=2, ge=0)
    """MLEBENCH_MIN_FREE_DISK_GB: with less free space than this, in GiB, on the disk of data or runs, a host starts
    nothing, and an agent that fails there is not blamed. Default: 2."""

    # Watching (docs/watching.md)
    log_format: LogFormat = LogFormat.TEXT
    """MLEBENCH_LOG_FORMAT: text, or json: one object a line. Default: text."""
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """MLEBENCH_METRICS_PORT: port of a worker's `/metrics` for Prometheus; each worker of a host needs its own.
    Default: none, and there is no such page."""
    metrics_host: str = "127.0.0.1"
    """MLEBENCH_METRICS_HOST: address of that page, which asks for no password. Default: 127.0.0.1."""

    # Known without a prefix
    openai_api_key: SecretStr | None = _known_as("OPENAI_API_KEY")
    """OPENAI_API_KEY: for agents that use a model. It stays with the worker. Default: none."""
    openai_base_url: str | None = _known_as("OPENAI_BASE_URL")
    """OPENAI_BASE_URL: where their models are, in OpenAI's API. Default: none, and OpenAI's own address holds."""
    kaggle_username: str | None = _known_as("KAGGLE_USERNAME")
    """KAGGLE_USERNAME: for downloading data. Default: none."""
    kaggle_key: SecretStr | None = _known_as("KAGGLE_KEY")
    """KAGGLE_KEY: for downloading data. Default: none."""
    kaggle_api_token: SecretStr | None = _known_as("KAGGLE_API_TOKEN")
    """KAGGLE_API_TOKEN: for downloading data, in place of the two above. Default: none."""
    docker_host: str | None = _known_as("DOCKER_HOST")
    """DOCKER_HOST: where the Docker engine is. Default: none, and Docker's own default holds."""
    env_file: Path = Field(default=REPO / ".env", validation_alias=ENV_FILE_VARIABLE)
    """MLEBENCH_ENV_FILE: the file that was read besides the environment. Default: .env in the repository."""

    @model_validator(mode="before")
    @classmethod
    def _split_addresses(cls, given: dict[str, Any]) -> dict[str, Any]:
        """An object store's address in place of a folder is that store, and a folder of this host's own."""
        scratch = Path(given.get("scratch_dir") or cls.model_fields["scratch_dir"].default)
        for name in ("data", "runs"):
            if ADDRESS.fullmatch(str(given.get(f"{name}_dir"))):
                given |= {f"{name}_store": str(given[f"{name}_dir"]), f"{name}_dir": scratch / name}
        return given

    @field_validator("data_dir", "runs_dir", "scratch_dir", "sandbox_dir", "model_prices", "env_file", mode="before")
    @classmethod
    def _absolute(cls, path: object) -> Path | None:
        return None if path is None else local_folder(str(path))  # defaults come here too

    @field_validator("data_store", "runs_store")
    @classmethod
    def _is_address(cls, address: str | None) -> str | None:
        if address is not None and not ADDRESS.fullmatch(address):
            raise ValueError("expected s3://bucket/prefix")
        return address

    @field_validator("broker_url")
    @classmethod
    def _is_redis(cls, url: str | None) -> str | None:
        if url is not None and url.partition("://")[0] not in ("redis", "rediss", "redis+socket", "sentinel"):
            raise ValueError("expected redis://, rediss:// or redis+socket://")
        return url

    @model_validator(mode="after")
    def _heartbeat_fits(self) -> Self:
        if self.heartbeat_secs >= self.lease_secs / 2:
            raise ValueError(
                f"{PREFIX}HEARTBEAT_SECS={self.heartbeat_secs:g}: expected less than half of "
                f"{PREFIX}LEASE_SECS={self.lease_secs:g}"
            )
        return self

    @classmethod
    def secret_fields(cls) -> set[str]:
        """Give the names of the settings that are or may hold secrets; they go into no file and no log."""
        return {name for name, field in cls.model_fields.items() if not field.repr}


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from `overrides`, the environment and the `.env` file, in this order.

    Args:
        overrides: settings by name; None means not given.

    Raises:
        InputError: one line for each wrong variable: its name, its value, and what is expected.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    if unknown := given.keys() - Settings.model_fields.keys():
        raise TypeError(f"no such settings: {', '.join(sorted(unknown))}")
    env_file = Path(given.pop("env_file", os.environ.get(ENV_FILE_VARIABLE) or REPO / ".env"))
    try:
        read: dict[str, Any] = {"_env_file": env_file, ENV_FILE_VARIABLE: env_file}
        return Settings(**read, **given)
    except ValidationError as error:
        raise InputError("\n".join(_explained(found) for found in error.errors())) from None


def local_folder(address: str) -> Path:
    """Give the folder that an address names: a path, or `file:///path`.

    Raises:
        ValueError: it names no folder.
    """
    scheme, separator, path = address.partition("://")
    if not separator:
        return Path(address).expanduser().absolute()
    if scheme != "file" or not path.startswith("/"):
        raise ValueError("expected a folder or s3://bucket/prefix")
    return Path(unquote(path))


def database_url(settings: Settings) -> str:
    """Give the database's URL, the default resolved."""
    return settings.database_url or f"sqlite:///{settings.runs_dir / 'mlebench.db'}"


def variable(field: str) -> str:
    """Give the name of the environment variable that sets `field` of the settings."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return str(alias) if alias else PREFIX + field.upper()


def environment(settings: Settings) -> dict[str, str]:
    """Give the variables from which `load_settings` makes the same settings again, secrets included."""
    found = {}
    for field in Settings.model_fields:
        value = getattr(settings, field)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if value is not None:
            found[variable(field)] = str(value)
    return found


def secrets(settings: Settings) -> Mapping[str, str]:
    """Give what an agent's `${{ secrets.NAME }}` may name: the environment, and behind it the `.env` file."""
    file = {name: value for name, value in dotenv_values(settings.env_file).items() if value}
    return file | dict(os.environ)


def kaggle_credentials(settings: Settings) -> Credentials | None:
    """Find the Kaggle account to download with: in the environment, in the `.env` file, or in ~/.kaggle.

    Raises:
        InputError: a file in ~/.kaggle holds none.
    """
    return find_credentials(secrets(settings))


def without_password(url: str) -> str:
    """Give `url` with its passwords replaced by `***`, also those that lack their percent-encoding."""
    scheme, separator, rest = url.partition("://")
    if "@" in rest:
        credentials, _, rest = rest.rpartition("@")
        user, colon, _ = credentials.partition(":")
        rest = f"{user}{colon}{'***' if colon else ''}@{rest}"
    return re.sub(r"([?&][^=&]*passw[^=&]*=)[^&]*", r"\1***", scheme + separator + rest)


def _explained(error: ErrorDetails) -> str:
    """One line about one wrong variable."""
    if not error["loc"]:  # of the model as a whole; the validator's own text names the variables
        return str(error["ctx"]["error"])
    place = str(error["loc"][0])
    field = place if place in Settings.model_fields else place.lower()
    secret = "Secret" in str(Settings.model_fields[field].annotation)
    shown = "***" if secret else without_password(str(error["input"]))
    expected = re.sub(r"^(Value error, |Input should be |expected )+", "", error["msg"])
    return f"{variable(field)}={shown}: expected {expected}"
