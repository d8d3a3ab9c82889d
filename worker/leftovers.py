"""What attempts of closed runs left on this host, when the run folders are in an object store.

A try that came to nothing leaves its files on the host where it was. On a shared disk the next try takes them
along; here they follow when the run is closed, and the host's disk is free again.
"""

from datetime import UTC, datetime, timedelta

from filelock import FileLock, Timeout

from core.status import RunState
from store.bucket import Bucket
from store.folders import LIVE, RunFolder
from store.storage import ObjectFolder
from worker import evidence
from worker.context import Context
from worker.places import run_folder, scratch_runs
from worker.sandbox.disk import remove_tree

SETTLED_SECS = 600.0  # after a run was closed: a worker that lost its lease has noticed, and its agents are dead


def hand_in(context: Context, *, settled_secs: float = SETTLED_SECS) -> None:
    """Upload what tries of closed runs left on this host, and remove it here. Safe to call from any worker.

    Raises:
        ServiceUnavailable: the object store or the database does not answer; what is left stays.
    """
    scratch = scratch_runs(context.settings)
    names = {path.parent.name for path in scratch.glob(f"*/{LIVE}")}
    if not names:
        return
    settled = datetime.now(UTC) - timedelta(seconds=settled_secs)
    try:
        with FileLock(scratch / ".leftovers.lock", blocking=False):
            for run in context.store.runs():
                closed = run.state is not RunState.OPEN and run.closed_at is not None and run.closed_at < settled
                if run.run_group in names and closed:
                    folder = run_folder(run.run_dir, context.settings)
                    if folder.bucket is not None:
                        _hand_in(folder, folder.bucket)
    except Timeout:  # another worker of this host is at it
        return


def _hand_in(folder: RunFolder, bucket: Bucket) -> None:
    for attempt, number, live in folder.left_behind("try"):
        out = folder.out(attempt, number)
        out.mkdir(exist_ok=True)
        evidence.keep(live, out)
    for attempt, number, out in folder.left_behind("out"):
        ObjectFolder(bucket=bucket).keep(out, attempt=attempt, fence=number)
        remove_tree(out)
    folder.clean()
