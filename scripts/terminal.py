"""How every command speaks: results on standard output, the rest on standard error, errors in one line."""

import logging
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from core.errors import InputError, MlebenchError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WRONG_INPUT = 2
LOST_TO_MACHINERY = 1
INTERRUPTED = 130  # 128 + SIGINT
LOG_WIDTH = 160


def run_command(command: Callable[..., Any]) -> None:
    """Run a typer application or function; the project's errors become one line and an exit code, no traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    try:
        command()
    except InputError as error:
        say_error(error)
        sys.exit(WRONG_INPUT)
    except MlebenchError as error:
        say_error(error)
        sys.exit(LOST_TO_MACHINERY)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def console_for(*, as_json: bool) -> "Console":
    """Give the console for progress and tables: standard error where standard output carries JSON."""
    from rich.console import Console  # only where something is shown: --help is to be quick

    # Messages quote what agents wrote: no text is markup, or a submission's header [/x] would end in a traceback.
    plain = partial(Console, stderr=as_json, markup=False, emoji=False)
    console = plain()
    # A log or a pipe has no width of its own; the 80 columns that would be assumed fold the tables.
    return console if console.is_terminal else plain(width=LOG_WIDTH)


def show_table(table: "Table", console: "Console") -> None:
    """Print a table; where the terminal is too narrow for it, each row as its first cell and a line of all others."""
    from rich.measure import Measurement
    from rich.text import Text

    wide = console.options.update(max_width=10 * LOG_WIDTH)
    if Measurement.get(console, wide, table).maximum <= console.width:
        console.print(table)
        return
    titles = [f"{column.header}" for column in table.columns[1:]]
    for first, *others in zip(*(column.cells for column in table.columns), strict=True):
        console.print(Text(f"{first}", style="bold"), soft_wrap=True)
        said = [f"{title}: {cell}" for title, cell in zip(titles, others, strict=True) if f"{cell}"]
        console.print(f"  {', '.join(said)}", highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Write a line to standard error."""
    typer.echo(text, err=True)


def say_error(error: Exception) -> None:
    """Write an error to standard error."""
    say(f"error: {error}")


def single(function: Callable[..., Any]) -> Callable[[], Any]:
    """Make a command of one function, whose options are its parameters."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(function)
    return app
