"""Run folders: where an attempt's files live while it works, and how they appear when it is done."""

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import InputError

LIVE = ".live"


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """The folder of one run.

    While an attempt works, its files are in `.live/<attempt>/try-<fence>/`. When it is done they are put
    together in `.live/<attempt>/out/` and renamed to `<attempt>/`, so that an attempt's folder appears
    whole or not at all. Tries that failed stay below `tries/` of the attempt's folder.
    """

    path: Path

    def attempt(self, name: str) -> Path:
        """Where the finished attempt's files are."""
        return self.path / name

    def live(self, name: str, fence: int) -> Path:
        """Where the files of the try with this lease number are while it works."""
        return self.path / LIVE / name / f"try-{fence}"

    def out(self, name: str, fence: int) -> Path:
        """Where the files of a finished try are put together before they are published."""
        return self.path / LIVE / name / f"out-{fence}"

    def earlier_tries(self, name: str, fence: int) -> list[tuple[str, Path]]:
        """Give the live folders that other tries of the attempt left, with the names for them below `tries/`."""
        found = sorted((self.path / LIVE / name).glob("try-*"))
        return [(path.name.removeprefix("try-"), path) for path in found if path != self.live(name, fence)]

    def publish(self, name: str, fence: int) -> None:
        """Make what is in `out` the attempt's folder. What was published before goes below its `tries/`."""
        out = self.out(name, fence)
        out.mkdir(parents=True, exist_ok=True)
        final = self.attempt(name)
        if final.is_dir():
            self._take_over(final, out / "tries")
        out.rename(final)
        shutil.rmtree(out.parent, ignore_errors=True)

    @staticmethod
    def _take_over(final: Path, tries: Path) -> None:
        """Move an already published try, and those below it, to `tries`."""
        tries.mkdir(exist_ok=True)
        earlier = final / "tries"
        for path in sorted(earlier.iterdir()) if earlier.is_dir() else ():
            path.rename(_unused(tries / path.name))
        if earlier.is_dir():
            earlier.rmdir()
        final.rename(_unused(tries / "published"))

    def clean(self) -> None:
        """Remove the live folder of a closed run."""
        shutil.rmtree(self.path / LIVE, ignore_errors=True)


def _unused(path: Path) -> Path:
    number, candidate = 2, path
    while candidate.exists():
        candidate = path.with_name(f"{path.name}-{number}")
        number += 1
    return candidate


def create_run_folder(runs_dir: Path, agent_id: str) -> RunFolder:
    """Make a new run folder `<UTC time>_run-group_<agent>`; runs of the same second wait for the next.

    Raises:
        InputError: it cannot be made there.
    """
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        while True:
            moment = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S-UTC")
            path = runs_dir / f"{moment}_run-group_{agent_id.replace('/', '-')}"
            if not path.exists():
                path.mkdir()
                return RunFolder(path=path.resolve())
            time.sleep(0.2)
    except OSError as error:
        raise InputError(
            f"cannot write to the runs folder {runs_dir}: {error.strerror}; choose another with --runs-dir"
        ) from error
