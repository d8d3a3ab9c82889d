"""Serve runs over HTTP; `python server.py` and `mlebench serve` are this."""

from typing import Annotated

import typer

from scripts.terminal import run_command, single

Host = Annotated[str, typer.Option(help="the address to listen on; anything but loopback needs MLEBENCH_API_TOKEN")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="the port; 0: any that is free")]


def serve(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Serve runs over HTTP until it is told to stop."""
    from server.serving import serve as listen  # only here: --help is to be quick

    listen(host=host, port=port)


def main() -> None:
    """Entry point of the command."""
    run_command(single(serve))
