"""The instructions that an agent finds beside its data."""

from core.files import write_text
from tasks.registry import Competition
from tasks.technique import Technique
from worker.sandbox import Workspace

TEXT = """\
You are taking part in a machine-learning competition, alone and without help from people.

Competition: {name} ({id})
Time limit: {time_limit}, kept from outside. At the limit you are stopped, and the last valid submission counts.

Folders (named by environment variables; in a container they are the paths in brackets)
- $DATA_DIR (/home/data), read-only: the competition's public data. Start with description.md there: it
  states the problem, the files, the metric and the format of a submission.
- $SUBMISSION_DIR (/home/submission): write your predictions for the test data to submission.csv there.
- $CODE_DIR (/home/code): keep the code that made the submission here.
- $LOGS_DIR (/home/logs): keep your logs here.

Checking a submission
- `bash validate_submission.sh FILE` (/home/validate_submission.sh), or sending the file as the form field
  `file` to $VALIDATION_URL, says whether its format is right. It never says how good the predictions are.
- Write a first valid submission early and improve on it: whatever happens, the last valid one is graded.

Rules
- Train on the given data. Do not look for the answers, on this machine or elsewhere.
- Predictions come from a model or program that you leave in $CODE_DIR, never from labelling by hand.
- Use the random seed in $SEED where you need randomness.
"""


TECHNIQUE_TEXT = """\
You are asked one question about the data of a machine-learning competition, alone and without help from people.

Question: {technique} ({id}), asked about {name} ({competition})
Time limit: {time_limit}, kept from outside. At the limit you are stopped, and the last answer that is JSON counts.

technique_description.md (/home/technique_description.md, beside this file) says what is asked, the fields of the answer
and how it is judged.

Folders (named by environment variables; in a container they are the paths in brackets)
- $DATA_DIR (/home/data), read-only: the tables that you are asked about. What they hold counts, whatever is known of
  the competition otherwise: they were changed for this question.
- $SUBMISSION_DIR (/home/submission): write your answer to {file} there, one JSON object.
- $CODE_DIR (/home/code): keep the code that found the answer here.
- $LOGS_DIR (/home/logs): keep your logs here.

Checking an answer
- `bash validate_submission.sh $SUBMISSION_DIR/{file}` (/home/validate_submission.sh), or sending the file as the form
  field `file` to $VALIDATION_URL, says whether it is a JSON object. It never says whether it is right.

Rules
- Find the answer in the given data. Do not look for it elsewhere, on this machine or another.
- Use the random seed in $SEED where you need randomness.
"""


def write_technique_instructions(
    workspace: Workspace, competition: Competition, technique: Technique, *, time_limit_secs: float
) -> None:
    """Write instructions.txt of a technique attempt."""
    text = TECHNIQUE_TEXT.format(
        technique=technique.name,
        id=technique.id,
        name=competition.name,
        competition=competition.id,
        file=technique.answer_file,
        time_limit=duration(time_limit_secs),
    )
    write_text(workspace.instructions, text)


def write_instructions(workspace: Workspace, competition: Competition, *, time_limit_secs: float) -> None:
    """Write instructions.txt."""
    write_text(
        workspace.instructions,
        TEXT.format(
            name=competition.name,
            id=competition.id,
            time_limit=duration(time_limit_secs),
        ),
    )
    if not (workspace.data / "description.md").exists():  # prepared by another program, and not ours to add to
        with workspace.instructions.open("a", encoding="utf-8") as instructions:
            instructions.write(f"\ndescription.md is not among the data. This is it:\n\n{competition.description()}")


def duration(seconds: float) -> str:
    """Give a duration as people say it: 90 s, 15 min, 24 h."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size or seconds == size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
