"""Metrics of texts and of lists of words: cells that hold several labels, guesses, or a passage."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grading.metrics.metric import check_shape

if TYPE_CHECKING:
    import pandas as pd


def map_at_5(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Mean average precision at 5: `mean_average_precision` of the first five guesses."""
    return mean_average_precision(truth, prediction, guesses=5)


def map_at_12(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Mean average precision at 12: `mean_average_precision` of the first twelve guesses."""
    return mean_average_precision(truth, prediction, guesses=12)


def mean_average_precision(truth: "pd.DataFrame", prediction: "pd.DataFrame", *, guesses: int) -> float:
    """Mean over rows of the average precision of the first k guesses.

    A row's: the sum of (hits so far / rank) over the ranks of new hits, divided by min(number of true labels, k).
    A guess is a hit where it is a true label that no earlier guess named. Cells are split at every single blank, so
    that a double blank is an empty guess.
    """
    check_shape(truth, prediction, columns=1)
    total = 0.0
    for true, guessed in _cells(truth, prediction):
        labels = set(true.split(" "))
        hits, precision = 0, 0.0
        # A hostile cell may hold a gigabyte: only its beginning is split.
        for rank, guess in enumerate(guessed.split(" ", guesses)[:guesses], start=1):
            if guess in labels:
                labels.discard(guess)
                hits += 1
                precision += hits / rank
        total += precision / min(hits + len(labels), guesses)
    return total / len(truth)


def micro_f1_of_labels(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """F1 = 2 TP / (2 TP + FP + FN) over all (row, label) pairs; 0 where nothing is predicted.

    A cell is a set of labels between white space. Predicted labels that no row of the truth has are ignored: they
    are no false positives (as scikit-learn's MultiLabelBinarizer of the true labels, and f1_score with
    average="micro").
    """
    check_shape(truth, prediction, columns=1)
    known = {label for cell in truth.iloc[:, 0] for label in cell.split()}
    hits = marked = 0
    for true, guessed in _cells(truth, prediction):
        labels, named = set(true.split()), known.intersection(guessed.split())
        hits += len(labels & named)
        marked += len(labels) + len(named)
    return 2 * hits / marked


def mean_word_jaccard(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Mean over rows of |A and B| / |A or B|: the sets of words, in lower case, of truth and prediction.

    Words are what stands between white space. A row without any word on both sides counts 0.
    """
    check_shape(truth, prediction, columns=1)
    total = 0.0
    for true, guessed in _cells(truth, prediction):
        words, named = set(true.lower().split()), set(guessed.lower().split())
        total += len(words & named) / max(len(words | named), 1)
    return total / len(truth)


def mean_levenshtein(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Mean over rows of the Levenshtein distance between truth and prediction.

    The least number of insertions, deletions and substitutions of Unicode characters (Levenshtein 1966).
    """
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cpdist

    check_shape(truth, prediction, columns=1)
    true, guessed = truth.iloc[:, 0].tolist(), prediction.iloc[:, 0].tolist()
    return float(cpdist(true, guessed, scorer=Levenshtein.distance).mean(dtype=float))


def _cells(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> Iterator[tuple[str, str]]:
    return zip(truth.iloc[:, 0].tolist(), prediction.iloc[:, 0].tolist(), strict=True)
