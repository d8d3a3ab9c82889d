"""The books of a run: what must hold after every fault."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from core.status import RunState, State, Status
from store.records import Attempt, Try
from store.runs import Store

FINAL = {str(status) for status in Status}

# Every change of an attempt's state, lease or report, and of a run's state, as Postgres itself saw it.
JOURNAL = """
CREATE TABLE journal (
    number bigserial PRIMARY KEY, id text, was text, became text, fence integer, regraded boolean, after_end boolean
);
CREATE FUNCTION note_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, OLD.fence) IS DISTINCT FROM (NEW.state, NEW.fence)
       OR OLD.report::text IS DISTINCT FROM NEW.report::text THEN
        INSERT INTO journal (id, was, became, fence, regraded, after_end)
        VALUES (NEW.attempt_id, OLD.state, NEW.state, NEW.fence, OLD.report::text <> 'null', OLD.state = 'done');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_attempt AFTER UPDATE ON attempts FOR EACH ROW EXECUTE FUNCTION note_attempt();
CREATE FUNCTION note_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> NEW.state THEN
        INSERT INTO journal (id, was, became) VALUES (NEW.run_id, OLD.state, NEW.state);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_run AFTER UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION note_run();
"""


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """The counts of a closed run."""

    planned: int
    statuses: Counter[str]  # of attempts
    tries: Counter[str]  # by how they ended

    def __str__(self) -> str:
        return f"{self.planned} planned = {_listed(self.statuses)}; tries: {_listed(self.tries)}"


def keep_journal(engine: Engine) -> None:
    """Let the database write down what happens, for `settled`. The tables must exist."""
    with engine.begin() as connection:
        connection.execute(text(JOURNAL))


def settled(store: Store, run_id: str) -> Accounts:
    """Check a closed run's books: every attempt accounted for exactly once, in database, folder and report."""
    run = store.run(run_id)
    assert run.state is not RunState.OPEN, "the run is open"
    attempts = store.attempts(run_id)
    assert len(attempts) == run.planned
    assert all(attempt.state is State.DONE and attempt.status is not None for attempt in attempts)
    assert len({(a.competition_id, a.technique, a.seed) for a in attempts}) == run.planned
    _check_folder(Path(run.run_dir), attempts)
    by_attempt: dict[str, list[Try]] = {attempt.attempt_id: [] for attempt in attempts}
    for entry in store.tries(run_id):
        by_attempt[entry.attempt_id].append(entry)
    for attempt in attempts:
        _check_tries(attempt, by_attempt[attempt.attempt_id])
        _check_journal(store.engine, attempt)
    closings = _journal(store.engine, run_id)
    assert [entry["was"] for entry in closings] == [str(RunState.OPEN)], closings
    return Accounts(
        planned=run.planned,
        statuses=Counter(str(attempt.status) for attempt in attempts),
        tries=Counter(str(entry.outcome) for tries in by_attempt.values() for entry in tries),
    )


def _check_folder(folder: Path, attempts: list[Attempt]) -> None:
    names = sorted(attempt.name for attempt in attempts)
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == names
    metadata = json.loads((folder / "metadata.json").read_text())
    assert sorted(metadata["runs"]) == names
    report = json.loads((folder / "grading_report.json").read_text())
    assert report["total_runs"] == len(attempts)
    reports = {entry["attempt_id"]: entry for entry in report["competition_reports"]}
    assert len(reports) == len(report["competition_reports"]) == len(attempts)
    for attempt in attempts:
        own = json.loads((folder / attempt.name / "report.json").read_text())
        assert own == reports[attempt.attempt_id]
        assert (own["status"], own["score"]) == (attempt.status, attempt.score)
        if attempt.report is not None:
            assert own == attempt.report
        if own["submission_exists"]:
            assert (folder / own["submission_path"]).is_file()


def _check_tries(attempt: Attempt, tries: list[Try]) -> None:
    assert all(entry.ended_at is not None and entry.outcome is not None for entry in tries), tries
    fences = [entry.fence for entry in tries]
    assert len(set(fences)) == len(fences)
    assert max(fences, default=0) == attempt.fence
    final = [entry for entry in tries if entry.outcome in FINAL]
    assert len(final) <= 1, f"{attempt.name} ended more than once: {final}"
    if final:
        assert final[0].fence == attempt.fence, "an answer from a void lease"


def _check_journal(engine: Engine, attempt: Attempt) -> None:
    """The attempt was collected at most once and ended once; its grade was given once and never changed."""
    entries = _journal(engine, attempt.attempt_id)
    became = Counter(entry["became"] for entry in entries if entry["became"] != entry["was"])
    assert became["done"] == 1, entries
    assert became["collected"] <= 1, entries
    assert not any(entry["regraded"] or entry["after_end"] for entry in entries), entries
    leases = [entry["fence"] for entry in entries if entry["became"] == "running"]
    assert leases == list(range(1, len(leases) + 1)), entries


def _journal(engine: Engine, id_: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM journal WHERE id = :id ORDER BY number"), {"id": id_})
        return [dict(row) for row in rows.mappings()]


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
