"""AIDE's driver, the parts that need no AIDE: what it is told, its settings, and what is handed in.

The real package runs in tests/integration/test_aide.py.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.aide.driver.attempt import Attempt, Clock
from agents.aide.driver.description import describe
from agents.aide.driver.handing_in import Answers, format_complaint
from agents.aide.driver.settings import WrongSetting, command_line, reachable_model, temperature
from agents.registry import AGENTS, load_agent

GATEWAY = {"OPENAI_BASE_URL": "http://localhost:5001/v1"}


@dataclass
class Metric:
    """As AIDE's: greater is better, whichever direction that is."""

    value: float | None
    maximize: bool = True

    def __gt__(self, other: "Metric") -> bool:
        assert self.value is not None
        assert other.value is not None
        return self.value > other.value if self.maximize else self.value < other.value


@dataclass
class Step:
    """A step of AIDE's with what counts of it here."""

    code: str
    metric: Metric
    is_buggy: bool = False


def good(name: str, value: float) -> Step:
    return Step(code=name, metric=Metric(value))


def bug(name: str) -> Step:
    return Step(code=name, metric=Metric(None), is_buggy=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The sandbox's folders; its script finds any file invalid that holds the word invalid."""
    for name in ("data", "submission", "logs", "code", "agent", "workspace/working"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "validate_submission.sh").write_text(
        """if grep -q invalid "$1"; then echo '{"result": "Submission invalid: it says so"}'
        else echo '{"result": "Submission is valid."}'; fi"""
    )
    return tmp_path


@pytest.fixture
def answers(home: Path) -> Answers:
    return Answers(
        working=home / "workspace" / "working",
        name="submission.csv",
        submission=home / "submission",
        validate=home / "validate_submission.sh",
    )


def attempt_in(home: Path, technique: str | None = None) -> Attempt:
    environment = {
        "AGENT_DIR": str(home / "agent"),
        "SEED": "3",
        "TIME_LIMIT_SECS": "100",
        **{f"{name.upper()}_DIR": str(home / name) for name in ("data", "submission", "logs", "code")},
        **({"TECHNIQUE_TASK": technique} if technique else {}),
    }
    return Attempt.from_environment(environment)


def make(home: Path, answers: Answers, step: Step, content: str | None) -> str:
    """A step as AIDE makes it: its program starts with a cleared folder and may leave an answer."""
    answers.clear()
    if content is not None:
        (home / "workspace/working/submission.csv").write_text(content)
    return answers.offer(step)


def handed_in(home: Path) -> str:
    return (home / "submission/submission.csv").read_text()


def test_the_best_steps_answer_is_handed_in_and_not_the_last_ones(home: Path, answers: Answers) -> None:
    made = [
        make(home, answers, good("first", 0.6), "a"),
        make(home, answers, bug("broken"), "b"),
        make(home, answers, good("best", 0.8), "c"),
        make(home, answers, good("worse", 0.7), "d"),
        make(home, answers, good("as good", 0.8), "e"),
    ]
    assert made == ["handed in", "not the best", "handed in", "not the best", "not the best"]
    assert handed_in(home) == "c"
    assert answers.best == good("best", 0.8)
    assert [path.name for path in (home / "submission").iterdir()] == ["submission.csv"]


def test_lower_can_be_better(home: Path, answers: Answers) -> None:
    for name, value in (("first", 0.5), ("best", 0.2), ("worse", 0.3)):
        make(home, answers, Step(code=name, metric=Metric(value, maximize=False)), name)
    assert handed_in(home) == "best"


def test_a_step_that_leaves_no_answer_does_not_inherit_the_one_before(home: Path, answers: Answers) -> None:
    make(home, answers, good("first", 0.6), "a")
    assert make(home, answers, good("silent", 0.9), None) == "no answer"
    assert answers.best == good("first", 0.6)
    assert handed_in(home) == "a"


def test_an_answer_that_the_sandbox_refuses_is_not_handed_in(home: Path, answers: Answers) -> None:
    assert make(home, answers, good("first", 0.6), "a") == "handed in"
    assert make(home, answers, good("odd", 0.9), "invalid") == "Submission invalid: it says so"
    assert handed_in(home) == "a"
    assert make(home, answers, good("better", 0.7), "b") == "handed in"


def test_a_bugs_answer_is_handed_in_only_until_there_is_a_good_one(home: Path, answers: Answers) -> None:
    assert make(home, answers, bug("one"), "a") == "handed in"
    assert make(home, answers, bug("two"), "b") == "handed in"
    assert make(home, answers, good("low", -5.0), "c") == "handed in"
    assert make(home, answers, bug("three"), "d") == "not the best"
    assert handed_in(home) == "c"


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 1)), max_size=12))
def test_what_is_handed_in_is_the_first_of_the_best(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[bool, bool, float]]
) -> None:
    home = tmp_path_factory.mktemp("home")
    for name in ("submission", "workspace/working"):
        (home / name).mkdir(parents=True)
    answers = Answers(
        working=home / "workspace/working", name="submission.csv", submission=home / "submission", validate=home / "no"
    )
    for number, (is_good, answered, value) in enumerate(steps):
        step = good(str(number), value) if is_good else bug(str(number))
        make(home, answers, step, str(number) if answered else None)
    with_answer = [(number, is_good, value) for number, (is_good, answered, value) in enumerate(steps) if answered]
    well = [(number, value) for number, is_good, value in with_answer if is_good]
    if well:
        assert handed_in(home) == str(max(well, key=lambda entry: entry[1])[0])
    elif with_answer:
        assert handed_in(home) == str(with_answer[-1][0])
    else:
        assert not (home / "submission/submission.csv").exists()


def test_a_program_that_writes_to_the_submission_folder_does_not_spoil_it(home: Path, answers: Answers) -> None:
    submission = home / "submission/submission.csv"
    answers.restore()
    assert not submission.exists()
    make(home, answers, good("first", 0.6), "a")
    submission.write_text("spoilt")
    answers.restore()
    assert handed_in(home) == "a"
    submission.unlink()
    submission.mkdir()
    answers.restore()
    assert handed_in(home) == "a"
    inode = submission.stat().st_ino
    answers.restore()
    assert submission.stat().st_ino == inode


def test_a_folder_in_place_of_an_answer_is_no_answer(home: Path, answers: Answers) -> None:
    folder = home / "workspace/working/submission.csv"
    folder.mkdir()
    assert answers.offer(good("odd", 0.5)) == "no answer"
    answers.clear()
    assert not folder.exists()


@pytest.mark.parametrize("script", ["exit 1", "echo no JSON", "echo '[]'", 'echo \'{"error": "busy"}\''])
def test_an_answer_that_cannot_be_checked_is_not_refused(home: Path, script: str) -> None:
    path = home / "validate_submission.sh"
    path.write_text(script)
    assert format_complaint(path, path) is None
    assert format_complaint(path, home / "missing.sh") is None


def test_a_competitions_description_speaks_of_aides_folders(home: Path) -> None:
    (home / "instructions.txt").write_text(
        "- $DATA_DIR (/home/data), read-only\n- $SUBMISSION_DIR (/home/submission): there\n$CODE_DIR, /home/logs.\n"
    )
    (home / "data/description.md").write_text("# Ponies\n\nTell ponies in /home/data/ponies.csv from horses.\n")
    text = describe(attempt_in(home))
    assert "- ./input, read-only\n- ./working: there\n./working, ./working." in text
    assert "Tell ponies in ./input/ponies.csv from horses." in text
    assert "`./working/submission.csv`" in text
    assert "/home/" not in text
    assert "_DIR" not in text


def test_a_techniques_description_names_the_answer_and_no_submission(home: Path) -> None:
    (home / "technique_description.md").write_text("# Ponies\n\nWrite `cv_analysis.json` to `/home/submission`.\n")
    attempt = attempt_in(home, "cv")
    text = describe(attempt)
    assert attempt.answer == "cv_analysis.json"
    assert "Write `cv_analysis.json` to `./working`." in text
    assert "`./working/cv_analysis.json`" in text
    assert "no `submission.csv` is wanted" in text


def test_settings_go_through_and_places_cannot_be_changed(home: Path) -> None:
    arguments = ["agent.steps=7", "copy_data=True", "data_dir=/elsewhere", "agent.search.num_drafts=3"]
    line = command_line(attempt_in(home), arguments, home / "scratch", home / "description.md")
    last = dict(argument.split("=", 1) for argument in line)
    assert (last["agent.steps"], last["copy_data"], last["agent.search.num_drafts"]) == ("7", "True", "3")
    assert last["data_dir"] == str(home / "data")
    with pytest.raises(WrongSetting, match="expected key=value, not '--steps'"):
        command_line(attempt_in(home), ["--steps", "7"], home, home)


@pytest.mark.parametrize("name", ["gpt-4o-2024-08-06", "o1", "o3-mini", "codex-mini-latest"])
def test_a_bare_name_of_openais_is_led_to_the_gateway(name: str) -> None:
    assert reachable_model(name, GATEWAY) == f"openai/{name}"
    assert reachable_model(f"openai/{name}", GATEWAY) == f"openai/{name}"
    assert reachable_model(name, {}) == name


def test_models_of_other_companies_go_nowhere() -> None:
    assert reachable_model("Qwen/Qwen3-32B", GATEWAY) == "Qwen/Qwen3-32B"
    with pytest.raises(WrongSetting, match="AIDE would call claude-x at its maker's address"):
        reachable_model("claude-x", GATEWAY)


def test_reasoning_models_get_the_only_temperature_that_they_accept() -> None:
    assert [temperature(name, 0.5) for name in ("o3", "openai/o4-mini", "openai/gpt-4o", "olmo")] == [
        1.0,
        1.0,
        0.5,
        0.5,
    ]


def test_the_clock_keeps_time_for_the_end() -> None:
    clock = Clock(100.0)
    assert 94 < clock.left_secs() <= 95
    assert clock.bounded(3600) == 94
    assert clock.bounded(10) == 10
    assert Clock(86400.0).left_secs() > 86339
    late = Clock(0.0)
    time.sleep(0.001)
    assert late.left_secs() < 0
    assert late.bounded(3600) == 1


BOUNDED = """
import os, sys, time
from driver.bounds import in_bounds
sys.stderr.close()
failing, killed = (lambda: str(1 / 0)), (lambda: os.kill(os.getpid(), 9))
print(in_bounds(failing, 20), in_bounds(killed, 20), in_bounds(lambda: time.sleep(60), 0.2))
print(len(in_bounds(lambda: "x" * 10**6, 20)))
"""


def test_a_preview_that_fails_or_takes_too_long_or_too_much_memory_is_none() -> None:
    """In a process of its own, because it forks."""
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED],
        env={"PYTHONPATH": str(AGENTS / "aide")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "None None None\n1000000\n"


def test_without_aide_it_says_in_one_line_what_is_missing(home: Path) -> None:
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AGENT_DIR": str(AGENTS / "aide"),
        "SEED": "0",
        "TIME_LIMIT_SECS": "60",
        **{f"{name.upper()}_DIR": str(home / name) for name in ("data", "submission", "logs", "code")},
    }
    done = subprocess.run(
        ["bash", AGENTS / "aide/start.sh", "agent.steps=5"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "aide: there is no aide here; AIDE needs its own image: --sandbox docker\n"


@pytest.mark.parametrize(("agent_id", "steps"), [("aide", 500), ("aide/dev", 5)])
def test_the_agents_name_models_that_reach_the_gateway(agent_id: str, steps: int) -> None:
    agent = load_agent(agent_id, roots=[AGENTS])
    assert agent.kwargs["agent.steps"] == steps
    assert agent.secrets() == {"OPENAI_API_KEY"}
    assert agent.network is False
    for key in ("agent.code.model", "agent.feedback.model", "report.model"):
        assert agent.kwargs[key] == "openai/gpt-4o-2024-08-06"
    assert all("=" in argument for argument in agent.arguments())
