"""A second host on this machine: a network namespace behind a cable that can be pulled. Needs root."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FarHost:
    """A network namespace, joined to this machine by a veth pair."""

    name: str
    near_address: str  # of this machine, as the far host sees it

    @property
    def enter(self) -> list[str]:
        """What to put before a command to run it there. Not `ip netns exec`: that hides the cgroups."""
        return ["nsenter", f"--net=/run/netns/{self.name}"]

    @property
    def enter_renamed(self) -> list[str]:
        """The same, with a host name of its own."""
        return [*self.enter, "unshare", "--uts", "sh", "-c", f'hostname {self.name}; exec "$@"', "sh"]

    def cut(self) -> None:
        """Pull the cable: packets vanish, and nobody is told."""
        _run("ip", "link", "set", self.name, "down")

    def mend(self) -> None:
        _run("ip", "link", "set", self.name, "up")


@contextmanager
def far_host() -> Iterator[FarHost]:
    """Make a far host, which lasts as long as the context."""
    assert os.geteuid() == 0, "network namespaces need root"
    name = f"far{uuid.uuid4().hex[:8]}"  # of the namespace and of the cable's near end, at most 15 characters
    subnet = f"10.{os.getpid() % 100 + 100}.{uuid.uuid4().int % 250}"
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "address", "add", f"{subnet}.1/24", "dev", name)
        _run("ip", "link", "set", name, "up")
        host = FarHost(name=name, near_address=f"{subnet}.1")
        _run(*host.enter, "ip", "address", "add", f"{subnet}.2/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _run(*host.enter, "ip", "link", "set", device, "up")
        yield host
    finally:
        subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)
        _run("ip", "netns", "delete", name)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
