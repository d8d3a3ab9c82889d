"""Where an agent may come from: a known id, a folder, or a git repository.

    baseline                                     the id of an agent that is known
    ./my-agent  ../my-agent  ~/my-agent  /srv/my-agent
    git+https://host/repo@ref#subdirectory=dir   in pip's syntax; also git+ssh and git+file

Nothing is looked up here but whether a folder is there.
"""

import os
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from core.errors import InputError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # what an agent's folder may be called
PREFIX = "git+"
SCHEMES = ("https", "ssh", "file")  # git:// and http:// let everyone on the way put in another agent
HOST = re.compile(
    r"([A-Za-z0-9_][A-Za-z0-9._~%-]*(:[^@/]*)?@)?([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?"
)
REF = re.compile(r"(?!.*(\.\.|//|/$|\.lock$))[A-Za-z0-9_][A-Za-z0-9_./+,=-]*")  # no option, no refspec, no pattern
EXPECTED = "expected git+https://host/repo@ref#subdirectory=dir"


@dataclass(frozen=True, kw_only=True)
class FolderSource:
    """An agent's folder on the submitter's host."""

    path: Path  # absolute, links resolved

    @property
    def name(self) -> str:
        """What the agent is called."""
        return self.path.name

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, kw_only=True)
class GitSource:
    """An agent in a git repository."""

    url: str  # https://, ssh:// or file://; may hold a password
    ref: str | None  # a branch, a tag or a whole commit id; None: the default branch
    subdirectory: str  # of the repository, with slashes; "": the repository itself

    @property
    def name(self) -> str:
        """What the agent is called: as the subdirectory, or else as the repository."""
        path = self.subdirectory or unquote(urlsplit(self.url).path.rstrip("/").removesuffix(".git"))
        return path.rpartition("/")[2]

    @property
    def public_url(self) -> str:
        """The URL without its password; without the user as well where a token may stand in his place."""
        parts = urlsplit(self.url)
        credentials, at, host = parts.netloc.rpartition("@")
        user = f"{credentials.partition(':')[0]}{at}" if parts.scheme == "ssh" else ""
        return parts._replace(netloc=user + host).geturl()

    def at(self, commit: str) -> Self:
        """Give the same agent at a commit."""
        return replace(self, ref=commit)

    def __str__(self) -> str:
        """Say where it is, for people, for records, and for `parse_source`; without a password."""
        fragment = f"#subdirectory={quote(self.subdirectory)}" if self.subdirectory else ""
        return f"{PREFIX}{self.public_url}{f'@{self.ref}' if self.ref else ''}{fragment}"


def parse_source(text: str, known: Callable[[], Collection[str]]) -> FolderSource | GitSource | None:
    """Say what kind of agent is meant; None: one that is known by its id, or is nowhere.

    Args:
        text: what someone wrote.
        known: gives the ids of known agents, which go before folders of the same name.

    Raises:
        InputError: it is no source that can be used.
    """
    if text.startswith(PREFIX):
        return _parse_git(text)
    if "://" in text or text.startswith("git@"):
        raise InputError(f"--agent {_shown(text)}: {EXPECTED}, also for the other ways to reach a repository")
    if text in (".", "..") or text.startswith(("./", "../", "/", "~")):
        return _folder(text)
    if os.path.isdir(text) and text not in known():  # noqa: PTH112 - Path.is_dir raises for names that are too long
        return _folder(text)
    return None


def check_name(source: FolderSource | GitSource) -> str:
    """Give the name of the agent in `source`, which becomes its id.

    Raises:
        InputError: its folder or repository is not called as an agent may be.
    """
    if not NAME.fullmatch(source.name):
        raise InputError(
            f"--agent {source}: an agent is called as its folder, and {source.name!r} is no name for one: expected "
            "letters, digits, '-', '_' and '.', starting with a letter or digit; rename the folder"
        )
    return source.name


def _folder(text: str) -> FolderSource:
    try:
        path = Path(text).expanduser().resolve()
        found = path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # a user who is unknown, a loop of links, a NUL
        raise InputError(f"--agent {text!r} is no folder: {error}") from error
    if not found:
        raise InputError(f"--agent {text}: there is no folder {path}")
    return FolderSource(path=path)


def _parse_git(text: str) -> GitSource:
    address, _, fragment = text.removeprefix(PREFIX).partition("#")
    if not re.fullmatch(r"[!-~]+", address):
        raise InputError(f"--agent {_shown(text)!r}: a URL has no spaces and no other letters than ASCII's; {EXPECTED}")
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise InputError(f"--agent {_shown(text)}: {error}; {EXPECTED}") from error
    path, at, ref = parts.path.rpartition("@")
    if not at:
        path, ref = ref, ""
    if parts.scheme not in SCHEMES:
        ways = ", ".join(PREFIX + scheme for scheme in SCHEMES)
        raise InputError(f"--agent {_shown(text)}: expected one of {ways}, not {PREFIX}{parts.scheme}")
    if bool(parts.netloc) if parts.scheme == "file" else not HOST.fullmatch(parts.netloc):
        raise InputError(f"--agent {_shown(text)}: {parts.netloc.rpartition('@')[2]!r} is no host; {EXPECTED}")
    if not path.startswith("/") or not path.strip("/") or parts.query:
        raise InputError(f"--agent {_shown(text)} names no repository; {EXPECTED}")
    if at and not REF.fullmatch(ref):
        raise InputError(f"--agent {_shown(text)}: {ref!r} is no branch, tag or commit")
    url = parts._replace(path=path, fragment="").geturl()
    return GitSource(url=url, ref=ref or None, subdirectory=_subdirectory(fragment, text))


def _subdirectory(fragment: str, text: str) -> str:
    if not fragment:
        return ""
    key, _, value = fragment.partition("=")
    folder = unquote(value).strip("/")
    if key != "subdirectory" or not folder.isprintable() or not {"", ".", ".."}.isdisjoint(folder.split("/")):
        raise InputError(f"--agent {_shown(text)}: after '#', expected subdirectory=dir, a folder of the repository")
    return folder


def _shown(text: str) -> str:
    """Give what someone wrote without what may be a password."""
    return re.sub(r"//[^/]*@", "//***@", text)
