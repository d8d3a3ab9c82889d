"""The service that checks submissions: its answers, its limits, and its script."""

import http.client
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse

from tests.sandbox.launching import validate
from tests.services import wait_until
from worker.sandbox import validation
from worker.sandbox.serving import Server, loopback_listener, unix_listener
from worker.sandbox.validation import Attendance, ValidationService, one_line, write_validate_script

GOOD, BAD = b"id,target\n1,0\n", b"id;target\n"


class Served:
    """A running service, and what it noted."""

    def __init__(self, **options: int) -> None:
        listener = loopback_listener()
        self.port: int = listener.getsockname()[1]
        self.notes: list[str] = []
        self.service = ValidationService(listener, **options)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, content: bytes) -> httpx.Response:
        return httpx.post(f"{self.url}/validate", files={"file": content}, trust_env=False)


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served(max_body_bytes=100_000)
    served.service.attend(Attendance(validate=validate, note=served.notes.append))
    yield served
    served.service.close()
    served.service.join(5)


def test_health(served: Served) -> None:
    answer = httpx.get(f"{served.url}/health", trust_env=False)
    assert (answer.status_code, answer.json()) == (200, {"status": "running"})


def test_answers_and_notes(served: Served) -> None:
    assert served.post(GOOD).json() == {"result": "Submission is valid."}
    assert served.post(BAD).json() == {"result": "Submission invalid: the header is wrong"}
    assert served.notes == ["validation: 14 bytes: valid", "validation: 10 bytes: invalid: the header is wrong"]


def test_the_answer_is_one_short_printable_line(served: Served) -> None:
    served.service.attend(Attendance(validate=lambda _: "first\x1b[31m\nscore: 0.9", note=served.notes.append))
    assert served.post(GOOD).json() == {"result": "Submission invalid: first[31m"}
    assert len(one_line("x" * 10_000)) == 500


def test_a_checker_that_breaks_tells_nothing(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    def broken(path: Path) -> str | None:
        raise ValueError(f"the answers are in {path}")

    served.service.attend(Attendance(validate=broken, note=served.notes.append))
    answer = served.post(GOOD)
    assert (answer.status_code, answer.json()) == (500, {"result": "The submission could not be checked."})
    assert served.notes == ["validation: the check itself failed"]
    assert "the answers are in" in caplog.text  # for us


@pytest.mark.parametrize(
    ("request_options", "status", "said"),
    [
        ({"files": {"other": b"x"}}, 400, "form field 'file'"),
        ({"data": {"file": "text"}}, 400, "form field 'file'"),
        ({"content": b"id,target\n"}, 400, "form field 'file'"),
        ({"files": {"file": b"x" * 200_000}}, 413, "larger than 100000 bytes"),
        ({"content": iter([b"chunked"])}, 411, "Content-Length"),
        (
            {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
            400,
            "boundary",
        ),
    ],
)
def test_bad_requests(served: Served, request_options: dict[str, object], status: int, said: str) -> None:
    answer = httpx.post(f"{served.url}/validate", trust_env=False, **request_options)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert said in answer.json()["result"]


def test_other_paths_and_methods(served: Served) -> None:
    assert httpx.get(f"{served.url}/answers", trust_env=False).json() == {"result": "Not Found"}
    assert httpx.get(f"{served.url}/validate", trust_env=False).status_code == 405


def test_a_body_shorter_than_announced_does_not_block_the_next(served: Served) -> None:
    broken = http.client.HTTPConnection("127.0.0.1", served.port)
    broken.putrequest("POST", "/validate")
    broken.putheader("Content-Type", "multipart/form-data; boundary=b")
    broken.putheader("Content-Length", "1000")
    broken.endheaders(b"--b\r\n")
    broken.close()
    assert served.post(GOOD).json() == {"result": "Submission is valid."}


def test_one_check_at_a_time(served: Served) -> None:
    running: list[int] = []
    most: list[int] = []
    gate = threading.Event()

    def slow(_path: Path) -> str | None:
        running.append(1)
        most.append(len(running))
        gate.wait(0.1)
        running.pop()
        return None

    served.service.attend(Attendance(validate=slow, note=served.notes.append))
    callers = [threading.Thread(target=served.post, args=(GOOD,)) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert most == [1, 1, 1, 1]


def test_too_many_calls_are_refused(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "BURST", 2)
    served.service.attend(Attendance(validate=validate, note=served.notes.append))
    assert [served.post(GOOD).status_code for _ in range(3)] == [200, 200, 429]
    assert "try again in" in served.post(GOOD).json()["result"]
    assert served.notes[-1] == "validation: refused, too many calls"


def test_between_attempts_nobody_answers(served: Served) -> None:
    served.service.dismiss()
    assert served.post(GOOD).status_code == 503
    assert httpx.get(f"{served.url}/health", trust_env=False).status_code == 200


def test_closing_frees_the_port(served: Served) -> None:
    served.service.close()
    served.service.join(5)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.url}/health", trust_env=False)


def test_uploads_leave_no_files(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    served.post(GOOD)
    assert list(tmp_path.iterdir()) == []


def run_script(folder: Path, url: str, *arguments: str, curl: bool) -> "subprocess.CompletedProcess[str]":
    """Run validate_submission.sh in a PATH of its own, with or without curl."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("bash", "cat", "wc", *(["curl"] if curl else [])):
        found = shutil.which(name)
        assert found is not None, f"{name} is not installed"
        (programs / name).symlink_to(found)
    script = folder / "validate_submission.sh"
    write_validate_script(script)
    return subprocess.run(
        [programs / "bash", script, *arguments],
        env={"PATH": str(programs), "VALIDATION_URL": url, "SUBMISSION_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


@pytest.mark.parametrize("curl", [True, False])
@pytest.mark.parametrize(("content", "said"), [(GOOD, "is valid."), (BAD, "invalid: the header is wrong")])
def test_the_script_asks_the_service(served: Served, tmp_path: Path, curl: bool, content: bytes, said: str) -> None:
    path = tmp_path / "a strange; name.csv"
    path.write_bytes(content)
    done = run_script(tmp_path, f"{served.url}/validate", str(path), curl=curl)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["result"].endswith(said)


@pytest.mark.parametrize("curl", [True, False])
def test_the_script_without_arguments_takes_the_submission(served: Served, tmp_path: Path, curl: bool) -> None:
    (tmp_path / "submission.csv").write_bytes(GOOD + b"2,1\n" * 20_000)  # more than fits into one packet
    done = run_script(tmp_path, f"{served.url}/validate", curl=curl)
    assert json.loads(done.stdout) == {"result": "Submission is valid."}


def test_the_script_names_a_missing_file(served: Served, tmp_path: Path) -> None:
    done = run_script(tmp_path, served.url, curl=True)
    assert done.returncode == 1
    assert "There is no file" in done.stderr


@pytest.mark.parametrize("curl", [True, False])
def test_the_script_fails_where_nobody_answers(tmp_path: Path, curl: bool) -> None:
    (tmp_path / "submission.csv").write_bytes(GOOD)
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert run_script(tmp_path, f"http://127.0.0.1:{port}/validate", curl=curl).returncode != 0


@pytest.mark.skipif(sys.platform != "linux", reason="the relay runs in Linux containers")
def test_the_relay_carries_requests_to_a_unix_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("host.sock")
    listener.listen()
    with socket.create_server(("127.0.0.1", 0)) as unused, socket.create_server(("127.0.0.1", 0)) as other:
        port, model_port = unused.getsockname()[1], other.getsockname()[1]
    program = Path(validation.__file__).with_name("relay.py")
    ports = [str(port), "host.sock", str(model_port), "model.sock"]
    relay = subprocess.Popen([sys.executable, "-I", "-S", program, "0.1", "0.2", *ports])
    try:
        listener.settimeout(10)
        listener.accept()[0].close()  # its hello
        with pytest.raises(httpx.TransportError):  # nobody is behind the second port
            httpx.get(f"http://127.0.0.1:{model_port}/", trust_env=False)
        model = Server(unix_listener(tmp_path, "model.sock"), PlainTextResponse("the model"), name="model")
        assert httpx.get(f"http://127.0.0.1:{model_port}/", trust_env=False).text == "the model"
        model.close()
        model.join(5)
        service = ValidationService(listener)
        service.attend(Attendance(validate=validate, note=lambda _: None))
        url = f"http://127.0.0.1:{port}"
        for content, said in ((GOOD, "Submission is valid."), (BAD, "Submission invalid: the header is wrong")):
            answer = httpx.post(f"{url}/validate", files={"file": content}, trust_env=False)
            assert answer.json() == {"result": said}
        wait_until(lambda: service.connections == 0, timeout_secs=5, description="connections end with their client")
        service.close()
        service.join(5)
        assert relay.wait(10) == 0  # nobody listens any more
    finally:
        relay.kill()
        relay.wait()
