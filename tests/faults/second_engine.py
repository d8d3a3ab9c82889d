"""A second Docker engine on this machine, in a network namespace of its own: a second Docker host. Needs root."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.faults.network import FarHost
from tests.integration.bench import kill_all
from tests.services import wait_until
from worker.sandbox.engine import KIND_LABEL


class SecondEngine:
    """A Docker engine that can be killed, and started again on the same folder."""

    def __init__(self, folder: Path, host: FarHost) -> None:
        self._folder = folder
        self._host = host
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._folder}/docker.sock"

    def docker(self, *arguments: str) -> str:
        """Run the docker command against it."""
        command = ["docker", "--host", self.url, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def start(self) -> None:
        """Start it and wait until it answers."""
        folder = self._folder
        (folder / "docker.pid").unlink(missing_ok=True)  # of a killed one; the number may be another process's now
        options = ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/run", "--pidfile", f"{folder}/docker.pid"]
        with (folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._host.enter, "dockerd", "--host", self.url, *options], stdout=log, stderr=log
            )
        wait_until(self._answers, timeout_secs=60, description=f"the second engine answers ({folder}/dockerd.log)")

    def kill(self) -> None:
        """SIGKILL, which takes its containerd along. Its containers go on."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        pid_file = self._folder / "run/containerd/containerd.pid"
        pid = int(pid_file.read_text())
        wait_until(lambda: has_ended(pid), timeout_secs=10, description="containerd ended with it")
        pid_file.unlink()  # or the next engine takes a zombie for a running containerd

    def containers(self, label: str = KIND_LABEL) -> list[str]:
        """Ids of its containers that carry a label; by itself: all of this project."""
        return self.docker("ps", "--all", "--quiet", "--filter", f"label={label}").split()

    def stop(self) -> None:
        """Stop it, and its containers with it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)

    def processes(self) -> list[psutil.Process]:
        """What runs for it beside itself: containerd, and the containers' shims with all below them."""
        own = [process for process in psutil.process_iter(["cmdline"]) if str(self._folder) in _command(process)]
        return [*own, *(child for process in own for child in process.children(recursive=True))]

    def _answers(self) -> bool:
        return subprocess.run(["docker", "--host", self.url, "info"], check=False, capture_output=True).returncode == 0


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or waits to be reaped."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def _command(process: psutil.Process) -> str:
    return " ".join(process.info["cmdline"] or ())


@contextmanager
def second_engine(host: FarHost, *, images: tuple[str, ...]) -> Iterator[SecondEngine]:
    """Run an engine on the far host while the context lasts, with copies of images of this machine's own engine."""
    folder = Path(tempfile.mkdtemp(prefix="mlebench-engine-", dir="/tmp"))
    engine = SecondEngine(folder, host)
    try:
        engine.start()
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saved:
            load = ["docker", "--host", engine.url, "load", "--quiet"]
            subprocess.run(load, stdin=saved.stdout, check=True, capture_output=True)
        yield engine
    finally:
        engine.stop()
        kill_all(engine.processes())
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            if (place := line.split()[1]).startswith(f"{folder}/"):
                subprocess.run(["umount", "--lazy", place], check=False)
        shutil.rmtree(folder)
