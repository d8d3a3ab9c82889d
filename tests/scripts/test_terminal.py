"""How commands show what came out."""

import pytest
from rich.table import Table

from scripts.terminal import console_for


def test_what_looks_like_markup_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("status")
    table.add_row("the header has '[/red]', ':warning:'")
    console = console_for(as_json=False)
    console.print(table)
    console.print("the header has [bold]")
    assert "'[/red]', ':warning:'" in (out := capsys.readouterr().out) and "[bold]" in out
