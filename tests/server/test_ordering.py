"""What a client may ask for, what it means, and that nothing is left of what is wrong."""

from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from server.ordering import order_of
from server.schemas import RunOrder
from tests.server.conftest import settings_in
from tests.server.live import Live, live, problem
from worker.settings import Settings
from worker.submitting import Order


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


def order(settings: Settings, **asked: Any) -> Order:
    """The order that a client's JSON comes to."""
    return order_of(RunOrder.model_validate(asked), settings)


@pytest.mark.parametrize(
    "given", ["dev", "dev.txt", "splits/dev.txt", "experiments/splits/dev.txt", "./splits/dev.txt", "splits/dev"]
)
def test_a_split_is_given_by_its_name_or_its_file(settings: Settings, given: str) -> None:
    assert order(settings, competition_set=given).split == "dev"


@pytest.mark.parametrize(
    "given",
    [
        "nothing",
        "../splits/dev.txt",
        "/etc/passwd",
        "splits/../../etc/passwd.txt",
        "splits/splits/dev.txt",
        "dev/",
        "\0",
    ],
)
def test_no_other_file_is_read_as_a_split(settings: Settings, given: str) -> None:
    with pytest.raises(InputError, match="unknown competition_set"):
        order(settings, competition_set=given)


def test_by_itself_an_order_is_the_baseline_on_dev(settings: Settings) -> None:
    assert order(settings) == Order(agent="baseline", split="dev", sandbox="process")


def test_lite_is_the_split_low(settings: Settings) -> None:
    assert order(settings, lite=True).split == order(settings, lite=True, competition_set="low").split == "low"
    assert order(settings, lite=True, competition_set="dev").split == "low", "dev may be the client's default"
    for other in ("high", ["tiny"]):
        with pytest.raises(InputError, match="lite means"):
            order(settings, lite=True, competition_set=other)


def test_tasks_add_techniques_and_narrow_the_competitions(settings: Settings) -> None:
    mixed = order(settings, technique_tasks=["cv"], tasks=["missing", "job-classes", "cv", "job-classes"])
    assert (mixed.split, mixed.competitions, mixed.techniques) == ("dev", ("job-classes",), ("cv", "missing"))
    listed = order(settings, competition_set=["tiny", "job-classes"], tasks=["tiny"])
    assert (listed.split, listed.competitions, listed.techniques) == (None, ("tiny",), ())
    assert order(settings, technique_tasks="all", tasks=["cv"]).techniques == ("all",)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"tasks": ["tiny"]}, "tasks names tiny, which the competition_set does not hold"),
        ({"tasks": ["missin"]}, "did you mean missing"),
    ],
)
def test_tasks_that_mean_nothing_are_named(settings: Settings, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        order(settings, **asked)


def test_data_is_taken_from_folders_that_the_server_names(tmp_path: Path) -> None:
    allowed, link = tmp_path / "allowed", tmp_path / "allowed" / "link"
    (allowed / "one").mkdir(parents=True)
    link.symlink_to("/etc")
    settings = settings_in(tmp_path, api_data_dirs=str(allowed))
    for folder in (tmp_path / "data", allowed, allowed / "one", allowed / "new"):
        assert order(settings, data_dir=str(folder)).data_dir == str(folder)
    for other in (
        "/etc",
        str(link),
        f"{allowed}/../runs",
        str(tmp_path / "data" / "x"),
        "relative",
        "s3://bucket/x",
        "x://y",
    ):
        with pytest.raises(InputError, match="data_dir"):
            order(settings, data_dir=other)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"agent_id": "dumy"}, "unknown agent 'dumy'; did you mean dummy"),
        ({"competition_set": ["tinny"]}, "unknown competition 'tinny'; did you mean tiny"),
        ({"competition_set": ["tiny", "tiny"]}, "twice"),
        ({"competition_set": []}, "competition_set"),
        ({"technique_tasks": ["cvv"]}, "unknown technique 'cvv'; did you mean cv"),
        ({"n_seeds": 0}, "body.n_seeds"),
        ({"n_seeds": "2"}, "body.n_seeds"),
        ({"n_seeds": True}, "body.n_seeds"),
        ({"sandbox": "podman"}, "body.sandbox"),
        ({"time_limit_secs": -1}, "body.time_limit_secs"),
        ({"notes": "x" * 10_001}, "body.notes"),
        ({"judge": "gpt"}, "judge"),
        ({"data_dir": "/etc"}, "MLEBENCH_API_DATA_DIRS"),
        ({"nseeds": 2, "workers": 3}, "no such field; GET /docs shows what there is; body.workers"),
        ({"n_seeds": 1000, "technique_tasks": "all", "competition_set": "all"}, "MLEBENCH_API_ATTEMPTS"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_left(served: Live, body: dict[str, Any], said: str) -> None:
    before = served.get("/runs").json()
    assert said in problem(served.post("/runs", json=body), 422)["detail"]
    assert served.get("/runs").json() == before


def test_an_order_is_kept_word_for_word(served: Live) -> None:
    asked = {"competition_set": "splits/dev.txt", "agent_id": "dummy", "n_seeds": 2.0, "notes": "ü", "retain": True}
    run = served.post("/runs", json=asked).json()
    assert run["status"] == "queued"
    assert run["progress"] == {"planned": 12, "queued": 12, "running": 0, "collected": 0, "done": 0}
    assert run["request"] == {
        **{"competition_set": "splits/dev.txt", "agent_id": "dummy", "n_seeds": 2, "notes": "ü", "retain": True},
        **dict.fromkeys(("n_workers", "data_dir", "technique_tasks", "tasks", "time_limit_secs", "sandbox", "judge")),
        **dict.fromkeys(("max_cost", "max_cost_per_attempt", "max_calls_per_minute")),
        **{"lite": False, "priority": 0},
    }
    assert served.get(f"/runs/{run['run_id']}").json() == run
    assert served.get(f"/runs/{run['run_group']}").json() == run


def test_the_list_goes_on_where_its_link_says(served: Live) -> None:
    started = [served.post("/runs", json={"competition_set": ["tiny"]}).json()["run_id"] for _ in range(3)]
    first = served.get("/runs?limit=2")
    assert [run["run_id"] for run in first.json()] == started[:0:-1]
    assert "logs" not in first.json()[0]
    path = first.links["next"]["url"]
    assert served.get(path).json()[0]["run_id"] == started[0]
    assert "next" not in served.get("/runs?limit=1000").links
    problem(served.get("/runs?before=nobody"), 404)


def test_choices_are_plain_lists(served: Live) -> None:
    assert served.get("/competitions?split=dev").json()[0] == "flight-delays"
    assert {"tiny", "job-classes"} <= set(served.get("/competitions").json())
    assert "missing" in served.get("/technique-tasks").json()
    assert {"baseline", "napper"} <= set(served.get("/agents").json())
    problem(served.get("/competitions?split=nothing"), 404)


@pytest.mark.parametrize(
    "path", ["/runs/nobody", "/runs/nobody/summary", "/runs/nobody/artifacts", "/runs/nobody/events"]
)
def test_an_unknown_run_is_not_found(served: Live, path: str) -> None:
    assert "nobody" in problem(served.get(path), 404)["detail"]


def test_of_no_runs_the_latest_is_not_found(tmp_path: Path) -> None:
    with live(settings_in(tmp_path)) as server:
        problem(server.get("/runs/latest"), 404)


def test_the_methods_of_a_path_are_named(served: Live) -> None:
    answer = served.ask("DELETE", "/runs")
    assert "DELETE /runs" in problem(answer, 405)["detail"]
    assert answer.headers["allow"] == "GET, POST"
