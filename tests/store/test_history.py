"""What earlier runs took is what a new one is expected to take."""

from core.status import Status
from store.history import usual_secs
from store.records import Outcome
from store.runs import Store
from tests.records import a_request, a_run, some_attempts

LONG = 60.0


def ended(store: Store, *secs: float, agent_id: str = "dummy", status: Status = Status.COMPLETED) -> None:
    """A run of the agent with attempts that took so long."""
    run = a_run(planned=len(secs), request=a_request(agent_id=agent_id))
    attempts = some_attempts(run)
    store.create_run(run, attempts)
    for attempt, agent_secs in zip(attempts, secs, strict=True):
        lease = store.acquire(attempt.attempt_id, owner="w", lease_secs=LONG)
        assert lease is not None
        outcome = Outcome(status=status, message="", agent_secs=agent_secs, exit_code=0)
        if status is Status.CANCELLED:
            store.give_up(lease, outcome, error="")
            continue
        store.collected(lease, outcome, grading_secs=LONG)
        store.finish(attempt.attempt_id, status=Status.COMPLETED, message="", score=1.0, medal=None, report={})


def test_the_agents_own_attempts_are_averaged(store: Store) -> None:
    ended(store, 10.0, 20.0)
    ended(store, 60.0)
    ended(store, 1000.0, agent_id="other")
    assert usual_secs(store, a_request()) == {"tiny": 30.0}


def test_what_was_cancelled_says_nothing(store: Store) -> None:
    ended(store, 10.0)
    ended(store, 600.0, status=Status.CANCELLED)
    assert usual_secs(store, a_request()) == {"tiny": 10.0}


def test_nothing_is_known_of_new_agents_competitions_and_techniques(store: Store) -> None:
    ended(store, 10.0)
    assert usual_secs(store, a_request(agent_id="new")) == {}
    assert usual_secs(store, a_request(competitions=("other",))) == {}
    assert usual_secs(store, a_request(techniques=("missing",))) == {}


def test_what_has_not_ended_says_nothing(store: Store) -> None:
    run = a_run(planned=1)
    store.create_run(run, some_attempts(run))
    assert usual_secs(store, a_request()) == {}
