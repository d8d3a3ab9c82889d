"""What earlier runs tell about a new one."""

from sqlalchemy import func, select

from core.status import State, Status
from store.records import RunRequest
from store.runs import Store
from store.tables import attempts, runs

RECENT_RUNS = 20  # of the same agent; older ones were another agent under the same name, as likely as not


def usual_secs(store: Store, request: RunRequest) -> dict[str, float]:
    """Give how long attempts like those of a request took: competition -> mean seconds that the agent worked.

    From the agent's last runs, whole competitions or techniques as in the request; competitions that it has not
    worked on are left out.
    """
    latest = select(runs.c.run_id, runs.c.request).order_by(runs.c.created_at.desc())
    with store.reading() as connection:
        of_agent = [row.run_id for row in connection.execute(latest) if row.request["agent_id"] == request.agent_id]
        took = (
            select(attempts.c.competition_id, func.avg(attempts.c.agent_secs).label("secs"))
            .where(
                attempts.c.run_id.in_(of_agent[:RECENT_RUNS]),
                attempts.c.state == State.DONE,
                attempts.c.status != Status.CANCELLED,
                attempts.c.agent_secs.is_not(None),
                attempts.c.competition_id.in_(request.competitions),
                attempts.c.technique.is_not(None) if request.techniques else attempts.c.technique.is_(None),
            )
            .group_by(attempts.c.competition_id)
        )
        return {row.competition_id: float(row.secs) for row in connection.execute(took)}
