"""python -m learner: one attempt, from what the environment says."""

import json
import logging
import os
import shutil
import sys
import time
import warnings
from pathlib import Path

from .cpus import limit_threads

SHARE_OF_TIME = 0.7  # the rest is for the model that is at work when the time is up

logger = logging.getLogger("learner")


def main() -> int:
    """Run the attempt. Returns the exit code."""
    started = time.monotonic()
    threads = limit_threads()
    logs, code = Path(os.environ["LOGS_DIR"]), Path(os.environ["CODE_DIR"])
    submission = Path(os.environ["SUBMISSION_DIR"]) / "submission.csv"
    _log_to(logs / "baseline.log")
    time_limit = float(os.environ.get("TIME_LIMIT_SECS") or 3600)
    seed = int(os.environ.get("SEED") or 0)
    logger.info("seed %d, %d threads, time limit %.0f s", seed, threads, time_limit)
    shutil.copytree(Path(__file__).parent, code / "learner", dirs_exist_ok=True, ignore=_no_bytecode)

    from .question import NotUnderstood
    from .work import Work  # after the number of threads is settled: numpy reads it when it is imported

    if technique := os.environ.get("TECHNIQUE_TASK"):
        return _answer(technique)
    work = Work(
        data=Path(os.environ["DATA_DIR"]),
        submission=submission,
        seed=seed,
        deadline=started + SHARE_OF_TIME * time_limit,
    )
    try:
        chosen = work.run()
    except NotUnderstood as reason:
        logger.error("nothing to hand in: %s", reason)
        return 1
    for path in (code / "chosen.json", logs / "scores.json"):
        path.write_text(json.dumps(chosen, indent=2) + "\n", encoding="utf-8")
    work.check(os.environ.get("VALIDATION_URL", ""))
    logger.info("done after %.1f s", time.monotonic() - started)
    return 0


def _answer(technique: str) -> int:
    """Answer a question about the data. Returns the exit code."""
    from .question import NotUnderstood
    from .skills import ANSWERS
    from .skills.tables import Tables

    question = Path(os.environ["AGENT_DIR"]).parent / "technique_description.md"
    target = Path(os.environ["SUBMISSION_DIR"]) / f"{technique}_analysis.json"
    if technique not in ANSWERS:
        logger.error("technique %r is not one of %s", technique, ", ".join(ANSWERS))
        return 1
    try:
        tables = Tables.read(Path(os.environ["DATA_DIR"]), question.read_text(encoding="utf-8"))
    except NotUnderstood as reason:
        logger.error("nothing to hand in: %s", reason)
        return 1
    unfinished = target.with_name(f".{target.name}")
    unfinished.write_text(json.dumps(ANSWERS[technique](tables), indent=2) + "\n", encoding="utf-8")
    unfinished.replace(target)
    logger.info("answered %s", technique)
    return 0


def _log_to(path: Path) -> None:
    """Log to standard output and to a file, warnings of libraries too, each once."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout), logging.FileHandler(path, encoding="utf-8")]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=handlers)
    logging.captureWarnings(capture=True)
    warnings.simplefilter("once")


def _no_bytecode(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


if __name__ == "__main__":
    sys.exit(main())
