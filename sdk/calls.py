"""The calls of the server, each written once for both clients: what is asked, how often, and what comes of it."""

import re
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote

from core.errors import InputError
from sdk.artifacts import Part, chosen, is_whole, place_of
from sdk.errors import NotNow, RequestFailed, ServerUnreachable, StillRunning, Unauthorized, UnexpectedAnswer
from sdk.events import Event, EventDecoder
from sdk.results import Artifact, Artifacts, Health, Run, RunSummary, each, texts
from sdk.wire import Action, Flow, NextPiece, Pause, Reply, Request, backoff_secs, check_status, pause_secs, read_answer

T = TypeVar("T")
LARGEST_PAGE = 1000
OUTAGE_SECS = 120.0  # how long a server may be away, for example to be started again, while a run is waited for
QUIET_STREAM_SECS = 45.0  # the server's heartbeat comes every 15
GIVE_ONE = "give Client(token=...) the server's MLEBENCH_API_TOKEN"
GIVE_ANOTHER = "this client's token is not the server's MLEBENCH_API_TOKEN"
EventFlow: TypeAlias = Generator[Action | Event, Any, None]
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,254}")  # its id, its folder's name, or latest


@dataclass(frozen=True, kw_only=True)
class Calls:
    """The calls, and what holds for all of them.

    Attributes:
        retries: how often a request that may be repeated is made again.
        has_token: whether the client presents one.
        clock: monotonic seconds.
    """

    retries: int = 3
    has_token: bool = False
    clock: Callable[[], float] = time.monotonic

    def health(self) -> Flow[Health]:
        """Ask whether the server, its broker and its database answer. Asks once, without retries.

        Example:
            >>> client.health().status
            'ok'

        Raises:
            ServerUnreachable: no server answers.
            ServerFailed: it answers, and its broker or its database does not; the text says which.
        """
        reply: Reply = yield Request(method="GET", path="/health")
        self._check(reply)
        return read_answer(reply, Health)

    def list_competitions(self, split: str | None = None) -> Flow[list[str]]:
        """Give the ids of all competitions, or of a split's.

        Example:
            >>> client.list_competitions(split="dev")[0]
            'flight-delays'
        """
        query = {} if split is None else {"split": split}
        return (yield from self._ask(Request(method="GET", path="/competitions", query=query), texts))

    def list_technique_tasks(self) -> Flow[list[str]]:
        """Give the ids of all techniques: imbalance, missing, encoding, cv, scaling, leakage, ..."""
        return (yield from self._ask(Request(method="GET", path="/technique-tasks"), texts))

    def list_agents(self) -> Flow[list[str]]:
        """Give the ids of all agents that the server knows."""
        return (yield from self._ask(Request(method="GET", path="/agents"), texts))

    def run(
        self,
        /,
        competition_set: str | Sequence[str] | None = None,
        agent_id: str | None = None,
        *,
        lite: bool | None = None,
        n_seeds: int | None = None,
        n_workers: int | None = None,
        retain: bool | None = None,
        data_dir: str | Path | None = None,
        notes: str | None = None,
        technique_tasks: str | Sequence[str] | None = None,
        tasks: Sequence[str] | None = None,
        **more: Any,
    ) -> Flow[Run]:
        """Start a run, and give it as it is at its beginning. What is left out is up to the server.

        Only when it is certain that the server has not taken the request is it sent again.

        Args:
            competition_set: a split's name (dev), a file below splits/, or a list of competition ids.
            agent_id: an agent's id.
            lite: the same as competition_set="low".
            n_seeds: attempts per competition.
            n_workers: attempts at a time, where the server brings its own workers.
            retain: recorded with the run; all evidence is kept in any case.
            data_dir: a folder of the server's host.
            notes: kept with the run.
            technique_tasks: technique ids, or "all": focused questions instead of whole competitions.
            tasks: ids of techniques to add, or of competitions to keep to.
            more: further fields of POST /runs: time_limit_secs, sandbox, priority, judge, ...

        Example:
            >>> run = client.run(competition_set="dev", agent_id="dummy", n_seeds=3)
            >>> run["run_id"] == run.run_id
            True

        Raises:
            Refused: something is wrong with it; nothing was started.
            ServerUnreachable: with `maybe_taken`, the run may have been started all the same.
        """
        given = {
            "competition_set": _plain(competition_set),
            "agent_id": agent_id,
            "lite": lite,
            "n_seeds": n_seeds,
            "n_workers": n_workers,
            "retain": retain,
            "data_dir": None if data_dir is None else str(data_dir),
            "notes": notes,
            "technique_tasks": _plain(technique_tasks),
            "tasks": _plain(tasks),
            **more,
        }
        body = {name: value for name, value in given.items() if value is not None}
        request = Request(method="POST", path="/runs", body=body, repeatable=False)
        try:
            return (yield from self._ask(request, Run))
        except ServerUnreachable as error:
            if not error.maybe_taken:
                raise
            raise ServerUnreachable(
                f"{error}; the run may have been started all the same: look at list_runs() before you start it again",
                maybe_taken=True,
            ) from error

    def get_run(self, run_id: str) -> Flow[Run]:
        """Give a run as it is now.

        Args:
            run_id: its id, or "latest".

        Raises:
            NotFound: there is no such run.
        """
        return (yield from self._ask(Request(method="GET", path=_run_path(run_id)), Run))

    def list_runs(self, limit: int | None = 100, *, before: str | None = None) -> Flow[list[Run]]:
        """Give the newest runs, newest first, without their logs.

        Args:
            limit: how many at most; None for all.
            before: only those that are older than this run.
        """
        if limit is not None and limit < 1:
            raise InputError(f"limit={limit}: expected at least 1, or None for all runs")
        found: list[Run] = []
        while limit is None or len(found) < limit:
            page = LARGEST_PAGE if limit is None else min(limit - len(found), LARGEST_PAGE)
            query = {"limit": str(page)} | ({} if before is None else {"before": before})
            runs = yield from self._ask(Request(method="GET", path="/runs", query=query), each(Run))
            found.extend(runs)
            if len(runs) < page:
                break
            before = runs[-1].run_id
        return found

    def get_run_summary(self, run_id: str) -> Flow[RunSummary]:
        """Give what came out of a run that has ended.

        Example:
            >>> summary = client.get_run_summary(run_id)
            >>> summary["grading_reports"][0]["total_runs"]
            6

        Raises:
            NotNow: it has not ended.
        """
        try:
            return (yield from self._ask(Request(method="GET", path=f"{_run_path(run_id)}/summary"), RunSummary))
        except NotNow as error:
            raise error.advised(f"wait for its end: wait_for_completion({run_id!r})") from error

    def get_artifacts(self, run_id: str) -> Flow[Artifacts]:
        """Give the names and sizes of a run's files, by kind. `download_artifacts` fetches them."""
        return (yield from self._ask(Request(method="GET", path=f"{_run_path(run_id)}/artifacts"), Artifacts))

    def cancel(self, run_id: str) -> Flow[Run]:
        """Stop a run, with what its agents do. It ends as failed, and what was done stays.

        Raises:
            NotNow: it has ended already.
        """
        return (yield from self._ask(Request(method="POST", path=f"{_run_path(run_id)}/cancel"), Run))

    def wait_for_completion(self, run_id: str, poll_interval: float = 5.0, timeout: float | None = None) -> Flow[Run]:
        """Wait until a run has ended, well or not, and give it. Does not raise for one that failed: see its status.

        A server that is away for up to two minutes in between, for example to be started again, is waited for.

        Args:
            poll_interval: seconds between questions.
            timeout: seconds to wait in all; None: as long as it takes.

        Example:
            >>> client.wait_for_completion(run_id, poll_interval=5, timeout=3600).status
            'completed'

        Raises:
            StillRunning: it did not end in time; it goes on.
        """
        if not poll_interval > 0 or (timeout is not None and not timeout >= 0):
            raise InputError(f"poll_interval={poll_interval}, timeout={timeout}: expected seconds greater than 0")
        deadline = None if timeout is None else self.clock() + timeout
        answered = self.clock()
        run: Run | None = None
        while True:
            try:
                run = yield from self.get_run(run_id if run is None else run.run_id)  # `latest` may be another soon
                answered = self.clock()
            except (ServerUnreachable, RequestFailed) as error:
                if run is None or not _passes(error) or self.clock() - answered > OUTAGE_SECS:
                    raise
            if run.ended:
                return run
            left = poll_interval if deadline is None else deadline - self.clock()
            if left <= 0:
                raise StillRunning(
                    f"run {run.run_id} is still {run.status} after {timeout:g} s"
                    f"{f' ({run.message})' if run.message else ''}; it goes on: wait again, or stop it with cancel()",
                    run=run,
                )
            yield Pause(min(poll_interval, left))

    def stream_events(self, run_id: str) -> EventFlow:
        """Follow a run: give what happens in it as it happens, until it has ended.

        First comes the present state of every attempt, last an event of kind `run` with the ended run. A connection
        that breaks is made again, where it broke.

        Example:
            >>> for event in client.stream_events(run_id):
            ...     if event.kind == "attempt":
            ...         print(event.data["name"], event.data["state"])

        Raises:
            ServerUnreachable: the server was away for more than two minutes.
        """
        if run_id == "latest":  # another, perhaps, when the connection is made again
            run_id = (yield from self.get_run(run_id)).run_id
        path, decoder, tries, answered = f"{_run_path(run_id)}/events", EventDecoder(), 0, None
        while True:
            tries += 1
            try:
                yield from self._open_events(path, decoder.last_id)
                while (piece := (yield NextPiece())) is not None:
                    tries, answered = 0, self.clock()
                    for event in decoder.feed(piece):
                        yield event
                        if isinstance(event.data, Run) and event.data.ended:
                            return
            except (ServerUnreachable, RequestFailed) as error:
                away = tries > self.retries if answered is None else self.clock() - answered > OUTAGE_SECS
                if away or not _passes(error):
                    raise
            decoder = EventDecoder(last_id=decoder.last_id)  # half an event is worth nothing
            yield Pause(backoff_secs(tries + 1))

    def download_artifacts(
        self, run_id: str, folder: str | Path, kinds: Iterable[str] | None = None
    ) -> Flow[list[Path]]:
        """Fetch a run's files into a folder, below which they have the same paths as below the runs folder.

        A file that is there with its size is left alone, and one that was begun is gone on with: call it again after
        an interruption. A file appears under its name when it is whole. One call at a time per folder.

        Args:
            folder: where to; it is made where it is missing.
            kinds: some of submissions, grading_reports, logs, rollouts, code, metadata; None: all.

        Returns:
            the files' places, in the order in which the server lists them.

        Example:
            >>> [path.name for path in client.download_artifacts(run_id, "results", kinds=["grading_reports"])]
            ['grading_report.json']

        Raises:
            UnexpectedAnswer: the server names a file outside of the folder (nothing is written then), or sends other
                bytes than it announced.
        """
        artifacts = yield from self.get_artifacts(run_id)
        if artifacts.truncated:
            warnings.warn(f"run {run_id} has more files than the server lists; the rest is not fetched", stacklevel=2)
        wanted = chosen(artifacts, kinds)
        places = [place_of(artifact.path, Path(folder)) for artifact in wanted]
        # written anew when a run is collected again: the same size does not make it the same file
        rewritten = {artifact.path for artifact in (*artifacts.grading_reports, *artifacts.metadata)}
        for artifact, place in zip(wanted, places, strict=True):
            anew = artifact.path in rewritten
            if anew or not is_whole(place, artifact.bytes):
                yield from self._download(artifact, place, anew=anew)
        return places

    def _download(self, artifact: Artifact, place: Path, *, anew: bool) -> Flow[None]:
        tries = 0
        with Part(place, artifact.bytes) as part:
            if anew:
                part.empty()
            while part.size < artifact.bytes:
                tries, before = tries + 1, part.size
                request = _file_request(artifact.path, first=part.size)
                try:
                    self._begin(part, (yield request))
                    while (piece := (yield NextPiece())) is not None:
                        part.write(piece)
                    break
                except (ServerUnreachable, RequestFailed) as error:
                    if part.size > before:
                        tries = 1
                    pause = pause_secs(error, request, tries)
                    if pause is None or tries > self.retries:
                        raise
                yield Pause(pause)
            part.finish()

    def _begin(self, part: Part, reply: Reply) -> None:
        """See from the answer's head where the bytes belong that follow."""
        if reply.status == 416:  # what is there is of another file
            part.empty()
            raise UnexpectedAnswer("the file has changed since its download was begun; download again")
        self._check(reply)
        if reply.status != 206:
            part.empty()
        elif not reply.headers.get("content-range", "").startswith(f"bytes {part.size}-"):
            raise UnexpectedAnswer(f"the server answers bytes from {part.size} on with another range")

    def _open_events(self, path: str, last_id: str | None) -> Flow[None]:
        headers = {"Accept": "text/event-stream"} | ({} if last_id is None else {"Last-Event-ID": last_id})
        reply: Reply = yield Request(
            method="GET", path=path, headers=headers, streamed=True, quiet_secs=QUIET_STREAM_SECS
        )
        self._check(reply)

    def _check(self, reply: Reply) -> None:
        """Raise what an answer means that is an error."""
        try:
            check_status(reply)
        except Unauthorized as error:
            raise error.advised(GIVE_ANOTHER if self.has_token else GIVE_ONE) from error

    def _ask(self, request: Request, read: Callable[[Any], T]) -> Flow[T]:
        """Make a request until it is answered, as often as it may be made."""
        tries = 0
        while True:
            tries += 1
            try:
                reply: Reply = yield request
                self._check(reply)
                return read_answer(reply, read)
            except (ServerUnreachable, RequestFailed) as error:
                pause = pause_secs(error, request, tries)
                if pause is None or tries > self.retries:
                    raise
            yield Pause(pause)


def _plain(names: str | Sequence[str] | None) -> str | list[str] | None:
    return names if names is None or isinstance(names, str) else list(names)


def _run_path(run_id: str) -> str:
    if not isinstance(run_id, str) or not RUN_NAME.fullmatch(run_id):
        raise InputError(f"run id {run_id!r}: expected the run_id of a run, or 'latest'")
    return f"/runs/{run_id}"


def _passes(error: ServerUnreachable | RequestFailed) -> bool:
    """Whether a failure may pass by itself."""
    return isinstance(error, ServerUnreachable) or error.status == 429 or error.status >= 500


def _file_request(path: str, *, first: int) -> Request:
    # Not compressed: sizes are those of the file.
    headers = {"Accept": "*/*", "Accept-Encoding": "identity"} | ({"Range": f"bytes={first}-"} if first else {})
    return Request(method="GET", path=f"/files/{quote(path, errors='surrogateescape')}", headers=headers, streamed=True)
