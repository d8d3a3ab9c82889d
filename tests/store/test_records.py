"""Requests of runs as they are stored."""

import json
from dataclasses import replace

from store.records import RunRequest
from tests.records import a_request


def test_what_is_not_asked_for_is_not_stored_and_read_back_as_such() -> None:
    """Workers of an older version refuse words that they do not know."""
    request = a_request()
    stored = json.loads(json.dumps(request.to_json()))
    assert {"max_cost_usd", "agent_source", "judge", "data_dir", "asked"}.isdisjoint(stored)
    assert RunRequest.from_json(stored) == request


def test_what_is_asked_for_is_read_back() -> None:
    request = replace(a_request(), max_cost_usd=2.5, agent_source="/srv/mine", judge="gpt-4o")
    assert RunRequest.from_json(json.loads(json.dumps(request.to_json()))) == request
