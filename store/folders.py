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

    def publish(self, name: str, fence: int) -> None:
        """Make what is in `out` the attempt's folder; earlier tries, published or not, go below its `tries/`."""
        out = self.out(name, fence)
        out.mkdir(parents=True, exist_ok=True)
        final = self.attempt(name)
        tries = out / "tries"
        if final.is_dir():
            self._take_over(final, tries)
        for leftover in sorted(out.parent.glob("try-*")):
            if leftover != self.live(name, fence):
                tries.mkdir(exist_ok=True)
                leftover.rename(tries / leftover.name.removeprefix("try-"))
        out.rename(final)
        shutil.rmtree(out.parent, ignore_errors=True)

    @staticmethod
    def _take_over(final: Path, tries: Path) -> None:
        """Move an already published try, and those below it, to `tries`."""
        earlier = final / "tries"
        if earlier.is_dir():
            earlier.rename(tries)
        tries.mkdir(exist_ok=True)
        number = 1
        while (tries / f"published-{number}").exists():
            number += 1
        final.rename(tries / f"published-{number}")

    def clean(self) -> None:
        """Remove the live folder of a closed run."""
        shutil.rmtree(self.path / LIVE, ignore_errors=True)


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
