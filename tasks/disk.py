"""Whether the data folder can be written, and whether its disk has room."""

import os
import shutil
from pathlib import Path

from core.errors import InputError

FREE_BYTES = 512 * 1024**2  # stays free on the data folder's disk beside what a preparation needs


def check_data_dir(data_dir: Path, *, needed_bytes: int = 0, purpose: str = "") -> None:
    """Check that the data folder can be written, or created, and that its disk has room; writes nothing.

    Args:
        purpose: what the bytes are needed for, for the error's text.

    Raises:
        InputError: it cannot, or the disk lacks `needed_bytes` and the reserve.
    """
    free = free_bytes(data_dir)
    if free < needed_bytes + FREE_BYTES:
        raise InputError(
            f"{f'{purpose}: ' if purpose else ''}the disk of the data folder {data_dir} is nearly full: "
            f"{free:,} bytes free, {needed_bytes + FREE_BYTES:,} needed; "
            "free some, or choose another folder with --data-dir"
        )


def free_bytes(data_dir: Path) -> int:
    """Bytes that are free on the disk of the data folder, which need not exist yet.

    Raises:
        InputError: the folder cannot be written or created.
    """
    try:
        existing = next(path for path in (data_dir.absolute(), *data_dir.absolute().parents) if path.exists())
    except PermissionError as error:
        raise unwritable(data_dir, error) from error
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise unwritable(data_dir, f"{existing} is not a folder that this user may write to")
    return shutil.disk_usage(existing).free


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder, links not followed; 0 when there is none."""
    return sum((Path(parent) / name).lstat().st_size for parent, _, names in os.walk(folder) for name in names)


def unwritable(data_dir: Path, reason: object) -> InputError:
    """The error about a data folder that cannot be written."""
    return InputError(
        f"the data folder {data_dir} cannot be written: {reason}; choose another with --data-dir or MLEBENCH_DATA_DIR"
    )
