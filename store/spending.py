"""What runs and attempts may spend on models, and what they have spent.

Before a call, the most that it can cost is reserved; afterwards it is settled to what it did cost. All reservations of
a run are made one after the other, under a lock on its row, so that no set of calls on any number of workers can spend
more than the budget. A reservation that nobody settles, because its worker is gone, stays spent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import reduce

from sqlalchemy import Connection, Row, func, insert, select, update

from core.errors import LeaseLost
from core.status import State
from store.records import Lease
from store.runs import Store
from store.tables import attempts, model_usage, run_spending

NANO = 10**9


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What may be spent, in nano-USD; None: as much as it takes."""

    run_nano_usd: int | None = None
    attempt_nano_usd: int | None = None

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return self.run_nano_usd is not None or self.attempt_nano_usd is not None


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What a call can cost: a fixed part, and so much for each token of its output."""

    fixed_nano_usd: int = 0
    token_nano_usd: int = 0
    least_tokens: int = 0  # with fewer the call makes no sense
    most_tokens: int = 0

    def tokens_within(self, nano_usd: int | None) -> int | None:
        """Give how many tokens `nano_usd` pays for, up to `most_tokens`; None where it is too little."""
        if nano_usd is None:
            return self.most_tokens
        left = nano_usd - self.fixed_nano_usd
        if left < self.least_tokens * self.token_nano_usd:
            return None
        return min(self.most_tokens, left // self.token_nano_usd) if self.token_nano_usd else self.most_tokens


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Money that is kept for one call."""

    lease: Lease
    model: str
    nano_usd: int
    tokens: int  # of output that it pays for


class Refusal(Enum):
    """Why nothing was reserved."""

    BUSY = "busy"  # calls under way hold what it needs, and may give some of it back
    ATTEMPT_SPENT = "attempt"  # what the attempt may spend is too little
    RUN_SPENT = "run"  # what the run may spend is too little


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a call turned out to cost."""

    nano_usd: int | None  # None: unknown, the model has no price
    input_tokens: int = 0
    cached_input_tokens: int = 0  # of the input
    output_tokens: int = 0
    estimated: bool = False


@dataclass(frozen=True, kw_only=True)
class ModelUsage:
    """What an attempt has used of one model, over all its tries. Calls under way count with what is reserved."""

    attempt_id: str
    model: str
    calls: int
    estimated: int  # calls without a known usage
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    nano_usd: int | None  # None: some of it is unknown

    @property
    def cost_usd(self) -> float | None:
        """The cost in USD; None where some of it is unknown."""
        return None if self.nano_usd is None else self.nano_usd / NANO


def open_account(store: Store, lease: Lease) -> None:
    """Make a lease ready to spend. What earlier leases of its attempt had reserved may have been spent: it is."""
    from sqlalchemy.dialects import postgresql, sqlite  # only a worker writes; commands start faster without

    known = {"run_id": lease.run_id, "committed_nano_usd": 0, "next_call_at": 0.0}
    make = postgresql.insert if store.engine.dialect.name == "postgresql" else sqlite.insert
    usage = model_usage.c
    with store.writing() as connection:
        connection.execute(make(run_spending).values(**known).on_conflict_do_nothing())
        _lock(connection, lease.run_id)
        connection.execute(
            update(model_usage)
            .where(usage.attempt_id == lease.attempt_id, usage.fence < lease.fence, usage.open_calls > 0)
            .values(
                calls=usage.calls + usage.open_calls,
                estimated=usage.estimated + usage.open_calls,
                cost_nano_usd=usage.cost_nano_usd + usage.reserved_nano_usd,
                open_calls=0,
                reserved_nano_usd=0,
            )
        )


def reserve(store: Store, lease: Lease, model: str, demand: Demand, budget: Budget) -> Reservation | Refusal:
    """Reserve what a call can cost, as far as the budget goes.

    Raises:
        LeaseLost: the attempt is another worker's.
    """
    with store.writing() as connection:
        committed = _lock(connection, lease.run_id)
        held = select(attempts.c.attempt_id).where(store.held(lease))
        if connection.execute(held).one_or_none() is None:
            raise LeaseLost(f"attempt {lease.attempt_id}: lease {lease.fence} of {lease.owner} is void")
        of_attempt = _of_attempt(connection, lease.attempt_id) if budget.attempt_nano_usd is not None else 0
        left = _least(_left(budget.run_nano_usd, committed), _left(budget.attempt_nano_usd, of_attempt))
        tokens = demand.tokens_within(left)
        if tokens is None:
            return _refusal(connection, lease, demand, budget, committed=committed, of_attempt=of_attempt)
        nano_usd = demand.fixed_nano_usd + tokens * demand.token_nano_usd
        _add(connection, lease, model, nano_usd)
        _commit(connection, lease.run_id, nano_usd)
        return Reservation(lease=lease, model=model, nano_usd=nano_usd, tokens=tokens)


def settle(store: Store, reservation: Reservation, spent: Spent | None) -> None:
    """Put what a call did cost in the place of its reservation; None: there was no call.

    Does nothing where the attempt's next worker has counted the reservation as spent.
    """
    lease, usage = reservation.lease, model_usage.c
    nano_usd = (spent.nano_usd or 0) if spent else 0
    made = spent or Spent(nano_usd=0)
    with store.writing() as connection:
        _lock(connection, lease.run_id)
        settled = connection.execute(
            update(model_usage)
            .where(
                usage.attempt_id == lease.attempt_id,
                usage.fence == lease.fence,
                usage.model == reservation.model,
                usage.open_calls > 0,
            )
            .values(
                calls=usage.calls + int(spent is not None),
                estimated=usage.estimated + int(made.estimated),
                unpriced=usage.unpriced + int(made.nano_usd is None),
                input_tokens=usage.input_tokens + made.input_tokens,
                cached_input_tokens=usage.cached_input_tokens + made.cached_input_tokens,
                output_tokens=usage.output_tokens + made.output_tokens,
                cost_nano_usd=usage.cost_nano_usd + nano_usd,
                open_calls=usage.open_calls - 1,
                reserved_nano_usd=usage.reserved_nano_usd - reservation.nano_usd,
            )
        ).rowcount
        if settled:
            _commit(connection, lease.run_id, nano_usd - reservation.nano_usd)


def take_turn(store: Store, run_id: str, *, calls_per_minute: float, within_secs: float) -> float | None:
    """Take the next free moment for a call of a run, by the database's clock.

    Calls are a minute's `calls_per_minute`th part apart (the generic cell rate algorithm without a burst), so that in
    no minute there are more.

    Returns:
        seconds from now; None where that is more than `within_secs`, and no moment was taken.
    """
    with store.writing() as connection:
        _lock(connection, run_id)
        row = connection.execute(
            select(run_spending.c.next_call_at, store.now().label("now")).where(run_spending.c.run_id == run_id)
        ).one()
        now: float = row.now.timestamp()
        at = max(float(row.next_call_at), now)
        if at - now > within_secs:
            return None
        connection.execute(
            update(run_spending).where(run_spending.c.run_id == run_id).values(next_call_at=at + 60 / calls_per_minute)
        )
        return at - now


def usage_of_attempt(store: Store, attempt_id: str) -> list[ModelUsage]:
    """Give what an attempt has used, by model."""
    with store.reading() as connection:
        query = select(model_usage).where(model_usage.c.attempt_id == attempt_id)
        return _by_model(connection.execute(query.order_by(model_usage.c.model)).all())


def usage_of_run(store: Store, run_id: str) -> list[ModelUsage]:
    """Give what the attempts of a run have used, by attempt and model."""
    with store.reading() as connection:
        query = select(model_usage).where(model_usage.c.run_id == run_id)
        return _by_model(connection.execute(query.order_by(model_usage.c.attempt_id, model_usage.c.model)).all())


def total(usages: Sequence[ModelUsage]) -> ModelUsage | None:
    """Sum up what was used, whoever used it and of whatever model; None where nothing was."""
    return reduce(_sum, usages) if usages else None


def _by_model(rows: Sequence[Row[tuple[object, ...]]]) -> list[ModelUsage]:
    """Sum up rows of several leases."""
    found: dict[tuple[str, str], ModelUsage] = {}
    for row in rows:
        more = ModelUsage(
            attempt_id=row.attempt_id,
            model=row.model,
            calls=row.calls + row.open_calls,
            estimated=row.estimated + row.open_calls,
            input_tokens=row.input_tokens,
            cached_input_tokens=row.cached_input_tokens,
            output_tokens=row.output_tokens,
            nano_usd=None if row.unpriced else row.cost_nano_usd + row.reserved_nano_usd,
        )
        known = found.get((row.attempt_id, row.model))
        found[row.attempt_id, row.model] = more if known is None else _sum(known, more)
    return [usage for usage in found.values() if usage.calls]


def _sum(first: ModelUsage, second: ModelUsage) -> ModelUsage:
    counts = ("calls", "estimated", "input_tokens", "cached_input_tokens", "output_tokens")
    summed = {name: getattr(first, name) + getattr(second, name) for name in counts}
    unknown = first.nano_usd is None or second.nano_usd is None
    return replace(first, **summed, nano_usd=None if unknown else (first.nano_usd or 0) + (second.nano_usd or 0))


def _lock(connection: Connection, run_id: str) -> int:
    """Be the only one who changes what a run spends, until the transaction ends; what it has committed itself to.

    SQLite has one writer at a time anyway.
    """
    query = select(run_spending.c.committed_nano_usd).where(run_spending.c.run_id == run_id).with_for_update()
    return int(connection.execute(query).scalar_one())


def _commit(connection: Connection, run_id: str, nano_usd: int) -> None:
    connection.execute(
        update(run_spending)
        .where(run_spending.c.run_id == run_id)
        .values(committed_nano_usd=run_spending.c.committed_nano_usd + nano_usd)
    )


def _of_attempt(connection: Connection, attempt_id: str) -> int:
    spent = func.sum(model_usage.c.cost_nano_usd + model_usage.c.reserved_nano_usd)
    return int(connection.execute(select(spent).where(model_usage.c.attempt_id == attempt_id)).scalar() or 0)


def _refusal(
    connection: Connection, lease: Lease, demand: Demand, budget: Budget, *, committed: int, of_attempt: int
) -> Refusal:
    """Say why a call does not fit: whether it still might when the calls under way have ended."""
    usage = model_usage.c
    alive = (usage.attempt_id == attempts.c.attempt_id) & (usage.fence == attempts.c.fence)
    reserved = (
        select(func.sum(usage.reserved_nano_usd))
        .join_from(model_usage, attempts, alive)
        .where(usage.run_id == lease.run_id, attempts.c.state == State.RUNNING)
    )
    of_run = int(connection.execute(reserved).scalar() or 0)
    own = int(connection.execute(reserved.where(usage.attempt_id == lease.attempt_id)).scalar() or 0)
    if demand.tokens_within(_left(budget.attempt_nano_usd, of_attempt - own)) is None:
        return Refusal.ATTEMPT_SPENT
    if demand.tokens_within(_left(budget.run_nano_usd, committed - of_run)) is None:
        return Refusal.RUN_SPENT
    return Refusal.BUSY


def _add(connection: Connection, lease: Lease, model: str, nano_usd: int) -> None:
    """Add a call under way to the row of its lease and model."""
    usage = model_usage.c
    added = connection.execute(
        update(model_usage)
        .where(usage.attempt_id == lease.attempt_id, usage.fence == lease.fence, usage.model == model)
        .values(open_calls=usage.open_calls + 1, reserved_nano_usd=usage.reserved_nano_usd + nano_usd)
    ).rowcount
    if not added:
        counts = dict.fromkeys(
            (
                "calls",
                "estimated",
                "unpriced",
                "input_tokens",
                "cached_input_tokens",
                "output_tokens",
                "cost_nano_usd",
            ),
            0,
        )
        connection.execute(
            insert(model_usage).values(
                attempt_id=lease.attempt_id,
                fence=lease.fence,
                model=model,
                run_id=lease.run_id,
                open_calls=1,
                reserved_nano_usd=nano_usd,
                **counts,
            )
        )


def _left(limit: int | None, used: int) -> int | None:
    return None if limit is None else limit - used


def _least(first: int | None, second: int | None) -> int | None:
    known = [value for value in (first, second) if value is not None]
    return min(known) if known else None
