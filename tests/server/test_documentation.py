"""What docs/server.md tells people to type."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from server.schemas import RunOrder
from tests.server.conftest import settings_in
from tests.server.live import live
from tests.server.test_files import keep_a_run
from worker.context import open_store

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "server.md"


def test_every_curl_command_of_the_page_works(tmp_path: Path, broker: str) -> None:
    own = settings_in(tmp_path, broker_url=broker, api_token="sesame-open")
    store = open_store(own, create=True)
    group, attempt, _ = keep_a_run(own, store)
    run_id = store.find_run("latest").run_id
    store.close()
    commands = re.findall(r"^curl .*$", PAGE.read_text(), flags=re.MULTILINE)
    assert len(commands) >= 8
    with live(own) as server:
        for command in commands:
            asked = command.replace("http://127.0.0.1:8000", server.url).replace("FILE", f"{group}/{attempt}/run.log")
            name = "latest" if "cancel" in command else run_id  # the one that is started by the way
            words = shlex.split(asked.replace("RUN", name).replace("$MLEBENCH_API_TOKEN", "sesame-open"))
            token = [] if "Authorization" in command else ["-H", "Authorization: Bearer sesame-open"]
            done = subprocess.run(
                [*words, *token, "--fail-with-body", "--silent", "--max-time", "20"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    assert (tmp_path / "run.log").stat().st_size == 1024


@pytest.mark.parametrize("field", RunOrder.model_fields)
def test_every_field_of_an_order_is_explained(field: str) -> None:
    assert f"`{field}`" in PAGE.read_text()
