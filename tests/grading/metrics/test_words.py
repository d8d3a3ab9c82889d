"""Metrics of texts and lists of words against brute force and scikit-learn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.preprocessing import MultiLabelBinarizer

from grading.metrics import score, words
from tests.grading.metrics.columns import QUICK, column

cells = st.lists(
    st.sampled_from(["a", "b", "c", "d e", "A b", "b b a", "e f g a", "", " ", "é"]), min_size=1, max_size=8
)


def _average_precision(true: str, guessed: str, guesses: int) -> float:
    labels, first = set(true.split(" ")), guessed.split(" ")[:guesses]
    hits = [guess in labels and guess not in first[:rank] for rank, guess in enumerate(first)]
    return sum(sum(hits[: rank + 1]) / (rank + 1) for rank, hit in enumerate(hits) if hit) / min(len(labels), guesses)


@QUICK
@given(cells, st.data(), st.integers(1, 4))
def test_mean_average_precision_is_its_definition(true: list[str], data: st.DataObject, guesses: int) -> None:
    guessed = data.draw(st.lists(st.text("abcde  ", max_size=9), min_size=len(true), max_size=len(true)))
    expected = sum(_average_precision(*pair, guesses) for pair in zip(true, guessed, strict=True)) / len(true)
    found = words.mean_average_precision(column(true), column(guessed), guesses=guesses)
    assert found == pytest.approx(expected)


def test_only_the_first_guesses_count() -> None:
    assert score("map_at_5", column(["a"]), column(["b c d e a"])) == 0.2
    assert score("map_at_5", column(["a"]), column(["b c d e f a"])) == 0.0
    assert score("map_at_5", column(["a"]), column(["b  a"])) == 0.33333  # the double blank is a guess
    assert score("map_at_12", column(["a"]), column(["b c d e f a"])) == 0.16667


@QUICK
@given(cells, st.data())
def test_micro_f1_of_labels_is_scikit_learns(true: list[str], data: st.DataObject) -> None:
    true = [*true, "a f"]  # with one label alone, the reference would take the matrix for a binary column
    guessed = data.draw(st.lists(st.text("abcx ", max_size=9), min_size=len(true), max_size=len(true)))
    binarizer = MultiLabelBinarizer().fit([cell.split() for cell in true])
    known = set(binarizer.classes_)
    named = binarizer.transform([[label for label in cell.split() if label in known] for cell in guessed])
    truth = binarizer.transform([cell.split() for cell in true])
    expected = reference.f1_score(truth, named, average="micro", zero_division=0)
    assert words.micro_f1_of_labels(column(true), column(guessed)) == pytest.approx(expected)


def test_labels_that_are_never_true_cost_nothing() -> None:
    assert score("micro_f1_of_labels", column(["a b", "b"]), column(["b a z", "b y"])) == 1.0
    assert score("micro_f1_of_labels", column(["a b", "b"]), column(["", "z"])) == 0.0


@pytest.mark.parametrize(
    ("true", "guessed", "expected"),
    [
        ("The cat", "the  CAT", 1.0),
        ("the cat", "the dog", 0.33333),
        ("the cat.", "the cat", 0.33333),
        ("a a a", "a", 1.0),
        ("", "", 0.0),
        ("a", "", 0.0),
    ],
)
def test_word_jaccard_of_known_pairs(true: str, guessed: str, expected: float) -> None:
    assert score("mean_word_jaccard", column([true]), column([guessed])) == expected


def _levenshtein(first: str, second: str) -> int:
    if not first or not second:
        return len(first) + len(second)
    kept = _levenshtein(first[1:], second[1:])
    if first[0] == second[0]:
        return kept
    return 1 + min(kept, _levenshtein(first[1:], second), _levenshtein(first, second[1:]))


@QUICK
@given(st.lists(st.tuples(st.text("abé😀", max_size=5), st.text("abé😀", max_size=5)), min_size=1, max_size=4))
def test_mean_levenshtein_is_its_definition(pairs: list[tuple[str, str]]) -> None:
    expected = sum(_levenshtein(*pair) for pair in pairs) / len(pairs)
    first, second = (list(side) for side in zip(*pairs, strict=True))
    assert words.mean_levenshtein(column(first), column(second)) == pytest.approx(expected)
