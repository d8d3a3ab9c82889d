"""The description that AIDE puts into every prompt: the runner's texts, and how programs run here."""

import re
from pathlib import Path

from .attempt import Attempt

# AIDE's programs find the data in ./input and write to ./working; the runner's texts speak of the sandbox's folders.
FOLDERS = {
    r"\$DATA_DIR \(/home/data\)|\$DATA_DIR\b|/home/data\b": "./input",
    r"\$SUBMISSION_DIR \(/home/submission\)|\$SUBMISSION_DIR\b|/home/submission\b": "./working",
    r"\$CODE_DIR \(/home/code\)|\$CODE_DIR\b|/home/code\b": "./working",
    r"\$LOGS_DIR \(/home/logs\)|\$LOGS_DIR\b|/home/logs\b": "./working",
}

COMPETITION_NOTES = """\
# How your program runs here

- It is one Python program that starts in a folder with `./input` (the data, read-only) and `./working` (to write to).
- It writes the predictions for the test data to `./working/submission.csv`. From there they are handed in, and the
  program is kept with them: nothing else is to be done for that, and the folders of other programs are not needed.
- The evaluation metric that it prints is the competition's own, on validation data that the model was not trained on:
  programs are compared by it.
"""

TECHNIQUE_NOTES = """\
# How your program runs here

- It is one Python program that starts in a folder with `./input` (the data, read-only) and `./working` (to write to).
- This is no competition for predictions: no `submission.csv` is wanted. Wherever you are told to save predictions
  there, the program saves its answer instead: one JSON object in `./working/{answer}`, with the fields that are
  described above. From there it is handed in.
- Everything in the answer is computed from the data by the program. No model has to be trained, unless the question
  asks for one.
- As evaluation metric the program prints the share of the answer's fields, from 0.0 to 1.0, that it has computed and
  checked against the data; higher is better.
"""


def describe(attempt: Attempt) -> str:
    """The texts of the attempt, in AIDE's terms.

    Those of the reference benchmark's runner are understood too; a text that is not there is left out.
    """
    texts = [attempt.beside_agent / "instructions.txt", attempt.data / "description.md"]
    if attempt.technique:
        texts.insert(1, attempt.beside_agent / "technique_description.md")
    notes = TECHNIQUE_NOTES.format(answer=attempt.answer) if attempt.technique else COMPETITION_NOTES
    return "\n\n".join([*(text for path in texts if (text := _in_aides_terms(path))), notes])


def _in_aides_terms(path: Path) -> str:
    if not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    for pattern, place in FOLDERS.items():
        text = re.sub(pattern, place, text)
    return text
