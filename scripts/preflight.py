"""Saying beforehand what preparing would take, and whether it would work."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scripts.terminal import LOST_TO_MACHINERY, console_for, say, show_table
from tasks.disk import free_bytes
from tasks.kaggle import Credentials
from tasks.preflight import Outlook, ask_kaggle, lacking, needed_together, outlook
from tasks.progress import human, human_secs
from tasks.registry import Competition
from tasks.sizes import Sizes, ask_sizes
from worker import preparing
from worker.places import Place
from worker.settings import kaggle_credentials, load_settings

ASSUMED_BYTES_PER_SEC = 20e6  # of a download, where it was not measured


def show_plan(entries: Sequence[Competition], data: Place, *, keep_raw: bool) -> None:
    """Print what `prepare` would do and how long downloading would take, without doing it.

    Where there is a Kaggle account, Kaggle is asked for the sizes, and how fast data comes is measured.

    Raises:
        InputError: the data folder cannot be used, or a file of credentials is broken.
    """
    outlooks, sizes = _outlooks(entries, data), Sizes()
    if credentials := _account(outlooks):
        sizes = ask_sizes([one.competition_id for one in outlooks if one.downloads], credentials, log=say)
        outlooks = _with_sizes(outlooks, entries, data, sizes)
    console = console_for(as_json=False)
    table = Table("competition", "would", "download", "takes", "disk needed", "disk free")
    for one in outlooks:
        takes = _secs(one, sizes)
        table.add_row(
            one.competition_id,
            _doing(one),
            _download(one),
            "-" if not one.downloads else "?" if takes is None else human_secs(takes),
            _need(one),
            human(one.free_bytes),
        )
    show_table(table, console)
    _say_more(outlooks, console)
    _say_together(outlooks, sizes, data, console, keep_raw=keep_raw)


def check(entries: Sequence[Competition], data: Place, *, keep_raw: bool, as_json: bool) -> None:
    """Print for each competition whether it could be prepared, and what is missing; exits with 1 when any could not.

    Raises:
        InputError: the data folder cannot be used, or a file of credentials is broken.
    """
    outlooks, sizes = _outlooks(entries, data), Sizes()
    credentials = _account(outlooks)
    outlooks = ask_kaggle(outlooks, credentials, log=say)
    if credentials is not None:
        sizes = ask_sizes([one.competition_id for one in outlooks if one.rules_accepted], credentials, log=say)
        outlooks = _with_sizes(outlooks, entries, data, sizes)
    needed, free = needed_together(outlooks, keep_raw=keep_raw), free_bytes(data.folder)
    lack = lacking(needed, free)
    fine = lack is None and not any(one.problems for one in outlooks)
    if as_json:
        together = {"fine": fine, "needed_bytes": needed, "free_bytes": free}
        print(json.dumps({**together, "competitions": [one.to_json() for one in outlooks]}, indent=2))
    else:
        console = console_for(as_json=False)
        show_table(_table(outlooks), console)
        _say_more(outlooks, console)
        _say_together(outlooks, sizes, data, console, keep_raw=keep_raw)
    if not fine:
        sys.exit(LOST_TO_MACHINERY)


def _outlooks(entries: Sequence[Competition], data: Place) -> list[Outlook]:
    return [outlook(entry, data.folder, prepared=preparing.is_shared(entry, data)) for entry in entries]


def _account(outlooks: Sequence[Outlook]) -> Credentials | None:
    return kaggle_credentials(load_settings()) if any(one.downloads for one in outlooks) else None


def _with_sizes(
    outlooks: Sequence[Outlook], entries: Sequence[Competition], data: Place, sizes: Sizes
) -> list[Outlook]:
    """Add what Kaggle said of the archives' sizes, or why it did not."""
    found = []
    for entry, one in zip(entries, outlooks, strict=True):
        if size := sizes.archive_bytes.get(entry.id):
            known = outlook(entry, data.folder, archive_bytes=size)
            found.append(replace(known, credentials=one.credentials, rules_accepted=one.rules_accepted))
        elif (why := sizes.unknown.get(entry.id)) and one.unknowns:
            explained = f"{one.unknowns[0]} ({why.removeprefix(f'{entry.id}: ')})"
            found.append(replace(one, unknowns=(explained, *one.unknowns[1:])))
        else:
            found.append(one)
    return found


def _secs(one: Outlook, sizes: Sizes) -> float | None:
    """Seconds that the download would take; None where its size is not known."""
    if one.download_bytes is None:
        return None
    return one.download_bytes / (sizes.bytes_per_sec or ASSUMED_BYTES_PER_SEC)


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


def _say_together(outlooks: Sequence[Outlook], sizes: Sizes, data: Place, console: Console, *, keep_raw: bool) -> None:
    needed, free = needed_together(outlooks, keep_raw=keep_raw), free_bytes(data.folder)
    missing = [one for one in outlooks if one.downloads]
    known = [one.download_bytes for one in missing if one.download_bytes is not None]
    rate, measured = sizes.bytes_per_sec or ASSUMED_BYTES_PER_SEC, sizes.bytes_per_sec is not None
    sizes_known = f"the size of {len(known)} is known, {human(sum(known))} together" if known else "no size is known"
    lines = [f"{len(missing)} of {len(outlooks)} to download" + (f"; {sizes_known}" if missing else "")]
    if known:
        lines.append(
            f"downloading {'these' if len(known) == len(missing) else f'those {len(known)}'} takes about "
            f"{human_secs(sum(known) / rate)} at {human(int(rate))}/s, "
            f"{'as measured just now' if measured else 'which is assumed'}; unpacking and preparing come on top"
        )
    if len(known) < len(missing):
        lines.append(
            f"how large the other {len(missing) - len(known)} are, only Kaggle knows: it is asked with an account"
        )
    if needed or not missing:
        lines.append(
            f"all together need at least {human(needed)} of disk, as far as is known, one after the other"
            f"{' and with raw data kept' if keep_raw else ''}; {human(free)} are free"
        )
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
