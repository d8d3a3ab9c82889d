"""Which step's answer is handed in, and how: whole files only, while AIDE works.

AIDE's programs all write to the same file, each over the one before. So it is removed before a program runs, and what
the program left there belongs to its step.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Protocol

VALIDATION_SECS = 600


class Step(Protocol):
    """What counts of a node of AIDE's journal."""

    code: str
    is_buggy: bool
    metric: Any  # > means better, whichever direction that is


class Answers:
    """The answer of each step, the best of which is in the submission folder.

    Args:
        working: the folder that AIDE's programs write to.
        name: the answer's file name, there and in the submission folder.
        submission: the attempt's submission folder.
        validate: the sandbox's script that checks a file's format.
    """

    def __init__(self, *, working: Path, name: str, submission: Path, validate: Path) -> None:
        self.best: Step | None = None  # whose answer is handed in
        self._found = working / name
        self._kept = working.parent / f"best-{name}"
        self._handed_in = submission / name
        self._validate = validate

    def clear(self) -> None:
        """Remove what the program before left."""
        if self._found.is_dir() and not self._found.is_symlink():
            shutil.rmtree(self._found)
        self._found.unlink(missing_ok=True)

    def offer(self, step: Step) -> str:
        """Hand in the answer of the step that was just made if it is the best so far. Says what became of it.

        The best is that of the step with the best metric among those that AIDE thinks well of and whose format the
        sandbox accepts. Until there is one, a step with a bug may do: its answer is more than none.
        """
        if not self._found.is_file():
            return "no answer"
        if not _is_better(step, self.best):
            return "not the best"
        if complaint := format_complaint(self._found, self._validate):
            return complaint
        shutil.copyfile(self._found, self._kept)
        self.best = step
        put(self._kept, self._handed_in)
        return "handed in"

    def restore(self) -> None:
        """Put the best answer back if a program wrote over it, though it was told another place."""
        if self.best is not None and not _same(self._kept, self._handed_in):
            put(self._kept, self._handed_in)


def _is_better(step: Step, best: Step | None) -> bool:
    if best is None or best.is_buggy:
        return True
    return not step.is_buggy and bool(step.metric > best.metric)


def _same(kept: Path, handed_in: Path) -> bool:
    """Whether a file is as `put` left it: its size and its time are the kept one's."""
    try:
        one, other = kept.stat(), handed_in.lstat()
    except FileNotFoundError:
        return False
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def format_complaint(path: Path, script: Path) -> str | None:
    """What the sandbox says against a file's format; None where it accepts it, or cannot be asked."""
    asked = ["bash", str(script), str(path)]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=VALIDATION_SECS, check=False).stdout
        result = str(json.loads(said)["result"])
    except (OSError, subprocess.TimeoutExpired, ValueError, LookupError, TypeError):
        return None
    return result if result.startswith("Submission invalid") else None


def put(source: Path, target: Path) -> None:
    """Copy a file so that whoever looks at `target` finds the old one or the new one."""
    unfinished = target.with_name(f".{target.name}")
    shutil.copy2(source, unfinished)
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    unfinished.replace(target)


def put_text(text: str, target: Path) -> None:
    """Write a text as `put` copies a file."""
    unfinished = target.with_name(f".{target.name}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(target)
