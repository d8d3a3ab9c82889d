"""What a call of the SDK raises. Wrong arguments raise `core.errors.InputError` before anything is sent.

ClientError (a core.errors.MlebenchError)
├── ServerUnreachable      nothing answered: not started, stopped, cut off or too slow
├── UnexpectedAnswer       something answered, and not as this project's server does
├── RequestFailed          the server answered with an error; carries its status and its text
│   ├── Unauthorized         401, 403: it wants another token
│   ├── NotFound             404: there is no such run or file
│   ├── NotNow               409: not in the state that the run is in
│   ├── Refused              400, 413, 422: something in the request is wrong; the text is the server's
│   ├── TooManyRequests      429, after all tries
│   └── ServerFailed         5xx, after all tries
└── StillRunning           wait_for_completion ran out of time (a TimeoutError, too)
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from core.errors import MlebenchError

if TYPE_CHECKING:
    from sdk.results import Run


class ClientError(MlebenchError):
    """Base of all that a call of the SDK raises on purpose. Its text says what to do."""


class ServerUnreachable(ClientError):
    """Nothing answered, or no longer.

    Attributes:
        maybe_taken: whether the request may have reached the server all the same.
    """

    def __init__(self, text: str, *, maybe_taken: bool) -> None:
        super().__init__(text)
        self.maybe_taken = maybe_taken


class UnexpectedAnswer(ClientError):
    """Something answered that is not this project's server, or not one of a version that this SDK understands."""


class RequestFailed(ClientError):
    """The server answered with an error.

    Attributes:
        status: of HTTP.
        problem: the answer's body (type, title, status, detail, errors); empty where it was none.
        retry_after_secs: what the server asks to wait; None where it does not.
    """

    def __init__(self, text: str, *, status: int, problem: Mapping[str, Any], retry_after_secs: float | None) -> None:
        super().__init__(text)
        self.status = status
        self.problem = problem
        self.retry_after_secs = retry_after_secs

    def advised(self, advice: str) -> Self:
        """Give the same error with what to do."""
        return type(self)(
            f"{self}; {advice}", status=self.status, problem=self.problem, retry_after_secs=self.retry_after_secs
        )


class Unauthorized(RequestFailed):
    """The server wants a token, or another one."""


class NotFound(RequestFailed):
    """There is no such run or file."""


class NotNow(RequestFailed):
    """What was asked does not go with the state that the run is in."""


class Refused(RequestFailed):
    """Something in the request is wrong; nothing was started."""


class TooManyRequests(RequestFailed):
    """The server limits how often it may be asked."""


class ServerFailed(RequestFailed):
    """The server, its broker or its database failed."""


class StillRunning(ClientError, TimeoutError):
    """A run did not end within the time that it was waited for; it goes on.

    Attributes:
        run: as it was last seen.
    """

    def __init__(self, text: str, *, run: "Run") -> None:
        super().__init__(text)
        self.run = run
