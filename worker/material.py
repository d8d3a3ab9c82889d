"""What an attempt is about: the data that its agent sees, the file it hands in, and how that file is checked."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from core.errors import DataError, SubmissionInvalid
from core.files import write_text
from grading.answers import MAX_BYTES, read_answer
from store.records import Attempt
from tasks.data import Prepared, data_hash
from tasks.registry import Competition, load_technique
from tasks.technique import Technique
from tasks.views import View, find_view, make_view, view_description
from worker.instructions import write_instructions, write_technique_instructions
from worker.sandbox import Workspace
from worker.snapshots import PATTERNS


@dataclass(frozen=True, kw_only=True)
class Material:
    """What an agent is given, and what is expected of it.

    Attributes:
        public: the folder that becomes the agent's data.
        data_hash: computes the hash of all the data, the part that no agent sees too.
        check: raises SubmissionInvalid for a file of the wrong format.
        patterns: names of the files that are kept aside while the agent works.
        write_texts: writes the instructions, for a time limit in seconds.
        view: what a technique is asked about.
    """

    public: Path
    data_hash: Callable[[], str]
    check: Callable[[Path], object]
    patterns: tuple[str, ...]
    max_bytes: int
    write_texts: Callable[[Workspace, float], None]
    view: View | None = None

    def validate(self, path: Path) -> str | None:
        """Give None for a file of the right format, else what is wrong with it, in one line."""
        try:
            self.check(path)
        except SubmissionInvalid as error:
            return str(error)
        return None


def material_of(
    attempt: Attempt,
    competition: Competition,
    prepared: Prepared,
    *,
    secret: str = "",
    note: Callable[[str], None],
) -> Material:
    """Give what an attempt is about, making its view (of this `secret`) where this host has none.

    Raises:
        NotApplicable: its technique cannot be asked of its competition.
        DataError, InputError: the view cannot be made here.
    """
    if attempt.technique is None:
        return Material(
            public=prepared.public,
            data_hash=lambda: data_hash(prepared),
            check=lambda path: competition.check(path, prepared.public),
            patterns=PATTERNS,
            max_bytes=competition.format.max_bytes,
            write_texts=lambda workspace, secs: write_instructions(workspace, competition, time_limit_secs=secs),
        )
    technique = load_technique(attempt.technique)
    view = view_of(technique, competition, prepared, attempt.seed, secret=secret, note=note)

    def write_texts(workspace: Workspace, time_limit_secs: float) -> None:
        write_technique_instructions(workspace, competition, technique, time_limit_secs=time_limit_secs)
        write_text(workspace.technique_description, view_description(technique, view))

    return Material(
        public=view.public,
        data_hash=view.content_hash,
        check=read_answer,
        patterns=(technique.answer_file,),
        max_bytes=MAX_BYTES,
        write_texts=write_texts,
        view=view,
    )


def view_of(
    technique: Technique,
    competition: Competition,
    prepared: Prepared,
    seed: int,
    *,
    secret: str,
    note: Callable[[str], None],
) -> View:
    """Give a view, made in a process of its own where it is not there: its memory goes with that process.

    Raises:
        NotApplicable: the technique cannot be asked of this competition.
        DataError, InputError: the view cannot be made here.
    """
    if (view := find_view(technique, competition, prepared, seed, secret=secret)) is not None:
        return view
    note(f"making the {technique.id} view of {competition.id}, seed {seed}")
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_make, technique.id, competition, prepared, seed, secret).result()
        except BrokenProcessPool as error:
            raise DataError(f"making a view of {competition.id} was killed; was there enough memory?") from error


def _make(technique_id: str, competition: Competition, prepared: Prepared, seed: int, secret: str) -> View:
    return make_view(load_technique(technique_id), competition, prepared, seed, secret=secret)
