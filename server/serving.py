"""Listening: what `python server.py` and `mlebench serve` do."""

import logging
import socket
import sys

from core.errors import InputError
from server.guards import is_loopback
from worker import queueing
from worker.context import open_store
from worker.settings import Settings, load_settings

log = logging.getLogger(__name__)


def serve(*, host: str, port: int) -> None:
    """Serve until the process is told to stop.

    Args:
        host: the address to listen on; without MLEBENCH_API_TOKEN, a loopback one.
        port: 0 for any that is free; the log says which.

    Raises:
        InputError: a setting is wrong, a service does not answer, or a token is needed.
    """
    settings = load_settings()
    check(settings, host=host)
    with _listening(host, port) as listener:
        from server.app import create_app  # slow to import, and of no use to whoever made a mistake
        from server.listening import listen

        # force: the commands show warnings only
        logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s", stream=sys.stderr, force=True)
        shown = f"[{host}]" if ":" in host else host
        log.info("listening on http://%s:%d, with documentation at /docs", shown, listener.getsockname()[1])
        listen(create_app(settings, host=host), listener)


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}; choose others with --host and --port"
        ) from error


def check(settings: Settings, *, host: str) -> None:
    """Check what can be checked before the server listens.

    Raises:
        InputError: as `serve`.
    """
    if settings.api_token is None and not is_loopback(host):
        raise InputError(
            f"--host {host}: others than this machine could start runs; set MLEBENCH_API_TOKEN, in the environment or "
            "in .env, for example to what `openssl rand -hex 24` prints, or listen on 127.0.0.1"
        )
    if settings.broker_url is not None:
        queueing.ping_broker(settings.broker_url)
    open_store(settings, create=True).close()
