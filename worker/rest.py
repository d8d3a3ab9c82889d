"""For how long an agent was frozen while its worker had no database: that time is not the agent's."""

import logging
from pathlib import Path

from core.files import write_text

log = logging.getLogger(__name__)


class Rest:
    """Noted in a file, for who adopts the agent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.secs = float(path.read_text(encoding="ascii")) if path.exists() else 0.0

    def add(self, secs: float) -> None:
        """Note a further time of rest."""
        self.secs += secs
        try:
            write_text(self._path, f"{self.secs:.3f}")
        except OSError as error:  # only who would adopt the agent misses it
            log.warning("not noted that an agent rested: %s", error)
