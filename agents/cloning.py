"""Agents out of git repositories: one commit is fetched, and the agent's files are read out of git's own store.

Nothing is checked out: no hook, filter or attribute of the repository takes part, and no file of it is made. Neither
the repository nor its server is trusted: sizes, names and the time are limited. Submodules and the files behind
Git LFS pointers are left out.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agents.contents import MOST_BYTES, MOST_FILES, Entry, Kind, checked, is_part, too_large
from agents.sources import GitSource
from core.errors import InputError

FETCH_SECS = 300.0  # for all that git does
LARGEST_PACK = 1 << 30  # bytes that a fetch may write
MOST_MEMORY = 4 << 30  # bytes of address space, for each of git's processes
MOST_SAID = 1 << 20  # bytes of what git says to people
LIST_BYTES = MOST_FILES * 1200  # of a list of files; one of honest names is shorter
KINDS = {"100644": Kind.FILE, "100664": Kind.FILE, "100755": Kind.EXECUTABLE, "120000": Kind.LINK}
SUBMODULE = "160000"
ANOTHER_REPOSITORYS = (  # variables that would point git elsewhere, when this runs in a hook of another repository
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_SHALLOW_FILE",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)
OPTIONS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.unpackLimit": "1",  # one file, whose size the kernel limits
    "fetch.writeCommitGraph": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
}


@dataclass(frozen=True, kw_only=True)
class Commit:
    """An agent at a commit."""

    source: GitSource  # at the whole commit id
    entries: Sequence[Entry]


def read_commit(source: GitSource, *, within_secs: float = FETCH_SECS) -> Commit:
    """Fetch an agent from its repository.

    Args:
        source: where it is; a branch or a tag is looked up now.
        within_secs: how long all of it may take.

    Raises:
        InputError: git is not there, the repository, ref or subdirectory is not, or what it holds is no agent's.
    """
    if shutil.which("git") is None:
        raise InputError(f"--agent {source} needs git, which is not installed")
    with tempfile.TemporaryDirectory(prefix="mlebench-git-") as name:
        repository = _Repository(Path(name), source, within_secs)
        return repository.fetch()


class _Repository:
    """A bare repository in a folder of its own, with one commit."""

    def __init__(self, folder: Path, source: GitSource, within_secs: float) -> None:
        self._folder = folder
        self._source = source
        self._expired = threading.Event()
        self._within_secs = within_secs
        self._running: subprocess.Popen[bytes] | None = None

    def fetch(self) -> Commit:
        clock = threading.Timer(self._within_secs, self._expire)
        clock.daemon = True
        clock.start()
        try:
            self._git("init", "--quiet", "--bare", "--template=", ".")
            wanted = self._source.ref or "HEAD"
            self._git("fetch", "--quiet", "--depth=1", "--no-tags", "--", self._source.url, wanted)
            commit = self._git("rev-parse", "--verify", "--quiet", "FETCH_HEAD^{commit}").decode().strip()
            entries = checked(self._entries(commit), where=str(self._source))
        finally:
            clock.cancel()
        return Commit(source=self._source.at(commit), entries=entries)

    def _entries(self, commit: str) -> Iterator[Entry]:
        """Give the agent's files, sizes looked at before contents."""
        tree = f"{commit}:{self._source.subdirectory}"
        listed = self._git("ls-tree", "-r", "-l", "-z", "--full-tree", tree, at_most=LIST_BYTES)
        files: list[tuple[str, Kind, str, int]] = []
        for line in listed.split(b"\0")[:-1]:
            described, _, name = line.decode(errors="surrogateescape").partition("\t")
            mode, _, blob, size = described.split()
            if mode == SUBMODULE or not is_part(name):
                continue
            if mode not in KINDS:
                raise InputError(f"{self._source}: {name!r} has the unknown mode {mode}")
            files.append((name, KINDS[mode], blob, int(size)))
        if sum(size for *_, size in files) > MOST_BYTES:
            raise too_large(str(self._source))
        contents = self._contents([blob for _, _, blob, _ in files])
        for (name, kind, _, _), content in zip(files, contents, strict=True):
            yield Entry(name=name, kind=kind, content=content)

    def _contents(self, blobs: Sequence[str]) -> Iterator[bytes]:
        said = memoryview(
            self._git("cat-file", "--batch", given="".join(f"{blob}\n" for blob in blobs), at_most=2 * MOST_BYTES)
        )
        for _ in blobs:
            head = bytes(said[:200]).partition(b"\n")[0]
            start = len(head) + 1
            end = start + int(head.split()[2])  # id, "blob", size
            yield bytes(said[start:end])
            said = said[end + 1 :]

    def _git(self, *arguments: str, given: str = "", at_most: int = MOST_SAID) -> bytes:
        """Run git; gives what it says. It may say no more than `at_most` bytes."""
        options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
        limits = f'ulimit -f {LARGEST_PACK >> 10} -v {MOST_MEMORY >> 10} && exec git "$@"'
        with tempfile.TemporaryFile() as heard, tempfile.TemporaryFile() as told:
            told.write(given.encode())
            told.seek(0)
            with subprocess.Popen(
                ["bash", "-c", limits, "git", *options, *arguments],
                cwd=self._folder,
                env=self._environment(),
                stdin=told,
                stdout=subprocess.PIPE,
                stderr=heard,
                start_new_session=True,  # no terminal to ask at, and all of it ends together
            ) as process:
                self._running = process
                if self._expired.is_set():  # before there was a process to end
                    _end(process)
                assert process.stdout is not None  # noqa: S101 - a pipe was asked for
                said = process.stdout.read(at_most + 1)
                if len(said) > at_most:
                    _end(process)
            heard.seek(0)
            complaint = heard.read(MOST_SAID).decode(errors="replace")
        if self._expired.is_set():
            raise InputError(f"--agent {self._source}: git did not get it within {self._within_secs:g} s")
        if len(said) > at_most:
            raise InputError(f"--agent {self._source}: holds more files than an agent may have, {MOST_FILES:,}")
        if process.returncode:
            raise self._error(complaint, process.returncode)
        return said

    def _expire(self) -> None:
        self._expired.set()
        if self._running is not None:
            _end(self._running)

    def _environment(self) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if name not in ANOTHER_REPOSITORYS}
        environment.pop("SSH_ASKPASS", None)
        return environment | {
            "GIT_DIR": str(self._folder),
            "GIT_TERMINAL_PROMPT": "0",
            "SSH_ASKPASS_REQUIRE": "never",
            "GIT_ALLOW_PROTOCOL": self._source.url.partition("://")[0],  # redirections change nothing of it
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "LC_ALL": "C",
        }

    def _error(self, complaint: str, code: int) -> InputError:
        lines = [line for line in complaint.splitlines() if line.startswith(("fatal:", "error:", "ERROR:", "remote:"))]
        said = (lines or complaint.splitlines() or [f"it ended with {code}"])[0]
        said = re.sub(r"//[^/\s]*@", "//***@", said.replace(self._source.url, self._source.public_url))
        shown = "".join(c if c.isprintable() else "?" for c in said)[:300]
        hint = ""
        if "index-pack" in said:  # it was stopped at the limit, or gave up by itself
            hint = f"; the commit is larger than {LARGEST_PACK >> 20:,} MiB, or damaged"
        if self._source.subdirectory and re.search("ot a (valid object name|tree object)", said):
            return InputError(f"--agent {self._source}: the repository has no folder {self._source.subdirectory!r}")
        if self._source.ref and re.fullmatch("[0-9a-f]{4,39}", self._source.ref):
            hint = "; a commit is given by all 40 digits of its id"
        return InputError(f"--agent {self._source}: git says: {shown}{hint}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End git and all that it started."""
    with suppress(ProcessLookupError):
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
