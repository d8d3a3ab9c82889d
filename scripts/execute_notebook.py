"""Execute demo.ipynb anew and keep its outputs in it, after a change of its code.

    python scripts/execute_notebook.py

It runs what the notebook runs, which takes minutes. A test holds the outputs to the code that they come from.
"""

import hashlib
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

from core.files import write_text

REPOSITORY = Path(__file__).resolve().parent.parent
NOTEBOOK = REPOSITORY / "demo.ipynb"
HASH = "executed_code"  # in the notebook's metadata
CELL_SECS = 1800


def main() -> None:
    """Entry point of the command."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    execute(notebook, cell_secs=CELL_SECS)
    notebook.metadata[HASH] = code_hash(notebook)
    write_text(NOTEBOOK, nbformat.writes(notebook) + "\n")


def execute(notebook: Any, *, cell_secs: float) -> None:
    """Execute a notebook in a kernel of its own, in the repository's folder; its outputs are those of its cells then.

    Args:
        notebook: of nbformat; changed in place.
        cell_secs: how long a cell may take.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised.
    """
    NotebookClient(
        notebook,
        kernel_name="python3",
        config=Config(KernelManager={"transport": "ipc"}),  # TCP would be open to others on this host
        timeout=cell_secs,
        resources={"metadata": {"path": str(REPOSITORY)}},
        coalesce_streams=True,
        record_timing=False,
    ).execute()


def code_hash(notebook: Any) -> str:
    """Give the SHA-256 of all code of a notebook."""
    code = "\0".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()


if __name__ == "__main__":
    main()
