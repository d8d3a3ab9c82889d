"""For how long an agent rested: noted for who adopts it."""

from pathlib import Path

import pytest

from worker.rest import Rest


def test_rest_adds_up_over_workers(tmp_path: Path) -> None:
    first = Rest(tmp_path / "rested")
    assert first.secs == 0
    first.add(1.5)
    first.add(2.0)
    heir = Rest(tmp_path / "rested")
    assert heir.secs == 3.5
    heir.add(1.0)
    assert Rest(tmp_path / "rested").secs == 4.5


def test_a_disk_that_is_away_costs_the_note_and_not_the_agent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rest = Rest(tmp_path / "away" / "rested")
    rest.add(1.5)
    assert rest.secs == 1.5
    assert "not noted that an agent rested" in caplog.text
