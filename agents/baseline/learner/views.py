"""Matrices that models learn from, made once from all rows without looking at any target."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import QuantileTransformer

from .tidy import Tidy

TOPICS = 24  # of the texts, for trees: they cannot use ten thousand words
WORD = r"(?u)\b\w+\b"  # also of one letter: "I", "5"
RARE_ROWS = 5  # levels that are rarer are taken together


@dataclass(frozen=True)
class Views:
    """Different ways to look at the same rows (train first, then test)."""

    tidy: Tidy
    pixels: NDArray[np.float32] | None = None

    @cached_property
    def rows(self) -> NDArray[np.float64]:
        """Nothing but that there are rows."""
        return np.zeros((len(self.tidy.numbers), 1))

    @cached_property
    def trees(self) -> NDArray[np.float64]:
        """Numbers, texts' topics, pixels, categories with few levels, and last those with many levels."""
        parts: list[NDArray[np.float64]] = [self.tidy.numbers.to_numpy(dtype=float)]
        if not self.tidy.texts.empty:
            parts.append(self.topics)
        if self.pixels is not None:
            parts.append(self.pixels.astype(float))
        parts += [self.tidy.categories[self.tidy.few + self.tidy.many].to_numpy(dtype=float)]
        return np.hstack(parts)

    @cached_property
    def topics(self) -> NDArray[np.float64]:
        """The texts' words in a few columns."""
        if self.words.shape[1] <= TOPICS:
            return np.asarray(self.words.toarray())
        return np.asarray(TruncatedSVD(TOPICS, random_state=0).fit_transform(self.words))

    @cached_property
    def words(self) -> sparse.csr_matrix:
        """TF-IDF of words and pairs of words, of all texts side by side."""
        return sparse.csr_matrix(sparse.hstack([_words(self.tidy.texts[name]) for name in self.tidy.texts]))

    @cached_property
    def linear(self) -> sparse.csr_matrix:
        """Numbers bent to a bell curve, one column per level of each category, words, pixels."""
        parts = [sparse.csr_matrix(_bent(self.tidy.numbers))] if not self.tidy.numbers.empty else []
        parts += [_levels(self.tidy.categories[name]) for name in self.tidy.categories]
        if not self.tidy.texts.empty:
            parts.append(self.words)
        if self.pixels is not None:
            parts.append(sparse.csr_matrix(self.pixels))
        return sparse.csr_matrix(sparse.hstack(parts))

    @cached_property
    def dense(self) -> NDArray[np.float64]:
        """As `linear`, for models that know no sparse matrices; without words."""
        parts = [_bent(self.tidy.numbers)]
        parts += [_levels(self.tidy.categories[name]).toarray() for name in self.tidy.few]
        if self.pixels is not None:
            parts.append(self.pixels.astype(float))
        return np.hstack(parts)

    @property
    def has_columns(self) -> bool:
        """Whether there are numbers or categories."""
        return not (self.tidy.numbers.empty and self.tidy.categories.empty)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to learn from."""
        return not self.has_columns and self.tidy.texts.empty and self.pixels is None


def _words(texts: pd.Series) -> sparse.csr_matrix:
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), min_df=2, max_features=60_000, sublinear_tf=True, token_pattern=WORD
    )
    try:
        return vectorizer.fit_transform(texts)
    except ValueError:  # no word stands in two rows
        return sparse.csr_matrix((len(texts), 1))


def _bent(numbers: pd.DataFrame) -> NDArray[np.float64]:
    """Quantiles as a bell curve, gaps as its middle, and a column for each column with gaps."""
    if numbers.empty:
        return np.empty((len(numbers), 0))
    bend = QuantileTransformer(
        n_quantiles=min(200, len(numbers)), output_distribution="normal", subsample=20_000, random_state=0
    )
    gaps = numbers.isna()
    bent = np.nan_to_num(bend.fit_transform(numbers.to_numpy(dtype=float))) / 2
    return np.hstack([bent, gaps.loc[:, gaps.any()].to_numpy(dtype=float)])


def _levels(codes: pd.Series) -> sparse.csr_matrix:
    """One column per level, one for all rare levels, and none for gaps."""
    counts = codes.value_counts()
    common = sorted(counts.index[counts >= RARE_ROWS])
    columns = codes.map({code: number for number, code in enumerate(common)}).fillna(len(common))
    rows = np.flatnonzero(codes.notna())
    shape = (len(codes), len(common) + 1)
    return sparse.csr_matrix((np.ones(len(rows)), (rows, columns.to_numpy()[rows].astype(int))), shape=shape)
