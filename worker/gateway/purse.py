"""Money and turns: whether the database allows a call, and when."""

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn, TypeVar

from core.errors import LeaseLost, ServiceUnavailable
from store import spending
from store.records import Lease
from store.runs import Store
from store.spending import NANO, Budget, Demand, Refusal, Reservation, Spent
from worker.gateway.refusals import Refused, unfit

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

PATIENCE_SECS = 30.0  # with a database that is away
AGAIN_SECS = 0.5
AHEAD_SECS = 1.0  # a turn is taken when it is no further away
SETTLING_SECS = 8.0  # patience at the end of a call; then its reservation counts


@dataclass(kw_only=True)
class Purse:
    """What the calls of one attempt are paid from.

    Attributes:
        on_spent: told, once, why the attempt has to end.
        ends_at: when the attempt's time is over, by the monotonic clock.
    """

    store: Store
    lease: Lease
    budget: Budget
    calls_per_minute: float | None
    on_spent: Callable[[str], None]
    ends_at: float = float("inf")
    _spent: str | None = None

    def check(self) -> None:
        """Refuse further calls where one was refused for money: the attempt is about to end."""
        if self._spent is not None:
            raise Refused(429, self._spent, code="insufficient_quota")

    async def turn(self) -> None:
        """Wait for the next moment at which the run's rate allows a call.

        Raises:
            Refused: it comes after the attempt's end.
        """
        rate = self.calls_per_minute
        if rate is None:
            return
        while True:
            left = max(0.0, self.ends_at - time.monotonic())
            # A moment far ahead is not taken: whoever does not wait for it, as the client has lost patience, would
            # keep it from all others.
            take = partial(spending.take_turn, calls_per_minute=rate, within_secs=min(left, AHEAD_SECS))
            wait_secs = await self._ask(partial(take, self.store, self.lease.run_id))
            if wait_secs is not None:
                await asyncio.sleep(wait_secs)
                return
            if left <= AHEAD_SECS:
                message = f"the run's rate of {rate:g} calls a minute allows none before this attempt's end"
                raise Refused(429, message, code="rate_limit_exceeded")
            await asyncio.sleep(AHEAD_SECS * random.uniform(0.5, 1))  # noqa: S311 - not all at once

    async def pay(self, tab: "Tab") -> int:
        """Reserve what a call can cost, waiting for calls that hold money and may give it back; the tokens it pays for.

        Raises:
            Refused: there is not enough left, and the attempt has to end.
        """
        while True:
            answer = await self._ask(tab.reserve)
            if isinstance(answer, Reservation):
                return answer.tokens
            if answer is not Refusal.BUSY:
                self._refuse(answer, tab)
            await asyncio.sleep(AGAIN_SECS)

    async def _ask(self, question: Callable[[], Answer]) -> Answer:
        """Ask the database, again and again while it is away."""
        give_up_at = time.monotonic() + PATIENCE_SECS
        while True:
            try:
                return await asyncio.to_thread(question)
            except ServiceUnavailable as error:
                log.warning("a call of attempt %s waits for the database: %s", self.lease.attempt_id, error)
                if time.monotonic() > give_up_at:
                    message = "the runner cannot account for this call at the moment; try again"
                    raise Refused(503, message, code="not_available", headers={"retry-after": "5"}) from error
            except LeaseLost as error:
                raise Refused(503, "this attempt is over", code="not_available") from error
            await asyncio.sleep(AGAIN_SECS)

    def _refuse(self, refusal: Refusal, tab: "Tab") -> NoReturn:
        of_run = refusal is Refusal.RUN_SPENT
        limit = self.budget.run_nano_usd if of_run else self.budget.attempt_nano_usd
        whose, option = ("run", "--max-cost") if of_run else ("attempt", "--max-cost-per-attempt")
        if tab.demand.tokens_within(limit) is None:  # nor would it fit if nothing were spent: the call is at fault
            raise unfit(
                f"this call of {tab.model} could cost more than the whole model budget of the {whose}, "
                f"{(limit or 0) / NANO:g} USD ({option}); shorten the prompt, or ask for fewer tokens",
                code="over_budget",
            )
        message = (
            f"the {whose}'s model budget of {(limit or 0) / NANO:g} USD ({option}) is spent: too little is left for "
            f"this call of {tab.model}"
        )
        if self._spent is None:
            self._spent = message
            self.on_spent(message)
        raise Refused(429, message, code="insufficient_quota")


@dataclass(kw_only=True)
class Tab:
    """What one call has reserved. Methods block, and may be called from several threads."""

    purse: Purse
    model: str
    demand: Demand
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _reservation: Reservation | None = None
    _closed: bool = False

    @property
    def reserved_nano_usd(self) -> int:
        """What is reserved at the moment."""
        return self._reservation.nano_usd if self._reservation else 0

    def reserve(self) -> Reservation | Refusal:
        """Reserve the call's demand, unless that is done."""
        with self._lock:
            if self._closed:
                return Refusal.BUSY  # nobody waits for it any more
            if self._reservation is None:
                purse = self.purse
                made = spending.reserve(purse.store, purse.lease, self.model, self.demand, purse.budget)
                if isinstance(made, Refusal):
                    return made
                self._reservation = made
            return self._reservation

    def settle(self, spent: Spent | None, *, closing: bool = True) -> None:
        """Put what the call did cost in the reservation's place; None: nothing was asked of the model.

        Where the database stays away, the reservation counts.
        """
        with self._lock:
            self._closed = self._closed or closing
            reservation, self._reservation = self._reservation, None
            if reservation is not None:
                self._insist(reservation, spent)

    def _insist(self, reservation: Reservation, spent: Spent | None) -> None:
        give_up_at = time.monotonic() + SETTLING_SECS
        while True:
            try:
                spending.settle(self.purse.store, reservation, spent)
                break
            except ServiceUnavailable as error:
                if time.monotonic() > give_up_at:
                    log.warning("a call of %s counts with all that it could cost: %s", self.model, error)
                    break
            time.sleep(AGAIN_SECS)
