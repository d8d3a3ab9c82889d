"""Write a new agent that runs as it is: a folder with agent.yaml, start.sh, Dockerfile and a small learner in Python.

    python scripts/new_agent.py my-agent
    python scripts/new_agent.py my-agent --in ~/agents

Exit codes: 0, it is written; 2, wrong input, nothing was written.
"""

import os
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from agents.registry import AGENTS, agent_roots, list_agents
from agents.sources import NAME
from core.errors import InputError
from scripts.terminal import run_command, say, single
from worker.settings import load_settings

TEMPLATE = Path(__file__).resolve().parent / "agent_template"
PLACEHOLDER = "NAME_OF_THE_AGENT"


def new_agent(
    name: Annotated[str, typer.Argument(help="what the agent is to be called")],
    folder: Annotated[str | None, typer.Option("--in", help="where its folder is made  [agents/]")] = None,
) -> None:
    """Write a new agent, to be changed."""
    if not NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no name for an agent: expected letters, digits, '-', '_' and '.', starting with a letter or "
            "digit"
        )
    parent = (Path(folder).expanduser() if folder else AGENTS).resolve()
    if not parent.is_dir():
        raise InputError(f"--in {folder}: there is no such folder; make it first: mkdir -p {shlex.quote(str(parent))}")
    roots = agent_roots(load_settings().agents_path)
    is_root = parent in [root.resolve() for root in roots]
    if is_root and name in list_agents(roots):
        raise InputError(f"there is an agent {name} already; choose another name")
    _write(name, parent)
    agent = name if is_root else shlex.quote(str(parent / name))
    say(f"wrote {parent / name}; try it with:")
    print(f"python scripts/submit.py --agent {agent} --competitions credit-status")


def _write(name: str, parent: Path) -> None:
    """Write the folder: whole, or not at all."""
    try:
        if os.path.lexists(parent / name):
            raise InputError(f"{parent / name} is there already; choose another name, or another folder with --in")
        with tempfile.TemporaryDirectory(dir=parent, prefix=f".{name}.") as temporary:
            written = Path(temporary) / name
            shutil.copytree(TEMPLATE, written, ignore=shutil.ignore_patterns("__pycache__"))
            for path in written.iterdir():
                path.write_text(path.read_text(encoding="utf-8").replace(PLACEHOLDER, name), encoding="utf-8")
            written.rename(parent / name)
    except OSError as error:
        raise InputError(f"{parent / name} cannot be written: {error.strerror}") from error


def main() -> None:
    """Entry point of the command."""
    run_command(single(new_agent))


if __name__ == "__main__":
    main()
