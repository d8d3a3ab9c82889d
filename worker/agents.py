"""Agents on their way: packed by who submits, put beside the run, and unpacked by each worker that carries it out.

A run goes with a copy of its agent, `agent.tar` in the run folder. So workers need not have the agent, what its folder
becomes after the run was submitted changes nothing, and the copy is gone when the run folder is.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from agents.contents import content_hash, pack, read_folder, unpack, write_folder
from agents.registry import Agent, agent_roots, list_agents, load_agent
from agents.sources import GitSource, check_name, parse_source
from core.errors import InfrastructureError, InputError, MlebenchError
from store.folders import AGENT_ARCHIVE, RunFolder
from store.records import Run
from worker.consent import privileged_accepted
from worker.sandbox.disk import remove_tree
from worker.settings import PREFIX, Settings

SUBMITTED = "submitted"  # folder of a try, with the agent's folder in it


@dataclass(frozen=True, kw_only=True)
class PackedAgent:
    """An agent that is ready to go with a run."""

    agent: Agent  # its folder may be gone
    source: str | None  # where it came from, a repository at a commit; None: it is known by its id
    files: frozenset[str]  # names of what is in its folder
    content_hash: str
    archive: bytes = field(repr=False)


def packed_agent(text: str, settings: Settings, *, variant: str | None = None, sources: bool = False) -> PackedAgent:
    """Find an agent, check it, and pack it.

    Args:
        text: its id; with `sources`, also a folder or a git repository (`agents.sources`).
        settings: this process's settings.
        variant: the agent's variant, where the id does not say it.
        sources: whether `text` may lead anywhere. Not for what comes from people elsewhere.

    Raises:
        InputError: there is no such agent, or something is wrong with it.
    """
    roots = agent_roots(settings.agents_path)
    source = parse_source(text, lambda: list_agents(roots)) if sources else None
    if source is None:
        agent_id = _with_variant(text, variant)
        return _packed(agent_id, roots, settings, source=None)
    agent_id = _with_variant(check_name(source), variant)
    if isinstance(source, GitSource):
        with _cloned(source) as (root, commit):
            return _packed(agent_id, [root], settings, source=str(commit))
    if not (source.path / "agent.yaml").is_file():
        raise InputError(f"--agent {source}: there is no agent.yaml in it; an empty one will do")
    return _packed(agent_id, [source.path.parent], settings, source=str(source))


def submitted_agent(
    run: Run, folder: RunFolder, live: Path, settings: Settings, *, roots: Sequence[Path]
) -> Agent | MlebenchError:
    """Unpack the agent of a run, as it was submitted, into the folder of a try.

    Args:
        run: whose agent.
        folder: the run's.
        live: the try's; the agent's folder is below it.
        settings: this process's settings.
        roots: this host's folders of agents, for runs that are older than agents' archives.

    Returns:
        The agent, or what is wrong with it.
    """
    try:
        agent = load_agent(
            run.request.agent_id,
            roots=_submitted_roots(run, folder, live) or roots,
            allow_privileged=privileged_accepted(settings),
        )
        if agent.content_hash() != run.request.agent_hash:
            raise InfrastructureError(
                f"agent {agent.id} on this host is not the one that was submitted: its folder "
                f"{agent.folder} has another content; bring this host up to date"
            )
    except MlebenchError as error:
        return error
    return replace(agent, known=run.request.agent_source is None)


def _submitted_roots(run: Run, folder: RunFolder, live: Path) -> list[Path]:
    """Unpack; gives nothing where the run is older than agents' archives."""
    archive = folder.storage.read(AGENT_ARCHIVE)
    if archive is None:
        return []
    where = f"{AGENT_ARCHIVE} of run {run.run_id}"
    entries = unpack(archive, where=where)
    if content_hash(entries) != run.request.agent_hash:
        raise InfrastructureError(f"{where} is not what was submitted")
    remove_tree(live / SUBMITTED)  # an adopted try has it already, perhaps half
    write_folder(entries, live / SUBMITTED / run.request.agent_id.partition("/")[0], where=where)
    return [live / SUBMITTED]


def _packed(agent_id: str, roots: list[Path], settings: Settings, *, source: str | None) -> PackedAgent:
    agent = load_agent(agent_id, roots=roots, allow_privileged=privileged_accepted(settings))
    if source is not None and (ours := sorted(name for name in agent.secrets() if name.startswith(PREFIX))):
        raise InputError(f"agent {source} asks for {', '.join(ours)}, settings of the runner, which are no agent's")
    entries = read_folder(agent.folder)
    return PackedAgent(
        agent=agent,
        source=source,
        files=frozenset(entry.name for entry in entries),
        content_hash=content_hash(entries),
        archive=pack(entries),
    )


@contextmanager
def _cloned(source: GitSource) -> Iterator[tuple[Path, GitSource]]:
    """Give a folder with the agent's folder in it while the block lasts, and the agent's source at its commit."""
    from agents.cloning import read_commit

    commit = read_commit(source)
    with tempfile.TemporaryDirectory(prefix="mlebench-agent-") as name:
        folder = Path(name) / source.name
        write_folder(commit.entries, folder, where=str(commit.source))
        if not (folder / "agent.yaml").is_file():
            raise InputError(f"--agent {commit.source}: there is no agent.yaml in it; an empty one will do")
        try:
            yield Path(name), commit.source
        except InputError as error:  # of a folder that nobody will find
            raise InputError(str(error).replace(str(folder), str(commit.source))) from error


def _with_variant(agent_id: str, variant: str | None) -> str:
    if variant is None:
        return agent_id
    if "/" in agent_id:
        raise InputError(f"--agent {agent_id} --variant {variant}: expected the variant once")
    return f"{agent_id}/{variant}"
