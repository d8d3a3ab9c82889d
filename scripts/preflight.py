"""Saying beforehand what preparing would take, and whether it would work."""

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scripts.terminal import LOST_TO_MACHINERY, console_for, say
from tasks.disk import free_bytes
from tasks.preflight import Outlook, ask_kaggle, lacking, needed_together, outlook
from tasks.progress import human
from tasks.registry import Competition
from worker import preparing
from worker.places import Place
from worker.settings import kaggle_credentials, load_settings


def show_plan(entries: Sequence[Competition], data: Place, *, keep_raw: bool) -> None:
    """Print what `prepare` would do, without asking Kaggle and without doing it."""
    outlooks = _outlooks(entries, data)
    console = console_for(as_json=False)
    table = Table("competition", "would", "download", "disk needed", "disk free")
    for one in outlooks:
        table.add_row(one.competition_id, _doing(one), _download(one), _need(one), human(one.free_bytes))
    console.print(table)
    _say_more(outlooks, console)
    _say_together(outlooks, data, console, keep_raw=keep_raw)


def check(entries: Sequence[Competition], data: Place, *, keep_raw: bool, as_json: bool) -> None:
    """Print for each competition whether it could be prepared, and what is missing; exits with 1 when any could not.

    Raises:
        InputError: the data folder cannot be used, or a file of credentials is broken.
    """
    outlooks = _outlooks(entries, data)
    credentials = kaggle_credentials(load_settings()) if any(one.downloads for one in outlooks) else None
    outlooks = ask_kaggle(outlooks, credentials, log=say)
    needed, free = needed_together(outlooks, keep_raw=keep_raw), free_bytes(data.folder)
    lack = lacking(needed, free)
    fine = lack is None and not any(one.problems for one in outlooks)
    if as_json:
        together = {"fine": fine, "needed_bytes": needed, "free_bytes": free}
        print(json.dumps({**together, "competitions": [one.to_json() for one in outlooks]}, indent=2))
    else:
        console = console_for(as_json=False)
        console.print(_table(outlooks))
        _say_more(outlooks, console)
        _say_together(outlooks, data, console, keep_raw=keep_raw)
    if not fine:
        sys.exit(LOST_TO_MACHINERY)


def _outlooks(entries: Sequence[Competition], data: Place) -> list[Outlook]:
    return [outlook(entry, data.folder, prepared=preparing.is_shared(entry, data)) for entry in entries]


def _table(outlooks: Sequence[Outlook]) -> Table:
    table = Table()
    for title in (
        "competition",
        "prepared",
        "credentials",
        "rules",
        "checksum",
        "download",
        "disk needed",
        "disk free",
    ):
        table.add_column(title, no_wrap=title == "competition")
    table.add_column("would work")
    for one in outlooks:
        table.add_row(
            one.competition_id,
            "yes" if one.prepared else "no",
            {True: "yes", False: "none", None: "-"}[one.credentials],
            {True: "accepted", False: "not accepted", None: "?" if one.downloads else "-"}[one.rules_accepted],
            {True: "known", False: "not known", None: "-"}[one.checksum_known],
            _download(one),
            _need(one),
            human(one.free_bytes),
            Text("no", style="red") if one.problems else Text("yes", style="green"),
        )
    return table


def _say_more(outlooks: Sequence[Outlook], console: Console) -> None:
    for one in outlooks:
        for problem in one.problems:
            _line(console, one, problem)
        if one.unknowns and not one.prepared:
            _line(console, one, f"not known: {'; '.join(one.unknowns)}")


def _line(console: Console, one: Outlook, text: str) -> None:
    named = text if text.startswith(f"{one.competition_id}:") else f"{one.competition_id}: {text}"
    console.print(named, highlight=False, markup=False, soft_wrap=True)


def _say_together(outlooks: Sequence[Outlook], data: Place, console: Console, *, keep_raw: bool) -> None:
    needed, free = needed_together(outlooks, keep_raw=keep_raw), free_bytes(data.folder)
    missing = [one for one in outlooks if one.downloads]
    sizes = [one.download_bytes for one in missing if one.download_bytes is not None]
    lines = [
        f"{len(missing)} of {len(outlooks)} to download; "
        f"the size of {len(sizes)} is known, {human(sum(sizes))} together",
        f"all together need at least {human(needed)} of disk, as far as is known, one after the other"
        f"{' and with raw data kept' if keep_raw else ''}; {human(free)} are free",
    ]
    if lack := lacking(needed, free):
        lines.append(f"too little for all together: {lack}")
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _doing(one: Outlook) -> str:
    if one.prepared:
        return "do nothing, it is prepared"
    return "download, unpack, prepare" if one.downloads else "prepare from what is here"


def _download(one: Outlook) -> str:
    if not one.downloads:
        return "-"
    return "?" if one.download_bytes is None else human(one.download_bytes)


def _need(one: Outlook) -> str:
    if one.prepared:
        return "-"
    return "?" if one.need is None else human(one.need.total)
