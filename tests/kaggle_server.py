"""A server that plays Kaggle and its storage to the real client, on a port of loopback.

The client is led to it by what it offers itself: `KAGGLE_API_ENVIRONMENT=LOCALHOST` makes it talk to
http://localhost, and `HTTP_PROXY` makes all that go through this server, which answers for Kaggle (localhost) and
for the storage (storage.test), where Kaggle's redirects lead. Processes inherit both.
"""

import base64
import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import SplitResult, urlsplit

from tasks.kaggle import Credentials

STORAGE = "storage.test"
SERVICE = "/api/v1/competitions.CompetitionApiService/"
ACCOUNT = Credentials(source="test", username="bench", key="sesame-open")
TOKEN = Credentials(source="test", token="sesame-token")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One answer that is not as it should be."""

    status: int | None = None  # answer with this status
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "a fault"
    body: str | None = None  # in place of what Kaggle would say, with the status 200
    cut_after: int | None = None  # close the connection after so many bytes of the body
    stall_secs: float = 0  # send nothing for so long


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that came."""

    host: str
    path: str
    headers: Mapping[str, str]


@dataclass(kw_only=True)
class FakeKaggle:
    """What Kaggle has, what it will do wrong, and what it was asked."""

    port: int
    archives: dict[str, bytes] = field(default_factory=dict)
    not_joined: set[str] = field(default_factory=set)
    api_faults: deque[Fault] = field(default_factory=deque)  # each is used up by one request
    storage_faults: deque[Fault] = field(default_factory=deque)
    versions: bool = True  # whether the storage names versions
    ranges: bool = True  # whether the storage sends parts
    lengths: bool = True  # whether the storage tells sizes
    redirects: bool = True  # whether Kaggle sends on to the storage, or the archive itself
    asked: list[Asked] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead the client here."""
        return {
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            "HTTP_PROXY": f"http://127.0.0.1:{self.port}",
            "http_proxy": f"http://127.0.0.1:{self.port}",
            "NO_PROXY": "",
            "no_proxy": "",
        }

    @property
    def downloads(self) -> list[Asked]:
        """The requests to the storage, those for a part included."""
        return [asked for asked in self.asked if asked.host == STORAGE]


@contextmanager
def fake_kaggle(**options: object) -> Iterator[FakeKaggle]:
    """Run the server while the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    kaggle = FakeKaggle(port=server.server_address[1], **options)  # type: ignore[arg-type]  # fields by name
    server.kaggle = kaggle  # type: ignore[attr-defined]  # for the handler
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield kaggle
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    @property
    def kaggle(self) -> FakeKaggle:
        return self.server.kaggle  # type: ignore[attr-defined, no-any-return]  # put there by fake_kaggle

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        where = self._note()
        method = where.path.removeprefix(SERVICE)
        assert where.hostname == "localhost"
        name = body["competitionName"]
        if refusal := self._refusal(method, name):
            status, message, headers = refusal
            self._json(status, message if status == 200 else {"code": status, "message": message}, headers)
        elif method == "GetCompetition":
            self._json(200, {"ref": name, "userHasEntered": name not in self.kaggle.not_joined})
        elif self.kaggle.redirects:
            self.send_response(302)
            self.send_header("Location", f"http://{STORAGE}/{name}.zip?signature={len(self.kaggle.asked)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._send(self.kaggle.archives[name])

    def do_GET(self) -> None:
        where = self._note()
        assert where.hostname == STORAGE
        assert "Authorization" not in self.headers, "the credentials are Kaggle's, not the storage's"
        self._send(self.kaggle.archives[where.path[1:].removesuffix(".zip")])

    def _note(self) -> SplitResult:
        where = urlsplit(self.path)
        self.kaggle.asked.append(Asked(host=str(where.hostname), path=where.path, headers=dict(self.headers)))
        return where

    def _refusal(self, method: str, name: str) -> "tuple[int, str, Mapping[str, str]] | None":
        basic = base64.b64encode(f"{ACCOUNT.username}:{ACCOUNT.key}".encode()).decode()
        if self.headers.get("Authorization") not in (f"Basic {basic}", f"Bearer {TOKEN.token}"):
            return 401, "Unauthenticated", {}
        if self.kaggle.api_faults:
            fault = self.kaggle.api_faults.popleft()
            if fault.body is not None:
                return 200, fault.body, {}
            return fault.status or 500, fault.message, fault.headers
        if name not in self.kaggle.archives:
            return 404, "Not found", {}
        if method == "DownloadDataFiles" and name in self.kaggle.not_joined:
            return 403, "You must accept this competition's rules before you'll be able to download files.", {}
        return None

    def _json(self, status: int, value: object, headers: Mapping[str, str] | None = None) -> None:
        body = (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response(status)
        for name, text in {**(headers or {}), "Content-Type": "application/json"}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send(self, archive: bytes) -> None:
        fault = self.kaggle.storage_faults.popleft() if self.kaggle.storage_faults else Fault()
        if fault.status:
            self.send_error(fault.status, fault.message)
            return
        version = f'"{hash(archive)}"'
        wanted = self.headers.get("Range", "") if self.headers.get("If-Range") == version else ""
        first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.kaggle.ranges else 0
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(archive) - 1}/{len(archive)}")
        if self.kaggle.versions:
            self.send_header("ETag", version)
        if self.kaggle.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if self.kaggle.lengths:
            self.send_header("Content-Length", str(len(archive) - first))
        self.end_headers()
        threading.Event().wait(fault.stall_secs)
        with suppress(ConnectionError):  # the client may go when it has seen the headers
            self.wfile.write(archive[first:] if fault.cut_after is None else archive[first : first + fault.cut_after])
        self.close_connection = True
