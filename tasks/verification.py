"""Whether prepared files are the reference benchmark's, to the byte: their MD5 sums against checksums.yaml.

Archives and tables in binary formats have only to be there, since their bytes depend on the version of what wrote them;
their preparers assert what is in them.
"""

import hashlib
from pathlib import Path

from core.errors import DataError
from tasks.schema import ChecksumsFile

WRITER_DEPENDENT = (".zip", ".7z", ".tar", ".gz", ".tgz", ".parquet", ".feather")
SHOWN = 3  # of several wrong files


def verify_prepared(competition_id: str, checksums: ChecksumsFile, folder: Path, *, raw: Path) -> None:
    """Check the files below `folder`, a prepared/.

    Args:
        raw: where the raw data is, for the message.

    Raises:
        DataError: one of them is missing or differs; names it, and what was expected and found.
    """
    wrong = [
        fault
        for part, sums in (("public", checksums.public), ("private", checksums.private))
        for name, expected in sums.items()
        if (fault := _fault(folder / part / name, f"{part}/{name}", expected))
    ]
    if wrong:
        more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise DataError(
            f"the prepared data of {competition_id} is not the reference's: {'; '.join(wrong[:SHOWN])}{more}. "
            f"The raw data is kept in {raw}: delete it to download it again, or prepare with --skip-verification "
            "to use it as it is, with scores that are not comparable"
        )


def _fault(path: Path, name: str, expected: str) -> str | None:
    if not path.is_file():
        return f"{name} is missing, expected MD5 {expected}"
    if name.endswith(WRITER_DEPENDENT):
        return None
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return None if found == expected else f"{name} has MD5 {found}, expected {expected}"
