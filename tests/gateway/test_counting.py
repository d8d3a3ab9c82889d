"""Tokens, prices, streams and waits: what the gateway reads out of other people's answers."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from worker.gateway.events import Events, data_of, tells_usage_only
from worker.gateway.prices import IMAGE_TOKENS, OURS, Price, demand_of, nano, read_prices
from worker.gateway.requests import ENDPOINTS, admit
from worker.gateway.upstream import (
    LONGEST_BACKOFF_SECS,
    LONGEST_TOLD_SECS,
    may_be_retried,
    told_secs,
    upstream_of,
    wait_secs,
)
from worker.gateway.usage import Tokens, tokens_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        (
            {"usage": {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}},
            Tokens(input=9, cached_input=4, output=5),
        ),
        (
            {
                "response": {
                    "usage": {"input_tokens": 9, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 4}}
                }
            },
            Tokens(input=9, cached_input=4, output=5),
        ),
        ({"usage": {"prompt_tokens": 9, "total_tokens": 9}}, Tokens(input=9)),
        (
            {"usage": {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 99}}},
            Tokens(input=3, cached_input=3),
        ),
        ({"usage": None}, None),
        ({"usage": {"prompt_tokens": -1}}, None),
        ({"usage": {"prompt_tokens": True}}, None),
        ({"usage": [1]}, None),
        ({}, None),
    ],
)
def test_usage_of_all_kinds_is_read(answer: dict[str, Any], tokens: Tokens | None) -> None:
    assert tokens_of(answer) == tokens


numbers = st.none() | st.integers() | st.booleans() | st.text(max_size=3) | st.floats()
usages = st.dictionaries(
    st.sampled_from(["prompt_tokens", "input_tokens", "completion_tokens", "output_tokens", "prompt_tokens_details"]),
    numbers | st.fixed_dictionaries({"cached_tokens": numbers}),
)


@settings(deadline=None, max_examples=150)
@given(answer=st.fixed_dictionaries({"usage": usages | numbers, "response": st.none() | st.just({}) | usages}))
def test_a_usage_is_never_less_than_nothing(answer: dict[str, Any]) -> None:
    tokens = tokens_of(answer)
    assert tokens is None or 0 <= tokens.cached_input <= tokens.input
    assert tokens is None or tokens.output >= 0


EVENTS = [
    b'data: {"a": 1}\n\n',
    b": ping\r\n\r\n",
    b"event: x\ndata: {\ndata: }\n\n",
    b"data: [DONE]\n\n",
    b"data: rest",
]


@settings(deadline=None, max_examples=150)
@given(cuts=st.lists(st.integers(0, sum(map(len, EVENTS))), max_size=8))
def test_events_come_out_whole_however_they_arrive(cuts: list[int]) -> None:
    whole = b"".join(EVENTS)
    places = [0, *sorted(cuts), len(whole)]
    cutter = Events()
    found = [event for start, end in pairwise(places) for event in cutter.feed(whole[start:end])]
    assert found + cutter.finish() == EVENTS
    assert [data_of(event) for event in EVENTS] == [{"a": 1}, {}, {}, {}, {}]


@settings(deadline=None, max_examples=150)
@given(pieces=st.lists(st.binary(max_size=40), max_size=8))
def test_nothing_of_a_stream_is_lost(pieces: list[bytes]) -> None:
    cutter = Events()
    found = [event for piece in pieces for event in cutter.feed(piece)]
    assert b"".join(found + cutter.finish()) == b"".join(pieces)
    assert all(isinstance(data_of(event), dict) for event in found)


def test_the_chunk_that_only_tells_usage_is_known() -> None:
    assert tells_usage_only({"choices": [], "usage": {"prompt_tokens": 1}})
    assert not tells_usage_only({"choices": [{"delta": {}}], "usage": {"prompt_tokens": 1}})
    assert not tells_usage_only({"choices": [], "usage": None, "prompt_filter_results": []})


@pytest.mark.parametrize(
    ("headers", "secs"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Thu, 01 Jan 2026 00:01:00 GMT"}, 60.0),
        ({"retry-after": "Wed, 31 Dec 2025 00:00:00 GMT"}, 0.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_a_wait_is_read_in_all_its_forms(headers: dict[str, str], secs: float | None) -> None:
    assert told_secs(headers, NOW) == secs


@settings(deadline=None, max_examples=150)
@given(told=st.text(max_size=30) | st.floats().map(str) | st.datetimes().map(str), tries=st.integers(1, 10**6))
def test_no_wait_is_endless(told: str, tries: int) -> None:
    for headers in ({"retry-after": told}, {"retry-after-ms": told}, {}):
        assert 0 <= wait_secs(tries, headers) <= max(LONGEST_TOLD_SECS, LONGEST_BACKOFF_SECS)


def test_waits_grow() -> None:
    assert [wait_secs(tries, {}) <= 2.0 ** (tries - 2) for tries in range(1, 7)] == [True] * 6
    assert wait_secs(7, {}) >= 15


@pytest.mark.parametrize(
    ("status", "again"), [(408, True), (409, True), (429, True), (500, True), (529, True), (400, False)]
)
def test_what_may_become_another_answer_is_known(status: int, again: bool) -> None:
    assert may_be_retried(status, None, {}) is again
    assert not may_be_retried(status, "insufficient_quota", {})


def test_costs_are_exact() -> None:
    price = Price(input=2.5, cached_input=1.25, output=10, most_output_tokens=16384)
    assert price.nano_usd(Tokens(input=1000, cached_input=400, output=10)) == 600 * 2500 + 400 * 1250 + 10 * 10_000
    assert Price(input=0.0125, output=0, most_output_tokens=0).nano_usd(Tokens(input=1)) == 13, "12.5, rounded up"
    uncached = Price(input=10, output=30, most_output_tokens=4096)
    assert uncached.nano_usd(Tokens(input=10, cached_input=10)) == 100_000


def test_a_dated_model_costs_what_its_family_does_unless_it_is_listed() -> None:
    prices = read_prices(OURS)
    assert prices.of("gpt-4o-2024-08-06") == prices.of("gpt-4o")
    assert prices.of("gpt-4o-2024-05-13") != prices.of("gpt-4o")
    assert prices.of("gpt-4o-2024") is prices.of("gpt-99") is None


def test_the_table_names_its_date_and_source_and_is_plausible() -> None:
    prices = read_prices(OURS)
    assert prices.date < datetime.now(UTC).date() + timedelta(days=365) and prices.source
    for name, price in prices.models.items():
        assert price.cached_input is None or price.cached_input <= price.input, name
        assert (price.output > 0) == (price.most_output_tokens > 0) == ("embedding" not in name), name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("models: {}", "date: Field required"),
        ("date: 2026-01-01\nsource: x\nmodels: {m: {input: -1, output: 1, most_output_tokens: 1}}", "models.m.input"),
        ("date: 2026-01-01\nsource: x\nmodels: {m: {input: .inf, output: 1, most_output_tokens: 1}}", "models.m.input"),
        ("{", "cannot be read"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_prices(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_prices(tmp_path / "missing.yaml")


def test_a_demand_is_the_most_that_a_call_can_cost() -> None:
    price = Price(input=1, output=2, most_output_tokens=1000)
    plain = {"model": "m", "messages": [{"role": "user", "content": "x" * 5000}]}
    chat = ENDPOINTS["/chat/completions"]
    free = demand_of(admit(chat, json.dumps(plain).encode(), public=False), price)
    assert free.fixed_nano_usd >= 5000 * 1000 and free.token_nano_usd == 2000
    assert (free.least_tokens, free.most_tokens) == (16, 1000)
    asked = demand_of(admit(chat, json.dumps({**plain, "max_tokens": 50, "n": 3}).encode(), public=False), price)
    assert (asked.least_tokens, asked.most_tokens, asked.token_nano_usd) == (50, 50, 6000)
    beyond = demand_of(admit(chat, json.dumps({**plain, "max_tokens": 10**6}).encode(), public=False), price)
    assert (beyond.least_tokens, beyond.most_tokens) == (1000, 1000)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
    seen = {"model": "m", "messages": [{"role": "user", "content": [image]}]}
    assert demand_of(admit(chat, json.dumps(seen).encode(), public=False), price).fixed_nano_usd > IMAGE_TOKENS * 1000
    embed = admit(ENDPOINTS["/embeddings"], b'{"model": "m", "input": "x"}', public=False)
    assert demand_of(embed, price).most_tokens == 0


def test_money_is_rounded_down() -> None:
    assert nano(1e-9) == 1 and nano(1.9e-9) == 1 and nano(None) is None and nano(2.5) == 2_500_000_000


def test_the_upstream_is_read_from_the_secrets() -> None:
    found = upstream_of({"OPENAI_API_KEY": "k1"}, retries=1)
    assert found.base_url == "https://api.openai.com/v1" and found.is_public and "k1" not in repr(found)
    own = upstream_of({"OPENAI_API_KEY": "k1", "OPENAI_BASE_URL": "http://localhost:8000/v1/"}, retries=1)
    assert own.base_url == "http://localhost:8000/v1" and not own.is_public
    for wrong in ({}, {"OPENAI_API_KEY": "k\n1"}, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "localhost:8000"}):
        with pytest.raises(InputError):
            upstream_of(wrong, retries=1)
