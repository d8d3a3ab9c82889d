"""AIDE's agent and interpreter, adapted to an attempt. The search is AIDE's own."""

import math
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aide.agent import Agent
from aide.interpreter import ExecutionResult, Interpreter
from aide.journal import Journal, Node
from aide.utils import data_preview
from aide.utils.metric import WorstMetricValue

from .attempt import Clock
from .bounds import in_bounds

PREVIEW_SECS = 120
PREVIEW_CHARS = 20_000
LISTED_FILES = 30
# The packages of AIDE's prompt, and what they are imported as.
PACKAGES = {
    "numpy": "numpy",
    "pandas": "pandas",
    "scikit-learn": "sklearn",
    "statsmodels": "statsmodels",
    "xgboost": "xgboost",
    "lightGBM": "lightgbm",
    "torch": "torch",
    "torchvision": "torchvision",
    "torch-geometric": "torch_geometric",
    "bayesian-optimization": "bayes_opt",
    "timm": "timm",
}


class AttemptAgent(Agent):
    """AIDE's agent, told what is installed, and with a preview of the data that comes to an end."""

    @property
    def _prompt_environment(self) -> dict[str, str]:
        installed = [name for name, module in PACKAGES.items() if find_spec(module)]
        random.shuffle(installed)
        listed = ", ".join(f"`{name}`" for name in installed)
        return {
            "Installed Packages": f"Your solution can use these machine learning packages: {listed}. "
            "Besides Python's own library no others are installed, and none can be."
        }

    def update_data_preview(self) -> None:
        """Preview the data as AIDE does, which reads all of it, in a process of its own and within bounds."""
        if not self.acfg.data_preview:
            self.data_preview = ""
            return
        workspace = Path(self.cfg.workspace_dir)
        preview = in_bounds(lambda: str(data_preview.generate(workspace)), PREVIEW_SECS)
        if preview is None:
            print("aide: the preview of the data did not succeed; the model sees a list of files", flush=True)
            preview = _listing(workspace / "input")
        self.data_preview = preview[:PREVIEW_CHARS] + ("\n... (cut)" if len(preview) > PREVIEW_CHARS else "")


def _listing(folder: Path) -> str:
    names = sorted(path.name + ("/" if path.is_dir() else "") for path in folder.iterdir())
    more = [f"... and {len(names) - LISTED_FILES} more"] if len(names) > LISTED_FILES else []
    return "\n".join([*names[:LISTED_FILES], *more])


class AttemptInterpreter(Interpreter):
    """AIDE's interpreter, which ends with the attempt, ends programs with all that they started, and survives them.

    Args:
        clock: a program may run no longer than this has left.
        before: called before each program.
        environment: variables that programs see in place of this process's.
        options: AIDE's settings exec.*
    """

    def __init__(
        self,
        working_dir: Path,
        *,
        clock: Clock,
        before: Callable[[], None],
        environment: dict[str, str],
        **options: Any,
    ) -> None:
        super().__init__(working_dir, **options)
        self._longest_secs = self.timeout
        self._clock = clock
        self._before = before
        self._environment = environment

    def child_proc_setup(self, result_outq: Any) -> None:
        """Prepare the process that a program runs in."""
        os.setsid()
        os.environ.update(self._environment)
        super().child_proc_setup(result_outq)
        sys.argv = [self.agent_file_name]

    def cleanup_session(self) -> None:
        """End the program's process, and its whole family: workers of joblib live on without it."""
        group = None if self.process is None else self.process.pid
        super().cleanup_session()
        if group is not None:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)

    def run(self, code: str, reset_session: bool = True) -> ExecutionResult:
        """Run a program. One that takes the interpreter's process down has failed, and AIDE has not."""
        self._before()
        self.timeout = self._clock.bounded(self._longest_secs)
        began = time.monotonic()
        try:
            return super().run(code, reset_session)
        except RuntimeError as error:
            ended = f"{error}. Perhaps it was killed because it used too much memory."
            return ExecutionResult([ended], time.monotonic() - began, "RuntimeError", {"args": [ended]}, [])
        except IndexError:  # killed at the time limit before it said anything
            return ExecutionResult(["It was killed at its time limit."], self.timeout, "TimeoutError", {}, [])


class Reviews:
    """Settles in the reviews what AIDE would fail for good over: whether higher or lower is better, and NaN.

    The model says anew with each review which direction is better; the first good step's review decides.
    """

    def __init__(self) -> None:
        self._maximize: bool | None = None

    def settle(self, node: Node) -> None:
        """Settle the review of the step that was just made."""
        if node.is_buggy:
            return
        if not math.isfinite(node.metric.value):
            node.is_buggy, node.metric = True, WorstMetricValue()
            return
        if self._maximize is None:
            self._maximize = node.metric.maximize
        node.metric.maximize = self._maximize


def forget_unfinished(journal: Journal) -> None:
    """After a step that failed: take the node that is not in the journal from among its parent's children."""
    for node in journal.nodes:
        node.children = {child for child in node.children if child in journal.nodes}
