"""Files from the raw data to where they belong: linked or copied from a folder, unpacked from an archive."""

import json
import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

from core.errors import DataError
from tasks import archives


def names_in(source: Path, folder: str = "", *, suffix: str = "", recursive: bool = False) -> list[str]:
    """Names of the files in a folder of `source`, sorted as text, so that `10.png` stands before `2.png`.

    Args:
        source: a folder or an archive.
        folder: below `source`; "" is `source` itself.
        suffix: of the names that count, case-sensitive.
        recursive: also files in folders of the folder, by their path below it.

    Raises:
        DataError: there is no such folder.
    """
    prefix = f"{folder}/" if folder else ""
    if archives.is_archive(source):
        names = [name.removeprefix(prefix) for name in archives.members(source) if name.startswith(prefix)]
    else:
        names = list(_walk(source / folder, recursive=recursive))
    if not recursive:
        names = [name for name in names if "/" not in name]
    return sorted(name for name in names if name.endswith(suffix))


def copy_files(source: Path, target: Path, names: Mapping[str, str] | Iterable[str]) -> None:
    """Put files of `source` below `target`, bytes unchanged, so that nothing but their bytes tells what they are.

    The order in which files were made shows in their times and inode numbers, and raw data often comes class by class.
    So files are copied in the order of their new paths. Only those of a folder that keep their path, by which raw data
    is unpacked, are hard links where source and target are on one file system and the file is ours: never write into
    one of them.

    Args:
        source: a folder or an archive.
        target: a folder; it and those below it are made as needed.
        names: paths below `source`, each with its new path below `target`; alone, they keep it.

    Raises:
        DataError: a file is missing, or two would become one.
    """
    mapping = by_new_path(names)
    target.mkdir(parents=True, exist_ok=True)
    for folder in {os.path.dirname(new) for new in mapping.values()}:  # noqa: PTH120 - many times quicker
        (target / folder).mkdir(parents=True, exist_ok=True)
    if archives.is_archive(source):

        def unpack(name: str, content: IO[bytes]) -> None:
            archives.write_stream(content, target / mapping[name])

        archives.read_in_order(source, list(mapping), unpack, aside=target)
    else:
        for old, new in mapping.items():
            _link_or_copy(f"{source}/{old}", f"{target}/{new}", link=old == new)


def by_new_path(names: Mapping[str, str] | Iterable[str]) -> dict[str, str]:
    """Give old and new paths, in the order of the new ones.

    Raises:
        DataError: two would become one, or one leads elsewhere.
    """
    mapping = dict(names) if isinstance(names, Mapping) else {name: name for name in names}
    if len(set(mapping.values())) < len(mapping):
        raise DataError("two files would get the same name")
    for path in (*mapping, *mapping.values()):
        if path.startswith("/") or (".." in path and ".." in PurePosixPath(path).parts):
            raise DataError(f"a file has or would get the name {path!r}, which leads elsewhere")
    return dict(sorted(mapping.items(), key=lambda pair: pair[1]))


def write_json(value: Any, path: Path, **options: Any) -> None:
    """Write as Python's json.dump does: ASCII with escapes, no line end after the last. `options` are its own."""
    with path.open("x", encoding="utf-8", newline="\n") as file:
        json.dump(value, file, **options)


def _walk(folder: Path, *, recursive: bool) -> Iterable[str]:
    if not folder.is_dir():
        raise DataError(f"{folder} is missing, expected a folder")
    for root, _, files in os.walk(folder, followlinks=True):
        below = Path(root).relative_to(folder).as_posix()
        yield from files if below == "." else (f"{below}/{file}" for file in files)
        if not recursive:
            return


def _link_or_copy(old: str, new: str, *, link: bool) -> None:
    try:
        state = os.lstat(old)
        if link and stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid():
            try:
                os.link(old, new)
            except FileExistsError:
                raise
            except OSError:  # another file system, one without links, or too many of them
                _copy(old, new)
        else:
            _copy(old, new)
    except FileNotFoundError as error:
        raise DataError(f"{old} is missing") from error
    except FileExistsError as error:
        raise DataError(f"{new} would be written twice") from error


def _copy(old: str, new: str) -> None:
    if os.path.lexists(new):
        raise FileExistsError(new)
    shutil.copyfile(old, new)
