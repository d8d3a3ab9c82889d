"""Find, load and validate agents.

An agent is a folder: agent.yaml, start.sh, and a Dockerfile where it is to run in a container. Two formats of
agent.yaml are understood, and docs/agents.md shows both: our own, which describes the folder's one agent and its
variants, and the reference benchmark's config.yaml, which maps agent ids to their descriptions.
"""

import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from agents.config import Config, read_configs
from agents.contents import content_hash, read_folder
from core.errors import InputError, UnknownName
from core.resources import Resources

AGENTS = Path(__file__).resolve().parent
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")  # becomes part of folder names
SECRET = re.compile(r"\$\{\{\s*secrets\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
MODEL_SECRET = "OPENAI_API_KEY"  # noqa: S105 - a name. Whoever asks for it gets access to a model in its place

logger = logging.getLogger(__name__)


class KwargsType(StrEnum):
    """How start.sh is given its arguments."""

    ARGPARSE = "argparse"  # --key value
    OMEGACONF = "omegaconf"  # key=value


@dataclass(frozen=True, kw_only=True)
class Agent:
    """One agent, or one variant of it."""

    id: str  # the folder's name, or with a variant "aide/dev"
    folder: Path
    start: str  # relative to folder
    dockerfile: str  # relative to folder; the file may be missing where agent.yaml does not name it
    kwargs: Mapping[str, str | int | float | bool]
    kwargs_type: KwargsType
    env_vars: Mapping[str, str]  # unresolved: values may hold ${{ secrets.NAME }}
    network: bool  # whether it needs a network; a model is reached without one
    privileged: bool
    resources: Resources  # that an attempt with it needs
    known: bool = True  # whether this installation has it by its id; one from elsewhere is trusted with nothing

    def arguments(self) -> list[str]:
        """The arguments of start.sh. Values are written as Python writes them: True, False, 0.5."""
        if self.kwargs_type is KwargsType.OMEGACONF:
            return [f"{key}={value}" for key, value in self.kwargs.items()]
        return [part for key, value in self.kwargs.items() for part in (f"--{key}", str(value))]

    def secrets(self) -> frozenset[str]:
        """Names of the secrets that its environment asks for."""
        return frozenset(name for value in self.env_vars.values() for name in SECRET.findall(value))

    @property
    def asks_for_model(self) -> bool:
        """Whether it is to be given access to a model."""
        return MODEL_SECRET in self.secrets()

    def environment(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """`env_vars` with each secret filled in.

        Raises:
            InputError: secrets that are missing from `secrets` or empty there; names each.
        """
        missing = sorted(name for name in self.secrets() if not secrets.get(name))
        if missing:
            raise InputError(
                f"agent {self.id} needs {', '.join(missing)}, which "
                f"{'are' if len(missing) > 1 else 'is'} not set; set it in the environment or in .env"
            )
        return {name: SECRET.sub(lambda match: secrets[match[1]], value) for name, value in self.env_vars.items()}

    def content_hash(self) -> str:
        """SHA-256 (hex) over the folder's files: names, contents and whether each may be executed.

        The same on every machine and in every checkout; times, owners and empty folders do not count. The
        variants of one folder have the same.

        Raises:
            InputError: something in the folder can be no part of an agent.
        """
        return content_hash(read_folder(self.folder))


def agent_roots(extra: str | None) -> list[Path]:
    """The folders that hold agents: ours, then those of MLEBENCH_AGENTS_PATH, given as `extra`.

    Raises:
        InputError: one of them is not a folder.
    """
    roots = [Path(entry).expanduser() for entry in (extra or "").split(os.pathsep) if entry]
    for root in roots:
        if not root.is_dir():
            raise InputError(f"MLEBENCH_AGENTS_PATH names {root}, which is not a folder")
    return [AGENTS, *roots]


def list_agents(roots: Sequence[Path]) -> list[str]:
    """Ids of all agents and their variants, sorted. A broken agent.yaml is logged, and its folder listed."""
    return sorted({agent_id for root in roots for folder in _folders(root) for agent_id in _ids(folder)})


def load_agent(agent_id: str, *, roots: Sequence[Path], allow_privileged: bool = False) -> Agent:
    """Load an agent and check its folder.

    Args:
        agent_id: a folder's name, or with a variant "aide/dev".
        roots: from `agent_roots`.
        allow_privileged: whether someone accepted that this agent runs in a privileged container.

    Raises:
        UnknownName: none of `roots` holds the agent, or it has no such variant.
        InputError: the id is unsafe, two roots hold it, its folder is not as it should be, or it asks to be
            privileged where that is not allowed.
    """
    if not ID.fullmatch(agent_id):
        raise InputError(
            f"{agent_id!r} is not an agent id: expected letters, digits, '-', '_' and '.', starting with a letter "
            "or digit, and optionally '/' and a variant"
        )
    folder = _find(agent_id, roots)
    configs = read_configs(folder)
    if agent_id not in configs:
        raise UnknownName("agent", agent_id, configs)
    agent = _agent(agent_id, folder, configs[agent_id])
    if agent.privileged and not allow_privileged:
        raise InputError(
            f"agent {agent_id} asks for a privileged container, which can take over its host; "
            "set I_ACCEPT_RUNNING_PRIVILEGED_CONTAINERS=true to allow it"
        )
    return agent


def _agent(agent_id: str, folder: Path, config: Config) -> Agent:
    where = f"{folder / 'agent.yaml'}: {agent_id}"
    start = _inside(folder, config.start or "start.sh", f"{where}: start")
    if not (folder / start).is_file():
        raise InputError(f"agent {agent_id} has no {start} in {folder}; it is what the runner starts")
    dockerfile = _inside(folder, config.dockerfile or "Dockerfile", f"{where}: dockerfile")
    if config.dockerfile and not (folder / dockerfile).is_file():
        raise InputError(f"{where}: dockerfile: there is no {dockerfile} in {folder}")
    for name, value in config.env_vars.items():
        if "${{" in SECRET.sub("", value):
            raise InputError(f"{where}: env_vars.{name}: expected ${{{{ secrets.NAME }}}}, not {value!r}")
    return Agent(
        id=agent_id,
        folder=folder,
        start=start,
        dockerfile=dockerfile,
        kwargs=config.kwargs,
        kwargs_type=_kwargs_type(config.kwargs_type, where),
        env_vars=config.env_vars,
        network=bool(config.network),
        privileged=config.privileged,
        resources=config.resources,
    )


def _kwargs_type(value: str | None, where: str) -> KwargsType:
    try:
        return KwargsType(value or KwargsType.ARGPARSE)
    except ValueError:
        raise InputError(f"{where}: kwargs_type: expected argparse or omegaconf, not {value!r}") from None


def _inside(folder: Path, relative: str, where: str) -> str:
    """A path below `folder`. The reference's, which start with the folder's own name, are understood."""
    parts = Path(relative).parts
    below = folder / relative
    if not below.is_file() and parts[:1] == (folder.name,):
        below = folder.joinpath(*parts[1:])
    if Path(relative).is_absolute() or ".." in parts or not below.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{where}: expected a file inside the agent's folder, not {relative!r}")
    return below.relative_to(folder).as_posix()


def _find(agent_id: str, roots: Sequence[Path]) -> Path:
    name = agent_id.partition("/")[0]
    found = [folder for root in roots for folder in _folders(root) if folder.name == name]
    if len(found) > 1:
        raise InputError(f"agent {name!r} is in two folders, rename one: {found[0]} and {found[1]}")
    if found:
        return found[0]
    for root in roots:
        if (root / name / "start.sh").is_file() or (root / name / "config.yaml").is_file():
            raise InputError(
                f"{root / name} has no agent.yaml; an empty one will do, and a config.yaml of the reference "
                "benchmark is renamed to it"
            )
    raise UnknownName("agent", agent_id, list_agents(roots))


def _folders(root: Path) -> list[Path]:
    return sorted(path.parent for path in root.glob("*/agent.yaml"))


def _ids(folder: Path) -> list[str]:
    try:
        return [*read_configs(folder)]
    except InputError as error:
        logger.warning("%s", error)
        return [folder.name]
