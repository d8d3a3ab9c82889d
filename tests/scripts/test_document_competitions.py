"""docs/competitions.md is what its script makes of the folders."""

from scripts.document_competitions import PAGE, page
from tasks.registry import COMPETITIONS, list_competitions


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python scripts/document_competitions.py"


def test_every_competition_is_on_the_page_once() -> None:
    text = page()
    for name in list_competitions([COMPETITIONS]):
        assert text.count(f"| `{name}` |") == 1
