"""What Kaggle is asked, with its own client: the one place that knows the client and its errors.

Of the `kaggle` package the network layer, `kagglesdk`, is used. The layer above it authenticates when it is
imported, prints, asks nothing but exits the process where there are no credentials, takes no time limit, and
says of an error no more than its text. The client is imported when Kaggle is first asked, and not before.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import DataError, InputError, KaggleUnreachable

if TYPE_CHECKING:
    import requests

CONNECT_SECS, ANSWER_SECS = 15.0, 60.0
TRIES = 6  # in a row that bring nothing new
FIRST_WAIT_SECS, LONGEST_WAIT_SECS = 2.0, 600.0
SHOWN_CHARACTERS = 200  # of what a server says

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """An account of Kaggle's: a token, or a user name and a key."""

    source: str  # where they were found, for people
    username: str | None = None
    key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What went wrong with a request, and whether trying again may help."""

    text: str
    again: bool
    wait_secs: float | None = None  # what the server asks for


def find_credentials(known: Mapping[str, str]) -> Credentials | None:
    """Find the account to use, in the order in which Kaggle's client looks; None when there is none.

    Args:
        known: variables by name: the environment, and what stands for it.

    Raises:
        InputError: a file of credentials cannot be read, or holds none.
    """
    home = _home()
    if given := known.get("KAGGLE_API_TOKEN"):
        path = Path(given)
        return Credentials(source="KAGGLE_API_TOKEN", token=_text(path) if _is_file(path) else given)
    if _is_file(path := home / "access_token") and (token := _text(path)):
        return Credentials(source=str(path), token=token)
    username, key = known.get("KAGGLE_USERNAME"), known.get("KAGGLE_KEY")
    if username and key:
        return Credentials(source="KAGGLE_USERNAME and KAGGLE_KEY", username=username, key=key)
    path = Path(known.get("KAGGLE_CONFIG_DIR") or home) / "kaggle.json"
    return _from_json(path) if _is_file(path) else None


def has_joined(competition_id: str, credentials: Credentials, *, log: Callable[[str], None]) -> bool:
    """Ask Kaggle whether the account has accepted the competition's rules; nothing is downloaded.

    Raises:
        KaggleUnreachable: Kaggle did not say.
        DataError: it refused to say; the text tells why.
    """

    def ask() -> bool:
        from kagglesdk.competitions.types.competition_api_service import ApiGetCompetitionRequest

        request = ApiGetCompetitionRequest()
        request.competition_name = competition_id
        with _client(credentials) as client, _understood(competition_id):
            found = client.competitions.competition_api_client.get_competition(request)
            if not found.ref or not isinstance(found.user_has_entered, bool):  # the client checks neither
                raise TypeError("it describes no competition")
            return found.user_has_entered

    try:
        return patiently(ask, competition_id=competition_id, tries=2, log=log)
    except OSError as error:  # the client looks into ~/.kaggle by itself
        raise DataError(f"{competition_id}: Kaggle's client cannot be started: {error}") from error


@contextmanager
def opened_archive(competition_id: str, credentials: Credentials, *, start: "Start") -> Iterator["requests.Response"]:
    """Ask Kaggle for the competition's archive and give the answer, whose body has not been read.

    Args:
        start: gives, from the answer's headers, the first byte that is wanted; when it is not 0, the answer that is
            given has the status 206 and begins there, or has the status 200 and is the whole after all.

    Raises:
        requests.RequestException: `explained` tells what it means.
        DataError: the client does not understand the answer.
    """
    from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFilesRequest

    request = ApiDownloadDataFilesRequest()
    request.competition_name = competition_id
    with _client(credentials) as client:
        # Asked for the whole first: that leads, through a redirect, to an address in Kaggle's storage that is
        # valid for minutes, and tells which version of the archive is there.
        with _understood(competition_id):
            answer = client.competitions.competition_api_client.download_data_files(request)
        if first := start(answer.headers):
            answer.close()
            answer = _rest(client.http_client()._session, answer, first)
        with answer:
            yield answer


Start = Callable[[Mapping[str, str]], int]


def body_bytes(headers: Mapping[str, str]) -> int | None:
    """Bytes of the body, where the server tells; not those of a body that is packed on the way."""
    text = headers.get("Content-Length", "")
    return int(text) if text.isdecimal() and "Content-Encoding" not in headers else None


def validator(headers: Mapping[str, str]) -> str | None:
    """What names the version of a file that a server sends; None when nothing does."""
    return headers.get("ETag") or headers.get("Last-Modified")


def patiently(
    action: Callable[[], Result],
    *,
    competition_id: str,
    log: Callable[[str], None],
    tries: int = TRIES,
    reached: Callable[[], int] = lambda: 0,
) -> Result:
    """Do `action`, again while Kaggle or the network may do better the next time.

    Waits as long as the server asks for, or longer after each failure.

    Args:
        tries: how many in a row may fail without having come further.
        reached: tells how far it has come.

    Raises:
        DataError: Kaggle refuses.
        KaggleUnreachable: it failed too often, or the server asks for a wait that is too long.
    """
    import requests

    furthest, failures = 0, 0
    while True:
        try:
            return action()
        except requests.RequestException as error:
            failure = explained(competition_id, error)
            now = reached()
            failures = 1 if now > furthest else failures + 1
            furthest = max(furthest, now)
            wait_secs = _wait(failure, failures)
            if wait_secs is None or failures >= tries:
                kind = KaggleUnreachable if failure.again else DataError
                raise kind(_last_word(failure, failures)) from error
            log(f"{failure.text}; trying again in {wait_secs:.0f} s")
            time.sleep(wait_secs)


def explained(competition_id: str, error: "requests.RequestException") -> Failure:
    """Say what an error of the client means and what to do about it."""
    answer = error.response
    if answer is None:
        return Failure(text=f"{competition_id}: the connection to Kaggle failed: {_reason(error)}", again=True)
    status, said = _status(answer), _shortened(str(error))
    wait_secs = _retry_after(answer)
    if status in (408, 429) or status >= 500 or answer.history:  # of the storage, whose addresses expire
        what = "Kaggle asks for patience" if status == 429 else f"Kaggle fails with {status}"
        return Failure(text=f"{competition_id}: {what}: {said}", again=True, wait_secs=wait_secs)
    texts = {
        401: f"Kaggle does not accept the credentials; make new ones at https://www.kaggle.com/settings ({said})",
        403: f"Kaggle refuses the data; accept the rules at {rules_address(competition_id)} with the account of the "
        f"credentials, once, in a browser ({said})",
        404: f"Kaggle has no competition of that name ({said})",
    }
    return Failure(
        text=f"{competition_id}: {texts.get(status, f'Kaggle answers {status}: {said}')}",
        again=False,
    )


def rules_address(competition_id: str) -> str:
    """Where a person accepts the competition's rules."""
    return f"https://www.kaggle.com/c/{competition_id}/rules"


@contextmanager
def _client(credentials: Credentials) -> Iterator[Any]:
    from kagglesdk.kaggle_client import KaggleClient

    given = {"username": credentials.username, "password": credentials.key, "api_token": credentials.token}
    with KaggleClient(user_agent="mlebench-runner", **given) as client:
        session = client.http_client()._session
        for scheme in ("https://", "http://"):
            session.mount(scheme, _adapter())
        # Bytes as they are stored, so that they can be counted.
        session.headers["Accept-Encoding"] = "identity"
        yield client


@contextmanager
def _understood(competition_id: str) -> Iterator[None]:
    """Name what the client makes of an answer that it does not expect."""
    import requests

    try:
        yield
    except requests.RequestException:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{competition_id}: Kaggle's answer is not understood by its client; is there a newer version of the "
            f"package kagglesdk? ({type(error).__name__}: {_shortened(str(error))})"
        ) from error


def _adapter() -> Any:
    """An adapter with time limits: the client sets none, and would wait for ever."""
    from requests.adapters import HTTPAdapter

    class Limited(HTTPAdapter):
        def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]  # the rest is passed on
            return super().send(request, **options | {"timeout": (CONNECT_SECS, ANSWER_SECS)})

    return Limited()


def _rest(session: "requests.Session", answer: "requests.Response", first: int) -> "requests.Response":
    """Send the request of `answer` again, for the bytes from `first` on of the same version."""
    import requests

    request = answer.request.copy()
    request.headers["Range"] = f"bytes={first}-"
    request.headers["If-Range"] = validator(answer.headers) or ""
    options = session.merge_environment_settings(str(request.url), {}, True, None, None)
    rest = session.send(request, **options)
    if rest.status_code not in (200, 206):
        rest.close()
        raise requests.ConnectionError(f"the rest of the archive was refused with {rest.status_code}")
    return rest


def _home() -> Path:
    try:
        return Path.home() / ".kaggle"
    except RuntimeError:  # a user without a home, as in containers
        return Path("/nonexistent")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # another user's folder, or no path at all but a long token
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Kaggle's credentials in {path} cannot be read: {error}") from error


def _from_json(path: Path) -> Credentials:
    try:
        found = json.loads(_text(path))
        username, key = found["username"], found["key"]
    except (ValueError, TypeError, KeyError):
        username = key = None
    if not (isinstance(username, str) and isinstance(key, str) and username and key):
        raise InputError(
            f'{path} holds no Kaggle credentials: expected {{"username": ..., "key": ...}}; '
            "download it anew from https://www.kaggle.com/settings"
        )
    return Credentials(source=str(path), username=username, key=key)


def _status(answer: "requests.Response") -> int:
    """The status, which an answer of Kaggle's may tell in its body alone."""
    if "application/json" in answer.headers.get("Content-Type", ""):  # then the client has read it
        try:
            return int(answer.json()["code"])
        except (ValueError, TypeError, KeyError):
            pass
    return answer.status_code


def _retry_after(answer: "requests.Response") -> float | None:
    """Seconds that the server asks to wait: `Retry-After` has seconds or a date (RFC 9110, 10.2.3)."""
    asked = answer.headers.get("Retry-After", "")
    if asked.isdecimal():
        return float(asked)
    try:
        return max(parsedate_to_datetime(asked).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None


def _wait(failure: Failure, failures: int) -> float | None:
    """Seconds until the next try; None when there is to be none."""
    if not failure.again:
        return None
    if failure.wait_secs is None:
        return float(min(FIRST_WAIT_SECS * 2 ** (failures - 1), LONGEST_WAIT_SECS))
    return failure.wait_secs if failure.wait_secs <= LONGEST_WAIT_SECS else None


def _last_word(failure: Failure, failures: int) -> str:
    if failure.again and failure.wait_secs is not None and failure.wait_secs > LONGEST_WAIT_SECS:
        return f"{failure.text}; it asks to wait {failure.wait_secs:.0f} s: try again then"
    return f"{failure.text}; gave up after {failures} tries, try again later" if failure.again else failure.text


def _reason(error: "requests.RequestException") -> str:
    """What broke a connection, out of the errors of two libraries that are wrapped around it."""
    from urllib3.exceptions import HTTPError, MaxRetryError

    inner: object = error.args[0] if error.args else error
    if isinstance(inner, MaxRetryError):
        inner = inner.reason
    if isinstance(inner, HTTPError) and inner.args:
        inner = inner.args[0]
    return _shortened(str(inner))


def _shortened(text: str) -> str:
    return " ".join(text.split())[:SHOWN_CHARACTERS]
