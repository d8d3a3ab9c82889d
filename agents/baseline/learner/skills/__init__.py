"""Answers to technique tasks: what public data shows by honest statistics, with the evidence in the answer."""

from collections.abc import Callable
from typing import Any

from . import balance, encode, leaks, missing, scale, validation
from .tables import Tables

ANSWERS: dict[str, Callable[[Tables], dict[str, Any]]] = {
    "imbalance": balance.answer,
    "missing": missing.answer,
    "encoding": encode.answer,
    "cv": validation.answer,
    "scaling": scale.answer,
    "leakage": leaks.answer,
}
