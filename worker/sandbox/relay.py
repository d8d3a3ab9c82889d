"""Carries TCP connections of a container without a network to Unix sockets of its host.

    python3 -I -S relay.py LOOK_SECS PATIENCE_SECS PORT SOCKET [PORT SOCKET]

Listens on each PORT of the loopback addresses for its SOCKET, says hello by connecting to the first SOCKET once when it
is ready, and looks every LOOK_SECS whether somebody still listens there: when nobody has for PATIENCE_SECS, it ends.
It runs in a container of its own, beside the agent's: only the standard library, and no module of this project.
"""

import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

MOST_CONNECTIONS = 32  # for each port
IDLE_SECS = 900.0  # a connection without a byte for so long is dropped


def main(look_secs: float, patience_secs: float, paths: dict[int, str]) -> None:
    """Relay until the host's end is gone. `paths`: port -> socket."""
    ways = {
        listener: (path, slots)
        for port, path in paths.items()
        for slots in [threading.BoundedSemaphore(MOST_CONNECTIONS)]
        for listener in _listeners(port)
    }
    watched = next(iter(paths.values()))
    look_at = 0.0
    heard_at = time.monotonic()
    while True:
        if time.monotonic() >= look_at:
            if _host_listens(watched):
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > patience_secs:
                return
            look_at = time.monotonic() + look_secs
        for listener in select.select(list(ways), [], [], look_secs)[0]:
            connection = listener.accept()[0]
            path, slots = ways[listener]
            if slots.acquire(blocking=False):
                threading.Thread(target=_relay, args=(connection, path, slots), daemon=True).start()
            else:
                connection.close()


def _listeners(port: int) -> Iterator[socket.socket]:
    yield socket.create_server(("127.0.0.1", port), backlog=MOST_CONNECTIONS)
    try:
        yield socket.create_server(("::1", port), family=socket.AF_INET6, backlog=MOST_CONNECTIONS)
    except OSError:  # no IPv6 here
        return


def _host_listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        return True


def _relay(client: socket.socket, path: str, slots: threading.BoundedSemaphore) -> None:
    try:
        with client, socket.socket(socket.AF_UNIX) as host:
            host.connect(path)
            _pump(client, host)
    except OSError:  # either side broke off
        return
    finally:
        slots.release()


def _pump(client: socket.socket, host: socket.socket) -> None:
    """Copy both ways until the host's side ends. The client's end is passed on as such."""
    reading = [client, host]
    while host in reading:
        ready = select.select(reading, [], [], IDLE_SECS)[0]
        if not ready:
            return
        for source in ready:
            data = source.recv(1 << 16)
            target = host if source is client else client
            if data:
                target.sendall(data)
            else:
                reading.remove(source)
                target.shutdown(socket.SHUT_WR)


def _end(number: int, _: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)  # the first process of a container is deaf to it by itself
    named = sys.argv[3:]
    main(float(sys.argv[1]), float(sys.argv[2]), dict(zip(map(int, named[::2]), named[1::2], strict=True)))
