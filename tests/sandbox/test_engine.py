"""What surrounds the Docker sandbox and needs no engine: errors, hostile archives, owners."""

import inspect
import io
import tarfile
from collections.abc import Iterator
from types import ModuleType

import docker.credentials.errors
import docker.errors
import pytest
import requests.exceptions
import urllib3.exceptions
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import SandboxError
from worker.sandbox.engine import FOREIGN_ERRORS, connect, docker_available, translated_docker_errors
from worker.sandbox.images import _owner, file_in_archive

PASSWD = "root:x:0:0:root:/root:/bin/bash\nnonroot:x:1000:1001::/home/nonroot:/bin/sh\n"


def errors_of(module: ModuleType) -> list[type[Exception]]:
    name = module.__name__
    return [
        value
        for _, value in inspect.getmembers(module, inspect.isclass)
        if issubclass(value, Exception) and not issubclass(value, Warning) and value.__module__ == name
    ]


@pytest.mark.parametrize("module", [docker.errors, docker.credentials.errors, requests.exceptions, urllib3.exceptions])
def test_no_error_of_the_client_is_unmapped(module: ModuleType) -> None:
    unmapped = [error for error in errors_of(module) if not issubclass(error, FOREIGN_ERRORS)]
    assert unmapped == []
    assert len(errors_of(module)) >= 2


def test_an_error_says_what_was_being_done() -> None:
    with (
        pytest.raises(SandboxError, match=r"^Docker: starting it: no such thing$") as caught,
        translated_docker_errors("starting it"),
    ):
        raise docker.errors.DockerException("no such thing")
    assert isinstance(caught.value.__cause__, docker.errors.DockerException)


def test_our_own_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), translated_docker_errors("counting"):
        raise ZeroDivisionError


def test_without_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert docker_available() is False
    with pytest.raises(SandboxError, match="connecting to the engine"):
        connect()


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> list[bytes]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return [buffer.getvalue()]


def test_a_file_out_of_an_archive() -> None:
    assert file_in_archive(archive((tarfile.TarInfo("passwd"), PASSWD.encode())), 1000) == PASSWD


def test_archives_that_are_none_of_our_business() -> None:
    link = tarfile.TarInfo("passwd")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
    device = tarfile.TarInfo("passwd")
    device.type = tarfile.CHRTYPE
    for hostile in (archive((link, b"")), archive((device, b"")), [b"rubbish"], [b"\0" * 10_000], []):
        assert file_in_archive(hostile, 100_000) == ""


def test_an_archive_without_end_is_not_read_to_its_end() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 1000

    assert file_in_archive(endless(), 10_000) == ""
    assert read < 40


@settings(max_examples=50)
@given(st.binary(max_size=2000))
def test_any_bytes_are_survived(data: bytes) -> None:
    assert isinstance(file_in_archive([data], 1000), str)


@pytest.mark.parametrize(
    ("passwd", "configured", "expected"),
    [
        (PASSWD, "root", (1000, 1001)),
        ("root:x:0:0::/:/bin/sh\napp:x:5:6::/:/bin/sh\n", "app", (5, 6)),
        ("root:x:0:0::/:/bin/sh\n", "1234:99", (1234, 99)),
        ("root:x:0:0::/:/bin/sh\n", "1234", (1234, 0)),
        ("", "root", (0, 0)),
        ("nonroot:x:-1:0::\nnonroot:x:99999999999:0::\nnonroot:x:x:y::\n", "root", (0, 0)),
    ],
)
def test_who_the_agent_runs_as(passwd: str, configured: str, expected: tuple[int, int]) -> None:
    assert _owner(passwd, configured) == expected
