"""Work that may not take this process down, nor hold it up."""

import multiprocessing
from collections.abc import Callable


def in_bounds(make: Callable[[], str], seconds: float) -> str | None:
    """Make a text in another process; None where it took too long, failed, or ran out of memory."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sender.send(make()))
    child.start()
    sender.close()
    try:
        return receiver.recv() if receiver.poll(seconds) else None
    except EOFError:
        return None
    finally:
        child.kill()
        child.join()
        receiver.close()
