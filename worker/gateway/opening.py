"""The gateway of one attempt, made from the worker's settings and what its run may spend."""

import json
import secrets as random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.files import write_text
from store import spending
from store.records import Lease, RunRequest
from store.runs import Store
from store.spending import Budget
from worker.gateway.app import Gateway
from worker.gateway.prices import nano, prices_file, read_prices
from worker.gateway.purse import Purse
from worker.gateway.records import NAME, Records
from worker.gateway.upstream import upstream_of
from worker.sandbox import ModelAccess
from worker.settings import Settings, secrets

TOKEN_FILE = "gateway_token"  # noqa: S105 - a file's name


@dataclass(kw_only=True)
class OpenGateway:
    """A gateway and what the attempt has to know of it."""

    access: ModelAccess
    purse: Purse
    spent: str | None = None  # why the attempt has to end: its money is spent

    def note_spent(self, message: str) -> None:
        """Remember the first reason."""
        self.spent = self.spent or message


def token_of(live: Path) -> str:
    """Give what an attempt's agent has in place of a key: made once, and kept for who adopts the agent."""
    path = live / TOKEN_FILE
    if not path.exists():
        write_text(path, f"sk-mlebench-{random.token_hex(24)}")
        path.chmod(0o600)
    return path.read_text(encoding="utf-8")


def check_model(settings: Settings) -> None:
    """Check what a gateway needs here: a key, an address, a table of prices.

    Raises:
        InputError: one of them is not as it should be.
    """
    upstream_of(secrets(settings), retries=settings.model_retries)
    read_prices(prices_file(settings))


def open_gateway(
    settings: Settings, store: Store, lease: Lease, request: RunRequest, live: Path, *, note: Callable[[str], None]
) -> OpenGateway:
    """Open the gateway of an attempt. It answers as soon as a sandbox serves it.

    Args:
        settings: the worker's; its secrets hold the key and the API's address.
        store: where the money is.
        lease: under which the attempt runs.
        request: what the run may spend.
        live: the try's live folder.
        note: takes a line for run.log.

    Raises:
        InputError: there is no key, or the address or the table of prices is none.
        ServiceUnavailable: the database does not answer.
    """
    upstream = upstream_of(secrets(settings), retries=settings.model_retries)
    price_file = prices_file(settings)
    token = token_of(live)
    opened: OpenGateway
    purse = Purse(
        store=store,
        lease=lease,
        budget=Budget(run_nano_usd=nano(request.max_cost_usd), attempt_nano_usd=nano(request.max_cost_per_attempt_usd)),
        calls_per_minute=request.max_calls_per_minute,
        on_spent=lambda message: opened.note_spent(message),
    )
    gateway = Gateway(
        upstream=upstream,
        token=token,
        purse=purse,
        prices=read_prices(price_file),
        price_file=price_file.name,
        records=Records(
            live / NAME,
            max_bytes=int(settings.log_limit_mb * 2**20),
            secrets=[upstream.key, json.dumps(upstream.key)[1:-1], token],
        ),
        note=note,
    )
    spending.open_account(store, lease)
    opened = OpenGateway(access=ModelAccess(app=gateway.app(), token=token), purse=purse)
    return opened
