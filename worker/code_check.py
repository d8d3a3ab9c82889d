"""Running the code file that came with an answer: in a sandbox of its own, under limits, after the agent has ended.

What the code gives is hostile too. It is judged against the truth outside the sandbox, in a process of its own.
"""

import logging
import multiprocessing
import os
import resource
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from agents.registry import Agent, KwargsType
from core.errors import GraderFailed, SandboxError
from core.files import read_plain, write_json
from core.resources import Resources
from tasks.registry import load_technique
from tasks.technique import Technique
from tasks.views import View
from worker.sandbox import Execution, Launch, Limits, Sandbox, Workspace
from worker.sandbox.disk import OPEN_FOLDER, remove_tree
from worker.supervision import Ending, Stopping

log = logging.getLogger(__name__)

RESULT = "code_check.json"
MAX_SOURCE_BYTES = 1 << 20
MAX_OUTPUT_BYTES = 64 << 20
MOST_SECS = 180.0  # for all calls together
JUDGING_SECS = 300.0
JUDGING_BYTES = 4 << 30  # beside what the libraries have taken
PROBES = 4  # rows whose target is changed
RUNNER = Agent(
    id="code-runner",
    folder=Path(__file__).resolve().parent / "code_runner",
    start="start.sh",
    dockerfile="Dockerfile",
    kwargs={},
    kwargs_type=KwargsType.ARGPARSE,
    env_vars={},
    network=False,
    privileged=False,
    resources=Resources(),  # it runs in the part of the host that the attempt holds
)

Supervise = Callable[[Execution, Limits], Ending]


def run_code(launch: Launch, view: View, sandbox: Sandbox, *, supervise: Supervise) -> None:
    """Run the code file that an agent handed in, if its technique asks for one; the result goes to RESULT.

    Args:
        launch: of the agent, which has ended.
        view: what it was asked about.
        sandbox: where the agent ran.
        supervise: watches an execution until it ends.

    Raises:
        LeaseLost: another worker owns the attempt.
    """
    technique = load_technique(view.technique)
    root, result_file = launch.workspace.root / "code-check", launch.workspace.root / RESULT
    for path in (root, result_file):  # in a plain process, the agent can write here
        _make_way(path)
    if technique.code is None or (source := _source(launch.workspace, technique.code.file)) is None:
        return
    launch.note(f"running {technique.code.file} in a sandbox of its own")
    try:
        result = _run(
            technique,
            source,
            replace(launch, workspace=Workspace(root=root, data=view.public)),
            view,
            sandbox,
            supervise,
        )
    except (SandboxError, GraderFailed, Stopping) as error:  # says nothing about the code: the answer counts as it is
        log.warning("the code of attempt %s does not count: %s", launch.attempt_id, error)
        launch.note(f"{technique.code.file} does not count: {error or 'this worker stops'}")
        return
    finally:
        remove_tree(root)
    launch.note(f"{technique.code.file}: {result['note'] or 'it did what was asked'}")
    write_json(result_file, result)


def keep_result(live: Path, destination: Path) -> None:
    """Move the result of a code file, if there is one, to the attempt's files."""
    if (live / RESULT).is_file():
        (live / RESULT).replace(destination / RESULT)


def _make_way(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def _run(
    technique: Technique, source: bytes, launch: Launch, view: View, sandbox: Sandbox, supervise: Supervise
) -> Mapping[str, Any]:
    assert technique.code is not None  # noqa: S101 - checked by the caller
    workspace = launch.workspace
    for folder in (workspace.submission, workspace.code, workspace.logs):
        folder.mkdir(parents=True)
    (workspace.code / technique.code.file).write_bytes(source)
    write_json(workspace.code / "plan.json", _plan(technique, view))
    limits = replace(
        launch.limits,
        time_secs=min(MOST_SECS, launch.limits.time_secs),
        disk_bytes=min(MAX_OUTPUT_BYTES, launch.limits.disk_bytes),
    )
    sandbox.build(RUNNER)
    execution = sandbox.start(
        replace(
            launch,
            agent=RUNNER,
            technique=None,
            environment={},
            limits=limits,
            validate=_nothing_to_validate,
            model=None,
        )
    )
    try:
        ending = supervise(execution, limits)
    finally:
        execution.close()
    if ending.exit_code != 0:
        return {"note": f"the code {ending.message}"}
    return _judged(technique, workspace.submission, view)


def _plan(technique: Technique, view: View) -> dict[str, Any]:
    assert technique.code is not None  # noqa: S101 - checked by the caller
    table = view.table()
    return {
        "file": technique.code.file,
        "function": technique.code.function,
        "shape": technique.code.shape,
        "train": table["train"],
        "test": table["test"],
        "target": table["target"],
        "probes": PROBES,
    }


def _judged(technique: Technique, outputs: Path, view: View) -> Mapping[str, Any]:
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_judge, technique.id, outputs, view, JUDGING_BYTES).result(timeout=JUDGING_SECS)
        except TimeoutError:
            for process in list(pool._processes.values()):  # the pool would wait for it, and cannot be told not to
                process.kill()
            return {"note": f"judging what the code gave took more than {JUDGING_SECS:g} s"}
        except (BrokenProcessPool, MemoryError):
            return {"note": "judging what the code gave took too much memory"}


def _judge(technique_id: str, outputs: Path, view: View, most_bytes: int) -> Mapping[str, Any]:
    import pandas as pd  # noqa: F401 - what libraries take for themselves is not the code's, nor any of their failures

    technique = load_technique(technique_id)
    taken = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (taken + most_bytes, taken + most_bytes))
    return technique.judge_code(outputs, view.public, view.truth(), view.table())


def _source(workspace: Workspace, name: str) -> bytes | None:
    """The content of a code file in the agent's folders; None where there is no plain file of that name."""
    for folder in (workspace.code, workspace.submission):
        with suppress(OSError, ValueError):  # another place may have it
            opened = os.open(folder, OPEN_FOLDER)
            try:
                return read_plain(name, max_bytes=MAX_SOURCE_BYTES, dir_fd=opened)
            finally:
                os.close(opened)
    return None


def _nothing_to_validate(path: Path) -> str:
    return "nothing is handed in here"
