"""Raw files that Kaggle's archive does not hold: they are fetched from where their owners publish them."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from core.errors import DataError
from core.files import replacing

TIMEOUT_SECS = 60.0  # without a byte
CHUNK_BYTES = 1 << 20
WAITS_SECS = (1.0, 5.0)  # before the second and the third try


def fetch_missing(competition_id: str, files: Mapping[str, str], raw: Path, *, log: Callable[[str], None]) -> None:
    """Download the files that are not there yet. Each appears when all of it is there.

    Args:
        files: names in `raw`, with their addresses.
        raw: the competition's folder of raw data.
        log: takes a line about each file, and each try that failed.

    Raises:
        DataError: one cannot be had; the text says where to put it by hand.
    """
    for name, address in files.items():
        if not (raw / name).exists():
            log(f"downloading {name} from {address}")
            _fetch(competition_id, address, raw / name, log)


def _fetch(competition_id: str, address: str, path: Path, log: Callable[[str], None]) -> None:
    import requests

    for wait in (*WAITS_SECS, None):
        try:
            with (
                replacing(path) as temporary,
                requests.get(address, stream=True, timeout=TIMEOUT_SECS) as answer,
                temporary.open("wb") as file,
            ):
                answer.raise_for_status()
                for chunk in answer.iter_content(CHUNK_BYTES):  # raises where fewer bytes come than were announced
                    file.write(chunk)
            return
        except (requests.RequestException, OSError) as error:
            if wait is None:
                raise DataError(
                    f"{path.name} of {competition_id} cannot be downloaded from {address}: {error}; download it "
                    f"elsewhere and put it into {path.parent}"
                ) from error
            log(f"{path.name}: {error}; trying again in {wait:g} s")
            time.sleep(wait)
