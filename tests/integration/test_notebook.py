"""demo.ipynb: it runs from start to end, leaves nothing running, and its outputs are those of its code."""

from pathlib import Path
from typing import Any

import nbformat
import pytest

from scripts.execute_notebook import HASH, NOTEBOOK, code_hash, execute
from tests.integration.bench import REPOSITORY
from tests.integration.http_server import at_work, free_port
from tests.services import wait_until

SMALL = """
COMPETITIONS = ["credit-status"]
AGENTS = ["baseline"]
SEEDS = 2
TECHNIQUES = ["imbalance", "missing"]
SANDBOX = "process"
RUNS_DIR = {runs_dir!r}
PORT = {port}
"""


def read() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds_of_outputs(notebook: Any) -> list[list[list[str]]]:
    """For each cell of code and each of its outputs, what it consists of."""
    return [
        [sorted(output.data) if "data" in output else [output.name] for output in cell.outputs]
        for cell in code_cells(notebook)
    ]


def test_the_outputs_that_are_kept_come_from_the_code_as_it_is() -> None:
    notebook = read()
    assert notebook.metadata[HASH] == code_hash(notebook), "run scripts/execute_notebook.py"
    assert [cell.execution_count for cell in code_cells(notebook)] == list(range(1, len(code_cells(notebook)) + 1))
    assert str(notebook).count("image/png") == 3
    assert str(REPOSITORY) not in str(notebook)


@pytest.mark.timeout(400)
def test_it_runs_and_gives_the_same_kinds_of_outputs_and_leaves_nothing_running(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs_dir = tmp_path / "runs"
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(data_dir))
    monkeypatch.setenv("MLEBENCH_RUNS_DIR", str(runs_dir))  # also how what is left would be found
    monkeypatch.setenv("MLEBENCH_ENV_FILE", str(tmp_path / ".env"))
    notebook = read()
    [parameters] = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    parameters.source += SMALL.format(runs_dir=str(runs_dir), port=free_port())
    before = set(REPOSITORY.iterdir())
    execute(notebook, cell_secs=300)
    assert kinds_of_outputs(notebook) == kinds_of_outputs(read())
    [ended] = code_cells(notebook)[-1].outputs
    assert ended.text == "the server ended well\n"
    wait_until(lambda: not at_work(runs_dir), timeout_secs=30, description="all its processes are gone")
    assert set(REPOSITORY.iterdir()) == before
