"""The HTTP service that checks a submission's format while the agent works. It runs outside the sandbox.

    GET  /health    {"status": "running"}
    POST /validate  multipart field `file`: {"result": "Submission is valid."} or
                    {"result": "Submission invalid: <what is wrong with the format>"}

Everything that arrives here is the agent's: hostile.
"""

import asyncio
import logging
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.files import write_text
from worker.sandbox.serving import Server

log = logging.getLogger(__name__)

MAX_BODY_BYTES = (1 << 30) + (1 << 20)  # the largest submission, and the form around it
LONGEST_UPLOAD_SECS = 600.0
LONGEST_REASON = 500  # characters
BURST = 30  # checks at once, then
CHECKS_PER_SEC = 1.0


VALIDATE_SCRIPT = r"""#!/usr/bin/env bash
# Checks the format of a submission: validate_submission.sh [FILE], by default $SUBMISSION_DIR/submission.csv.
# Prints what the checking service answers. Says nothing about the score.
set -u
file="${1:-${SUBMISSION_DIR:-/home/submission}/submission.csv}"
url="${VALIDATION_URL:-http://localhost:5000/validate}"
if [ ! -f "$file" ]; then
  echo "There is no file $file" >&2
  exit 1
fi

if command -v curl >/dev/null 2>&1; then
  curl --silent --show-error --noproxy '*' --form "file=@\"$file\"" "$url"
  code=$?
  echo
  exit $code
fi

# Without curl: HTTP by hand, through bash's own network files.
address="${url#http://}"
host_port="${address%%/*}"
port="${host_port##*:}"
[ "$port" = "$host_port" ] && port=80
boundary="----submission$$$RANDOM$RANDOM$RANDOM"
head="--$boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"submission.csv\"\r\n\r\n"
tail="\r\n--$boundary--\r\n"
length=$(( $(wc -c < "$file") + $(printf -- "$head$tail" | wc -c) ))
if ! exec 3<>"/dev/tcp/${host_port%%:*}/$port"; then
  echo "$url does not answer" >&2
  exit 1
fi
{
  printf 'POST /%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n' "${address#*/}" "$host_port"
  printf 'Content-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n' "$boundary" "$length"
  printf -- "$head"
  cat "$file"
  printf -- "$tail"
} >&3
while IFS= read -r line <&3 && [ "$line" != $'\r' ]; do :; done
cat <&3
echo
"""


@dataclass(frozen=True, kw_only=True)
class Attendance:
    """The attempt that a service answers for."""

    validate: Callable[[Path], str | None]  # None when valid, else one line
    note: Callable[[str], None]


class ValidationService:
    """Serves one listening socket, TCP or Unix, from a thread of its own; for one attempt after the other.

    Between two attempts it answers 503. Takes the socket over: `close` closes it.
    """

    def __init__(self, listener: socket.socket, *, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._max_body_bytes = max_body_bytes
        self._attendance: Attendance | None = None
        self._checking = asyncio.Lock()
        self._credit = _Credit()
        routes = [
            Route("/health", self._health, methods=["GET"]),
            Route("/validate", self._validate, methods=["POST"]),
        ]
        app = Starlette(routes=routes, exception_handlers={HTTPException: _as_json})
        self._server = Server(listener, app, name="validation")

    def attend(self, attendance: Attendance) -> None:
        """Answer for this attempt from now on."""
        self._credit = _Credit()
        self._attendance = attendance

    def dismiss(self) -> None:
        """The attempt has ended: answer for none."""
        self._attendance = None

    @property
    def connections(self) -> int:
        """Open connections."""
        return self._server.connections

    def close(self) -> None:
        """Stop serving and close the socket. Returns at once; the thread ends by itself shortly after."""
        self._attendance = None
        self._server.close()

    def join(self, seconds: float) -> None:
        """After `close`: wait for the thread's end."""
        self._server.join(seconds)

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"status": "running"})

    async def _validate(self, request: Request) -> Response:
        attendance = self._attendance
        if attendance is None:
            raise HTTPException(503, "no attempt is running here")
        self._check_length(request)
        wait_secs = self._credit.take()
        if wait_secs > 0:
            attendance.note("validation: refused, too many calls")
            raise HTTPException(429, f"Too many checks: try again in {wait_secs:.0f} s.")
        async with self._checking:  # one at a time: a check may read a gigabyte
            try:
                async with (
                    asyncio.timeout(LONGEST_UPLOAD_SECS),
                    request.form(max_files=1, max_fields=4) as form,
                ):
                    upload = form.get("file")
                    if not isinstance(upload, UploadFile):
                        raise HTTPException(400, "Send the submission as the multipart form field 'file'.")
                    return await asyncio.to_thread(self._answer, upload, attendance)
            except (TimeoutError, ClientDisconnect) as error:
                attendance.note("validation: the upload was broken off")
                raise HTTPException(408, "The upload was broken off.") from error

    def _check_length(self, request: Request) -> None:
        length = request.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            raise HTTPException(411, "The request needs a Content-Length.")
        if int(length) > self._max_body_bytes:
            raise HTTPException(413, f"The file is larger than {self._max_body_bytes} bytes.")

    def _answer(self, upload: UploadFile, attendance: Attendance) -> Response:
        """Check the uploaded file. What goes wrong here is told to the agent without any detail."""
        try:
            with tempfile.TemporaryDirectory(prefix="mlebench-validation-") as folder:
                path = Path(folder) / "submission.csv"
                with path.open("wb") as file:
                    shutil.copyfileobj(upload.file, file, 1 << 20)
                size = path.stat().st_size
                reason = attendance.validate(path)
        except Exception:  # a checker is other people's code: its failure must not end the service
            log.exception("a submission could not be checked")
            attendance.note("validation: the check itself failed")
            return JSONResponse({"result": "The submission could not be checked."}, status_code=500)
        if reason is None:
            attendance.note(f"validation: {size} bytes: valid")
            return JSONResponse({"result": "Submission is valid."})
        reason = one_line(reason)
        attendance.note(f"validation: {size} bytes: invalid: {reason}")
        return JSONResponse({"result": f"Submission invalid: {reason}"})


class _Credit:
    """Allows BURST checks at once and CHECKS_PER_SEC in the long run."""

    def __init__(self) -> None:
        self._left = float(BURST)
        self._at = time.monotonic()

    def take(self) -> float:
        """Take one check: 0, or the seconds to wait for the next one where none is left."""
        now = time.monotonic()
        self._left = min(float(BURST), self._left + (now - self._at) * CHECKS_PER_SEC)
        self._at = now
        if self._left < 1:
            return max(1.0, (1 - self._left) / CHECKS_PER_SEC)
        self._left -= 1
        return 0.0


def one_line(text: str) -> str:
    """The first line of `text`, printable characters only, at most LONGEST_REASON of them."""
    first = next(iter(text.strip().splitlines()), "")
    return "".join(character for character in first if character.isprintable())[:LONGEST_REASON]


async def _as_json(_request: Request, error: Exception) -> Response:
    """The answer to what is wrong with a request, in the shape of all other answers."""
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"result": str(error.detail)}, status_code=error.status_code, headers=error.headers)


def write_validate_script(path: Path) -> None:
    """Write validate_submission.sh, which an agent may use to check a file: with curl, or with bash alone."""
    write_text(path, VALIDATE_SCRIPT)
    path.chmod(0o755)
