"""How large the tests of this folder are: as CI has time for, or (MLEBENCH_FAULTS=long) as the runs that matter."""

import os

LONG = os.environ.get("MLEBENCH_FAULTS") == "long"

SOAK_ATTEMPTS = 300 if LONG else 60
CHORD_ATTEMPTS = 10_000 if LONG else 225
OUTAGE_SECS = 60.0 if LONG else 8.0  # of Redis: longer than lease and visibility timeout
