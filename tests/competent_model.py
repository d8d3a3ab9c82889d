"""A small model that knows AIDE's prompts: it writes programs that work, one that does not, and reviews their output.

Its programs are plain scikit-learn. In the order in which it is asked: a first draft on a few columns, a draft that
breaks after it has written nonsense, and then what it is asked for: a repaired one that guesses, an improved one that
uses every column, and, asked to improve that, one that is worse again.
"""

import re
from typing import Any

from tests.model_server import Said, ToolCall

START = """
import hashlib
from pathlib import Path

import pandas as pd

train, test = pd.read_csv("./input/train.csv"), pd.read_csv("./input/test.csv")
submission = pd.read_csv("./input/sample_submission.csv")
row, target = submission.columns
"""
BREAK = """
Path("./working/submission.csv").write_text("nonsense")
train["no_such_column"]
"""
LEARN = """
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

columns = [name for name in test.columns if name != row]{some}
both = pd.get_dummies(pd.concat([train[columns], test[columns]]), dtype=float).fillna(0.0)
known, unknown = both.iloc[: len(train)], both.iloc[len(train) :]
inner, outer, y_inner, y_outer = train_test_split(known, train[target], test_size=0.3, random_state=0)
model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
metric = roc_auc_score(y_outer, model.fit(inner, y_inner).predict_proba(outer)[:, 1])
submission[target] = model.fit(known, train[target]).predict_proba(unknown)[:, 1]
"""
GUESS = """
submission[target] = train[target].mean()
metric = 0.5
"""
FINISH = """
submission.to_csv("./working/submission.csv", index=False)
print(f"Validation metric: {metric:.6f}")
print("Fingerprint:", hashlib.sha256(Path("./working/submission.csv").read_bytes()).hexdigest())
"""
FIRST = START + LEARN.format(some="[:3]") + FINISH
REPAIRED = START + GUESS + FINISH
IMPROVED = START + LEARN.format(some="") + FINISH

# What AIDE is asked in attempts with the technique `imbalance`.
BALANCE = """
import json
import re
from pathlib import Path

import pandas as pd
import yaml

fence = "`" * 3  # AIDE takes three of them for the program's end
block = re.findall(rf"{fence}yaml\\n(.*?){fence}", Path("./input/description.md").read_text(), re.DOTALL)[-1]
table = yaml.safe_load(block)["table"]
counts = pd.read_csv(Path("input", table["train"]))[table["target"]].value_counts()
ratio = counts.max() / counts.min()
answer = {
    "class_distribution": {str(label): int(count) for label, count in counts.items()},
    "class_percentages": {str(label): 100 * float(count) / int(counts.sum()) for label, count in counts.items()},
    "imbalance_ratio": float(ratio),
    "is_imbalanced": bool(ratio >= 3),
    "severity": ["balanced", "moderate", "severe", "extreme"][sum(ratio >= bound for bound in (3, 10, 100))],
    "chosen_strategy": "class_weights" if ratio >= 3 else "none",
    "reasoning": "computed from the train table",
}
Path("./working/imbalance_analysis.json").write_text(json.dumps(answer))
print("Validation metric: 1.0")
"""


class CompetentModel:
    """Plays the model of one attempt with AIDE; `programs` counts the programs it was asked for."""

    def __init__(self) -> None:
        self.programs = 0

    def __call__(self, request: dict[str, Any]) -> Said:
        prompt = "\n".join(message["content"] for message in request["messages"])
        if request.get("tools"):
            assert [tool["function"]["name"] for tool in request["tools"]] == ["submit_review"]
            return review(prompt)
        self.programs += 1
        return f"This is the plan of program {self.programs}.\n\n```python\n{self._program(prompt)}```"

    def _program(self, prompt: str) -> str:
        assert "# Task description" in prompt
        if self.programs == 2:
            return START + BREAK
        if "imbalance_analysis.json" in prompt:
            return BALANCE
        if "# Previous (buggy) implementation" in prompt:
            assert "KeyError: 'no_such_column'" in prompt
            return REPAIRED
        if "# Previous solution" in prompt:
            return REPAIRED if "[:3]" not in prompt.partition("# Previous solution")[2] else IMPROVED
        return FIRST


def review(prompt: str) -> ToolCall:
    """What `submit_review` is told of a program's output."""
    output = prompt.rpartition("# Execution output")[2]
    found = re.search(r"Validation metric: ([0-9.]+)", output)
    is_bug = "Traceback" in output or found is None
    return ToolCall(
        "submit_review",
        {
            "is_bug": is_bug,
            "summary": "It fails; mend what the traceback names." if is_bug else "It works.",
            "metric": None if is_bug or found is None else float(found[1]),
            "lower_is_better": False,
        },
    )
