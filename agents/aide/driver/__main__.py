"""python -m driver KEY=VALUE...: one attempt, from what the environment says.

Exit codes: 0 AIDE has done its steps or used its time; 1 it failed again and again; 2 a setting is wrong.
"""

import os
import sys
import tempfile
from pathlib import Path

from .attempt import Attempt, Clock
from .description import describe
from .settings import WrongSetting, command_line


def main() -> int:
    """Run the attempt. Returns the exit code."""
    attempt = Attempt.from_environment(os.environ)
    clock = Clock(attempt.time_limit_secs)
    try:
        from .search import load_settings, search
    except ModuleNotFoundError as error:
        print(f"aide: there is no {error.name} here; AIDE needs its own image: --sandbox docker", file=sys.stderr)
        return 1
    scratch = Path(tempfile.mkdtemp(prefix="aide-"))
    description = scratch / "description.md"
    description.write_text(describe(attempt), encoding="utf-8")
    try:
        cfg = load_settings(command_line(attempt, sys.argv[1:], scratch, description))
    except WrongSetting as error:
        print(f"aide: {error}", file=sys.stderr)
        return 2
    print(f"aide: {cfg.agent.steps} steps, {attempt.time_limit_secs:.0f} s, model {cfg.agent.code.model}", flush=True)
    outcome = search(cfg, attempt, clock)
    print(f"aide: {outcome.steps} steps done; {'an' if outcome.has_answer else 'no'} answer is handed in", flush=True)
    return 1 if outcome.gave_up else 0


if __name__ == "__main__":
    sys.exit(main())
