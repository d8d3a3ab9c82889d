"""How the gateway says no: in the shape of OpenAI's errors, so that agents' libraries understand it."""

import json
from collections.abc import Mapping

from starlette.responses import JSONResponse


class Refused(Exception):
    """A call does not go on; the text is for the agent to read.

    Attributes:
        status: of the HTTP answer.
        code: a word for programs, one of OpenAI's where it has one.
        param: the field that is at fault.
        headers: of the HTTP answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, object]:
        """The answer's body."""
        # insufficient_quota is the type too: clients look there, and do not try again
        kind = self.code if self.code == "insufficient_quota" else _kind(self.status)
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        """The HTTP answer."""
        return JSONResponse(self.body, status_code=self.status, headers=self.headers)

    def event(self) -> bytes:
        """The same as an event of a stream that has begun."""
        return b"data: " + json.dumps(self.body).encode() + b"\n\n"


def unfit(message: str, *, param: str | None = None, code: str = "invalid_request") -> Refused:
    """A request that is wrong, or asks for what is not let through."""
    return Refused(400, message, code=code, param=param)


def _kind(status: int) -> str:
    if status >= 500:
        return "server_error"
    return "rate_limit_error" if status == 429 else "invalid_request_error"
