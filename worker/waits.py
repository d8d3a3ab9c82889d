"""Messages that wait before they are delivered again, whatever the hosts' clocks say.

Celery sends a time of day along: the sender's clock says when, the receiver's whether it has come. Where one of
them is wrong by an hour, an attempt would wait for an hour more. So the message says as well how long it was to wait.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.worker import strategy

WAIT_SECS = "mlebench_wait_secs"  # header of a message


def headers(wait_secs: float) -> dict[str, Any]:
    """Give the headers of a message that is sent with the countdown `wait_secs`."""
    return {WAIT_SECS: wait_secs}


def no_longer_than_asked(task: Any, app: Any, consumer: Any, **options: Any) -> Any:
    """Celery's own strategy for a message that has come, with a wait that no wrong clock makes longer."""
    handle = strategy.default(task, app, consumer, **options)

    def on_message(message: Any, *args: Any, **kwargs: Any) -> Any:
        message.headers.update(shortened(message.headers, now=datetime.now(UTC)))
        return handle(message, *args, **kwargs)

    return on_message


def shortened(found: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """Give the headers to change, so that the message waits no longer than it was to."""
    eta, wait_secs = found.get("eta"), found.get(WAIT_SECS)
    if eta is None or wait_secs is None:
        return {}
    latest = now + timedelta(seconds=wait_secs)
    return {"eta": latest.isoformat()} if datetime.fromisoformat(eta) > latest else {}
