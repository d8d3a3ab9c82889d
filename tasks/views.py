"""Views: the data that a technique is asked about, with known facts planted into a competition's real tables.

    <data_dir>/<competition>/views/<technique>-<seed>-<fingerprint>/public/     what an agent sees
    <data_dir>/<competition>/views/<technique>-<seed>-<fingerprint>/private/    the truth about it

The same competition, technique and seed (and secret, where there is one) give the same bytes on every host, in
whatever order views are made; the fingerprint tells views of other data, or of an earlier planter, apart. A view
appears in one step, made once per host.

Views may be deleted when no run is under way: they are made again where they are needed.

A view's rows are a drawn part of the real ones, so that no count is known beforehand. Where test rows come after the
train rows in time, both parts are drawn from the train rows: what differs between them is then what was planted.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from filelock import FileLock, Timeout

from core.errors import DataError, InputError, NotApplicable
from core.files import write_json, write_text
from tasks.data import MODE_FILE, MODE_FOLDER, Prepared, data_hash
from tasks.disk import check_data_dir
from tasks.schema import Table

if TYPE_CHECKING:
    import pandas as pd

    from tasks.planting import Tables
    from tasks.registry import Competition
    from tasks.technique import Technique

logger = logging.getLogger(__name__)

RECIPE = "1"  # to be raised when this module or tasks/planting.py makes other views
READ_ROWS = 500_000  # of a longer table, the first
MOST_TRAIN_ROWS, MOST_TEST_ROWS = 20_000, 8_000
LEAST_SHARE, MOST_SHARE = 0.85, 0.95  # of the rows
TABLES = (".csv", ".tsv")
COMPRESSED = (".gz", ".zip", ".bz2", ".xz")
HEAD = """\
This is a view of the competition's data, made for one question: a part of its rows, with changes of our own. Counts,
columns and values may differ from what is said below; what the files hold is what counts. The question is in
technique_description.md.

"""


@dataclass(frozen=True, kw_only=True)
class View:
    """The data for one technique, competition and seed, on this host."""

    technique: str
    competition_id: str
    seed: int
    public: Path
    private: Path

    def truth(self) -> dict[str, Any]:
        """What is true of it, for the checks."""
        truth: dict[str, Any] = self._read()["truth"]
        return truth

    def question(self) -> str:
        """What this view adds to the technique's description; may be empty."""
        return str(self._read()["question"])

    def table(self) -> dict[str, Any]:
        """What is said about its table, as JSON values of tasks.schema.Table."""
        table: dict[str, Any] = self._read()["table"]
        return table

    def content_hash(self) -> str:
        """A hash of everything it holds."""
        return data_hash(Prepared(competition_id=self.competition_id, public=self.public, private=self.private))

    def _read(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.private / "truth.json").read_text(encoding="utf-8"))
        return value


def find_view(
    technique: "Technique", competition: "Competition", prepared: Prepared, seed: int, *, secret: str = ""
) -> View | None:
    """Give a view that this host has already. `secret`: as for make_view."""
    view = _view(technique, competition, prepared, seed, secret)
    return view if (view.private / "truth.json").is_file() else None


def make_view(
    technique: "Technique",
    competition: "Competition",
    prepared: Prepared,
    seed: int,
    *,
    secret: str = "",
    log: Callable[[str], None] = logger.info,
) -> View:
    """Make a view, or do nothing when this host has it.

    Safe to call from any number of processes of this host: one makes it, the others wait for it.

    Args:
        secret: what else the view is drawn from, beside competition, technique and seed: without one, whoever has
            this program and the data can make the view, and its truth.
        log: takes a line about what is going on.

    Raises:
        NotApplicable: the technique cannot be asked of this competition.
        InputError: the data folder cannot be written, or its disk is nearly full.
        DataError: the tables cannot be read, or planting failed.
    """
    if reason := technique.inapplicable(competition):
        raise NotApplicable(reason)
    if (found := find_view(technique, competition, prepared, seed, secret=secret)) is not None:
        return found
    view = _view(technique, competition, prepared, seed, secret)
    views = view.public.parent.parent
    try:
        views.mkdir(parents=True, exist_ok=True)
        with _locked(views / ".lock", log):
            if find_view(technique, competition, prepared, seed, secret=secret) is None:
                _make(view, technique, competition, prepared, secret, log)
    except OSError as error:
        raise InputError(f"the views of {competition.id} cannot be written to {views}: {error}") from error
    return view


def view_description(technique: "Technique", view: View) -> str:
    """The question of an attempt: the technique's description, and what the view adds to it."""
    return "\n\n".join(part for part in (technique.description().rstrip(), view.question().rstrip()) if part) + "\n"


def draw_tables(competition: "Competition", public: Path, draw: Any) -> "Tables":
    """Read a competition's tables, and draw the rows of a view.

    Raises:
        NotApplicable: they are not tables that can be read here.
    """
    from tasks.planting import Tables

    table = competition.table
    if table is None:
        raise NotApplicable(f"{competition.id} has no table")
    train, test = _read(public, table.train), _read(public, table.test)
    for name in (table.id, table.target):
        if name not in train:
            raise NotApplicable(f"{table.train} has no column {name!r}")
    train = train[train[table.target].notna()]
    if table.time is not None:
        train, test = _divided(train, draw, share=0.75)
        test = test.drop(columns=table.target)
    train, test = _drawn(train, draw, MOST_TRAIN_ROWS), _drawn(test, draw, MOST_TEST_ROWS)
    return Tables(table=table, train=train, test=test)


def _view(technique: "Technique", competition: "Competition", prepared: Prepared, seed: int, secret: str) -> View:
    said = json.dumps(competition.table.model_dump(mode="json") if competition.table else None, sort_keys=True)
    parts = (RECIPE, technique.content_hash(), data_hash(prepared), said, *([secret] if secret else []))
    fingerprint = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
    # Beside prepared/, though the data may have been put there by a link.
    folder = prepared.public.parent.parent / "views" / f"{technique.id}-{seed}-{fingerprint}"
    return View(
        technique=technique.id,
        competition_id=competition.id,
        seed=seed,
        public=folder / "public",
        private=folder / "private",
    )


def _locked(path: Path, log: Callable[[str], None]) -> Any:
    lock = FileLock(path)
    try:
        return lock.acquire(blocking=False)
    except Timeout:
        log("waiting for another process that makes a view of the same data")
        return lock.acquire()


def _make(
    view: View,
    technique: "Technique",
    competition: "Competition",
    prepared: Prepared,
    secret: str,
    log: Callable[[str], None],
) -> None:
    folder = view.public.parent
    check_data_dir(folder.parent.parent.parent)
    started = time.monotonic()
    for leftover in folder.parent.glob(".making-*"):  # of processes that were killed: nobody else holds the lock
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-", ignore_cleanup_errors=True) as name:
        temporary = replace(view, public=Path(name) / "view" / "public", private=Path(name) / "view" / "private")
        temporary.public.mkdir(parents=True)
        temporary.private.mkdir()
        _fill(temporary, technique, competition, prepared, secret)
        if folder.exists():  # without its truth: not made by this module
            raise DataError(f"{folder} is in the way of a view; remove it")
        temporary.public.parent.rename(folder)
    log(f"made the {technique.id} view of {competition.id}, seed {view.seed}, in {time.monotonic() - started:.1f} s")


def _fill(view: View, technique: "Technique", competition: "Competition", prepared: Prepared, secret: str) -> None:
    import numpy as np

    key = f"{competition.id}\0{technique.id}\0{view.seed}" + (f"\0{secret}" if secret else "")
    digest = hashlib.sha256(key.encode()).digest()
    # With a secret, more than can be tried out.
    draw = np.random.RandomState(
        np.frombuffer(digest, "<u4").astype(np.uint32) if secret else int.from_bytes(digest[:4], "big")
    )
    planted = technique.plant(draw_tables(competition, prepared.public, draw), draw)
    tables = planted.tables
    said = tables.table.model_copy(
        update={"train": _plain_name(tables.table.train), "test": _plain_name(tables.table.test)}
    )
    for part, path in ((tables.train, view.public / said.train), (tables.test, view.public / said.test)):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.to_csv(path, index=False, lineterminator="\n", sep="\t" if path.suffix == ".tsv" else ",")
    _link_images(tables, prepared.public, view.public)
    write_text(view.public / "description.md", _description(competition, said))
    for path in (view.public, *view.public.rglob("*")):
        path.chmod(MODE_FOLDER if path.is_dir() else MODE_FILE)
    kept = {"truth": planted.truth, "question": planted.question, "table": said.model_dump(mode="json")}
    write_json(view.private / "truth.json", kept)
    view.public.parent.chmod(MODE_FOLDER)


def _description(competition: "Competition", said: Table) -> str:
    text = (competition.folder / "description.md").read_text(encoding="utf-8").rstrip()
    facts = yaml.safe_dump({"table": said.model_dump(mode="json")}, sort_keys=False, allow_unicode=True, width=110)
    return f"{HEAD}{text}\n\n## The table of this view, for programs\n\n```yaml\n{facts}```\n"


def _plain_name(path: str) -> str:
    return str(Path(path).with_suffix("")) if Path(path).suffix in COMPRESSED else path


def _read(public: Path, path: str) -> "pd.DataFrame":
    import pandas as pd

    suffix = Path(_plain_name(path)).suffix
    if suffix not in TABLES:
        raise NotApplicable(f"{path} is not a table of a kind that is read here ({', '.join(TABLES)})")
    try:
        return pd.read_csv(
            public / path,
            sep="\t" if suffix == ".tsv" else ",",
            nrows=READ_ROWS,
            low_memory=False,
        )
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _drawn(part: "pd.DataFrame", draw: Any, most: int) -> "pd.DataFrame":
    share = LEAST_SHARE + (MOST_SHARE - LEAST_SHARE) * draw.random_sample()
    size = max(1, int(min(len(part), most) * share))
    rows = sorted(draw.permutation(len(part))[:size])
    return part.iloc[rows].reset_index(drop=True)


def _divided(part: "pd.DataFrame", draw: Any, *, share: float) -> "tuple[pd.DataFrame, pd.DataFrame]":
    order = draw.permutation(len(part))
    cut = int(len(part) * share)
    return part.iloc[sorted(order[:cut])], part.iloc[sorted(order[cut:])]


def _link_images(tables: "Tables", source: Path, target: Path) -> None:
    """Give the view the images of its rows, under the same names: hard links where they can be had, else copies."""
    images = tables.table.images
    if images is None:
        return
    for pattern, part in ((images.train, tables.train), (images.test, tables.test)):
        rows = ({str(column): cell for column, cell in row.items()} for row in part.to_dict("records"))
        for path in sorted({pattern.format(**row) for row in rows}):
            if not Path(path).is_absolute() and ".." not in Path(path).parts and (source / path).is_file():
                _link(source / path, target / path)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve() if source.is_symlink() else source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
