"""First on PYTHONPATH, this gives a process another time of day: as many seconds ahead as a file says.

Python imports it when it starts. The file is looked at every tenth of a second. The monotonic clock goes on, as it
does where a host's clock is set.
"""

import os
import threading
import time
from pathlib import Path

import time_machine

FILE = "MLEBENCH_FAULTS_CLOCK"  # environment variable
LOOK_SECS = 0.1


def follow(path: Path) -> None:
    """Keep the clock where the file says."""
    ahead = 0.0
    jump: time_machine.travel | None = None
    while True:
        wanted = float(path.read_text() or ahead)
        if wanted != ahead:
            if jump is not None:
                jump.stop()
            jump = time_machine.travel(time.time() + wanted, tick=True)
            jump.start()
            ahead = wanted
        time.sleep(LOOK_SECS)


threading.Thread(target=follow, args=(Path(os.environ[FILE]),), name="clock", daemon=True).start()
