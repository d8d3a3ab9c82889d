"""A run without services: everything comes with the command and goes with it."""

import json
import re
import signal
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from agents.contents import pack, read_folder
from core.files import replacing
from tests.integration.bench import Bench, assert_all_gone, family, kill_all
from tests.kaggle_server import ACCOUNT, fake_kaggle
from tests.services import wait_until
from tests.tasks.test_raw import ARCHIVE

TALKING = {"MLEBENCH_NETWORK_ALLOWED": "true"}  # what talker needs
TINY = ("--competitions", "tiny", "--sandbox", "process")
RUN_FIELDS = {
    "total_runs",
    "total_runs_with_submissions",
    "total_valid_submissions",
    "total_medals",
    "total_gold_medals",
    "total_silver_medals",
    "total_bronze_medals",
    "total_above_median",
    "competition_reports",
}
COMPETITION_FIELDS = {
    "competition_id",
    "score",
    "gold_threshold",
    "silver_threshold",
    "bronze_threshold",
    "median_threshold",
    "any_medal",
    "gold_medal",
    "silver_medal",
    "bronze_medal",
    "above_median",
    "submission_exists",
    "valid_submission",
    "is_lower_better",
    "created_at",
    "submission_path",
}


def test_the_baseline_beats_the_median_on_most_of_the_dev_split(bench: Bench) -> None:
    result = bench.submit("--split", "dev", "--agent", "baseline", "--sandbox", "process", timeout_secs=110)
    reports = result["reports"]
    assert len(reports) == 6
    assert {report["status"] for report in reports} == {"completed"}
    assert all(report["valid_submission"] for report in reports)
    assert sum(report["above_median"] for report in reports) >= 5
    assert {report["threshold_kind"] for report in reports} == {"reference"}


FROM_KAGGLE = ("--agent", "solver", "--competitions", "tiny-kaggle", "--sandbox", "process")


def test_a_run_downloads_the_data_that_it_needs_once(bench: Bench, tmp_path: Path) -> None:
    with fake_kaggle(archives={"tiny-kaggle": ARCHIVE}) as kaggle:
        account = {"KAGGLE_USERNAME": str(ACCOUNT.username), "KAGGLE_KEY": str(ACCOUNT.key)}
        downloading = replace(
            bench, data_dir=tmp_path / "data", env={**bench.env, **kaggle.environment, **account, "HOME": str(tmp_path)}
        )
        result = downloading.submit(*FROM_KAGGLE, "--seeds", "2")
        assert [report["status"] for report in result["reports"]] == ["completed"] * 2
        assert len(kaggle.downloads) == 1


def test_a_run_whose_data_kaggle_refuses_says_which_link_to_open(bench: Bench, tmp_path: Path) -> None:
    with fake_kaggle(archives={"tiny-kaggle": ARCHIVE}, not_joined={"tiny-kaggle"}) as kaggle:
        account = {"KAGGLE_USERNAME": str(ACCOUNT.username), "KAGGLE_KEY": str(ACCOUNT.key)}
        refused = replace(
            bench,
            data_dir=tmp_path / "data",
            env={**bench.env, **kaggle.environment, **account, "HOME": str(tmp_path), "MLEBENCH_MAX_TRIES": "1"},
        )
        result = refused.submit(*FROM_KAGGLE, code=1)
    [report] = result["reports"]
    assert report["status"] == "infrastructure_failed"
    assert "https://www.kaggle.com/c/tiny-kaggle/rules" in report["message"]


def test_a_run_folder_holds_what_the_contract_names(bench: Bench) -> None:
    result = bench.submit("--agent", "solver", "--seeds", "2", *TINY)
    assert result["status"] == "completed"
    folder = Path(result["run_dir"])
    assert folder.name.endswith("_run-group_solver")
    report = json.loads((folder / "grading_report.json").read_text())
    assert report.keys() >= RUN_FIELDS
    assert report["total_runs"] == report["total_gold_medals"] == 2
    metadata = json.loads((folder / "metadata.json").read_text())
    assert {"run_group", "created_at", "runs", "settings", "versions", "git_commit", "agent_hash"} <= metadata.keys()
    attempts = sorted(path for path in folder.iterdir() if path.is_dir())
    assert [path.name for path in attempts] == sorted(metadata["runs"])
    for path in attempts:
        assert {entry.name for entry in path.iterdir()} == {"submission", "code", "logs", "run.log", "report.json"}
        attempt = json.loads((path / "report.json").read_text())
        assert attempt.keys() >= COMPETITION_FIELDS
        assert (folder / attempt["submission_path"]).is_file()
        assert "solving tiny" in (path / "run.log").read_text()
        assert metadata["runs"][path.name]["success"] is True
        assert metadata["runs"][path.name]["environment"]["data_hash"]


@pytest.mark.parametrize(
    ("agent", "status", "score"),
    [
        ("crasher", "agent_failed", 0.5),
        ("idler", "no_submission", None),
        ("scribbler", "invalid_submission", None),
    ],
)
def test_what_an_agent_does_wrong_is_a_graded_result(
    bench: Bench, agent: str, status: str, score: float | None
) -> None:
    (report,) = bench.submit("--agent", agent, *TINY)["reports"]
    assert (report["status"], report["score"]) == (status, score)


def test_at_the_time_limit_the_submission_still_counts(bench: Bench) -> None:
    (report,) = bench.submit("--agent", "sleeper", "--time-limit", "3", *TINY)["reports"]
    assert (report["status"], report["score"]) == ("time_limit", 0.5)
    assert 3 <= report["agent_secs"] < 9


def test_secrets_reach_the_agent_and_nothing_else(bench: Bench) -> None:
    secret = "sesame-open-4711"
    own = Bench(
        data_dir=bench.data_dir, runs_dir=bench.runs_dir, env={**bench.env, **TALKING, "TALKER_MODEL_KEY": secret}
    )
    folder = Path(own.submit("--agent", "talker", *TINY)["run_dir"])
    (log,) = folder.glob("*/run.log")
    assert "my key is ***" in log.read_text()
    assert "Submission is valid." in log.read_text()
    assert "Submission invalid:" in log.read_text()
    for path in bench.runs_dir.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_two_runs_at_once_do_not_meet(bench: Bench) -> None:
    results: list[dict[str, object]] = []
    threads = [
        threading.Thread(target=lambda: results.append(bench.submit("--agent", "napper", "--seeds", "2", *TINY)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({result["run_id"] for result in results}) == 2
    assert len({result["run_dir"] for result in results}) == 2
    assert [result["status"] for result in results] == ["completed", "completed"]


def test_the_result_says_what_counts_and_where_an_agents_last_words_are(bench: Bench) -> None:
    done = bench.run("submit", "--agent", "crasher", "--seeds", "2", *TINY)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 planned attempts count; 2 have a valid submission" in done.stdout
    assert "any medal: 0.0% ± 0.0 (standard error over seeds), no interval" in done.stdout
    [log] = re.findall(r"what the agent said: (\S+/run\.log) \(and 1 more\)", done.stdout)
    assert "out of ideas" in Path(log).read_text()


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(bench: Bench) -> None:
    with bench.start("submit", "--agent", "sleeper", *TINY) as command:
        bench.wait_for_line("working")
        processes = family(command)
        command.send_signal(signal.SIGINT)
        _, err = command.communicate(timeout=60)
    assert command.returncode == 130
    assert "Continue with: python scripts/submit.py --resume" in err
    assert "Traceback" not in err
    assert_all_gone(processes)
    followed = bench.run("status", "latest")  # which would wait for ever
    assert followed.returncode == 1
    assert "any more; continue it with: python scripts/submit.py --resume" in followed.stderr


def test_kill_9_of_the_command_takes_everything_along(bench: Bench) -> None:
    with bench.start("submit", "--agent", "sleeper", *TINY) as command:
        bench.wait_for_line("working")
        processes = family(command)
        command.kill()
        command.communicate()
    assert_all_gone(processes)


def test_a_run_is_resumed_after_everything_was_killed(bench: Bench) -> None:
    with bench.start("submit", "--agent", "napper", "--seeds", "4", "--workers", "2", *TINY) as command:
        wait_until(
            lambda: list(bench.runs_dir.glob("*/tiny_*/report.json")),
            timeout_secs=60,
            description="the first attempt is graded",
        )
        kill_all(family(command))
        command.communicate()
    before = set(bench.runs_dir.glob("*/tiny_*/report.json"))
    result = bench.submit("--resume", "latest")
    assert result["status"] == "completed"
    assert len(result["reports"]) == 4
    assert {report["status"] for report in result["reports"]} == {"completed"}
    assert before <= set(bench.runs_dir.glob("*/tiny_*/report.json"))
    assert not list(bench.runs_dir.glob("*/.live"))


def test_a_detached_run_is_followed_and_listed(bench: Bench) -> None:
    detached = bench.run("submit", "--agent", "napper", "--detach", "--json", *TINY)
    run_id = json.loads(detached.stdout)["run_id"]
    followed = bench.run("status", run_id)
    assert followed.returncode == 0, followed.stderr
    assert "completed" in followed.stdout
    listed = json.loads(bench.run("status", "--json").stdout)
    assert [(run["run_id"], run["status"]) for run in listed] == [(run_id, "completed")]


def test_a_cancelled_run_is_closed_with_every_attempt_accounted_for(bench: Bench) -> None:
    arguments = ("--agent", "sleeper", "--seeds", "5", "--workers", "2", "--json", *TINY)
    with bench.start("submit", *arguments) as command:
        bench.wait_for_line("working")
        cancelled = bench.run("cancel", "latest")
        out, err = command.communicate(timeout=60)
    assert cancelled.returncode == 0, cancelled.stderr
    assert command.returncode == 1, err
    result = json.loads(out)
    assert result["status"] == "cancelled"
    assert [report["status"] for report in result["reports"]] == ["cancelled"] * 5
    assert len(list(Path(result["run_dir"]).glob("tiny_*/report.json"))) == 5


def test_the_machinery_is_tried_again_and_then_the_loss_recorded(bench: Bench) -> None:
    changed = bench.runs_dir.parent / "agents"
    (changed / "fickle").mkdir(parents=True)
    (changed / "fickle" / "agent.yaml").write_text("start: start.sh\n")
    (changed / "fickle" / "start.sh").write_text("exit 0\n")
    own = Bench(
        data_dir=bench.data_dir,
        runs_dir=bench.runs_dir,
        env={**bench.env, "MLEBENCH_AGENTS_PATH": str(changed), "MLEBENCH_MAX_TRIES": "2"},
    )
    with own.start("submit", "--agent", "fickle", "--json", *TINY) as command:
        wait_until(
            lambda: list(bench.runs_dir.glob("*_run-group_fickle/agent.tar")),
            timeout_secs=60,
            description="it is submitted",
        )
        (archive,) = bench.runs_dir.glob("*_run-group_fickle/agent.tar")
        (changed / "fickle" / "start.sh").write_text("exit 1\n")
        with replacing(archive) as path:
            path.write_bytes(pack(read_folder(changed / "fickle")))
        out, err = command.communicate(timeout=90)
    assert command.returncode == 1, err
    (report,) = json.loads(out)["reports"]
    assert report["status"] == "infrastructure_failed"
    assert "is not what was submitted" in report["message"]
    folder = Path(json.loads(out)["run_dir"])
    (attempt,) = json.loads((folder / "metadata.json").read_text())["runs"].values()
    assert [entry["outcome"] for entry in attempt["tries"]] == ["given_back", "infrastructure_failed"]
    assert all("Traceback" in entry["error"] for entry in attempt["tries"])
    assert len(list(folder.glob("tiny_*/tries/*/run.log"))) == 1


@pytest.mark.usefixtures("no_containers_left")
def test_the_same_attempts_run_in_containers(bench: Bench) -> None:
    own = Bench(
        data_dir=bench.data_dir,
        runs_dir=bench.runs_dir,
        env={**bench.env, **TALKING, "TALKER_MODEL_KEY": "sesame-open-4711"},
    )
    arguments = ("--agent", "talker", "--seeds", "2", "--competitions", "tiny", "--sandbox", "docker")
    result = own.submit(*arguments)
    assert [report["status"] for report in result["reports"]] == ["completed", "completed"]
    for log in Path(result["run_dir"]).glob("*/run.log"):
        assert "my key is ***" in log.read_text()
        assert "Submission is valid." in log.read_text()


@pytest.mark.usefixtures("no_containers_left")
def test_containers_are_gone_when_the_command_was_killed(bench: Bench) -> None:
    arguments = ("--agent", "sleeper", "--competitions", "tiny", "--sandbox", "docker")
    with bench.start("submit", *arguments) as command:
        bench.wait_for_line("working")
        assert bench.containers()
        processes = family(command)
        command.kill()
        command.communicate()
    assert_all_gone(processes)


@pytest.mark.usefixtures("no_containers_left")
def test_containers_of_a_killed_worker_are_removed_by_the_next_one(bench: Bench) -> None:
    arguments = ("--agent", "sleeper", "--competitions", "tiny", "--sandbox", "docker", "--time-limit", "15")
    with bench.start("submit", *arguments) as command:
        bench.wait_for_line("working")
        kill_all(family(command))
        command.communicate()
    result = bench.submit("--resume", "latest")
    assert [report["status"] for report in result["reports"]] == ["time_limit"]


def test_json_is_all_that_standard_output_carries(bench: Bench) -> None:
    done = bench.run("submit", "--agent", "idler", "--json", *TINY)
    assert set(json.loads(done.stdout)) == {"run_id", "run_dir", "status", "reports"}
    assert "no_submission" in done.stderr


def test_a_terminal_sees_a_live_table(bench: Bench) -> None:
    command = "python scripts/submit.py --agent napper --competitions tiny --sandbox process"
    done = subprocess.run(
        ["script", "--quiet", "--return", "--command", command, "/dev/null"],
        cwd=Path(__file__).resolve().parent.parent.parent,
        env=bench.environment() | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    assert "last line of its log" in done.stdout
    assert "step 2" in done.stdout
