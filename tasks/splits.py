"""Splits: text files that name competitions, one id a line; # starts a comment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError, UnknownName
from tasks.registry import UNSAFE_CHARACTER, list_competitions

SPLITS = Path(__file__).resolve().parent.parent / "splits"


@dataclass(frozen=True, kw_only=True)
class Split:
    """Competitions that are run together, in the order of the file."""

    name: str  # file name without .txt
    competitions: tuple[str, ...]


def list_splits() -> list[str]:
    """Names of the splits in the repository, sorted."""
    return sorted(path.stem for path in SPLITS.glob("*.txt"))


def load_split(name_or_path: str, *, roots: Sequence[Path]) -> Split:
    """Read the split of that name, or the .txt file at that path.

    Raises:
        UnknownName: no split has that name.
        InputError: the file is unreadable, empty, repeats an id, has stray characters, or names a competition
            that none of `roots` holds; the text has the line number.
    """
    path = _find(name_or_path)
    known = list_competitions(roots)
    first_lines: dict[str, int] = {}
    for number, name in _names(path):
        where = f"split {path}, line {number}"
        if stray := UNSAFE_CHARACTER.search(name):
            raise InputError(
                f"{where}: stray character {stray[0]!r} in {name[:80]!r}; "
                "expected one competition id a line, # starts a comment"
            )
        if name in first_lines:
            raise InputError(f"{where}: {name!r} stands already in line {first_lines[name]}; remove one of them")
        if name not in known:
            raise InputError(f"{where}: {UnknownName('competition', name, known)}")
        first_lines[name] = number
    if not first_lines:
        raise InputError(f"split {path} is empty; expected one competition id a line")
    return Split(name=path.stem, competitions=tuple(first_lines))


def _find(name_or_path: str) -> Path:
    if name_or_path.endswith(".txt"):
        path = Path(name_or_path)
        if not path.is_file():
            raise InputError(f"there is no split file {name_or_path}; give a .txt file or one of: {_listed()}")
        return path
    if name_or_path not in list_splits():
        raise UnknownName("split", name_or_path, list_splits())
    return SPLITS / f"{name_or_path}.txt"


def _listed() -> str:
    return ", ".join(list_splits())


def _names(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers from 1 and what stands there, without comments and blank lines."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"split {path} cannot be read as UTF-8 text: {error}") from error
    for number, line in enumerate(text.split("\n"), start=1):
        # Blanks and tabs only: any other white space is a stray character and shall be seen.
        name = line.split("#", 1)[0].strip(" \t\r")
        if name:
            yield number, name
