"""The gateway between the real client and a real server that speaks the API."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types.responses import ResponseReasoningItem

from store import spending
from store.spending import NANO
from tests.gateway.conftest import Open, Site
from tests.model_server import KEY, Fault, ToolCall, Usage, quota_spent, rate_limited
from tests.services import wait_until
from worker.gateway import app, exchange, purse, upstream

HELLO: Any = [{"role": "user", "content": "Hello"}]
CHAT: Any = {"model": "gpt-4o-mini", "messages": HELLO}
COST = 100 * 150 + 20 * 600  # nano-USD of gpt-4o-mini: 100 tokens in, 20 out
IMAGE = "data:image/png;base64,iVBORw0KGgo="
TOOL: Any = {"type": "function", "function": {"name": "review", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "FIRST_WAIT_SECS", 0.02)
    monkeypatch.setattr(purse, "AGAIN_SECS", 0.02)


def fixed_usage(site: Site, *, cached: int = 0) -> None:
    site.model.usage = lambda request, said: Usage(input=100, output=20, cached=cached, reasoning=5)


def test_a_chat_passes_and_is_counted(site: Open) -> None:
    here = site()
    fixed_usage(here, cached=40)
    answer = here.client.chat.completions.create(model="openai/gpt-4o-mini-2024-07-18", messages=HELLO, temperature=0.5)
    assert answer.choices[0].message.content == "Hello from the model."
    (asked,) = here.model.asked
    assert asked.body == {"model": "gpt-4o-mini-2024-07-18", "messages": HELLO, "temperature": 0.5}
    (usage,) = here.usage()
    assert usage.nano_usd == 60 * 150 + 40 * 75 + 20 * 600, "priced as the model without the date"
    assert (usage.model, usage.calls, usage.estimated) == ("gpt-4o-mini-2024-07-18", 1, 0)
    assert (usage.input_tokens, usage.cached_input_tokens, usage.output_tokens) == (100, 40, 20)


def test_nothing_of_the_agents_headers_goes_on_and_little_comes_back(site: Open) -> None:
    here = site()
    here.model.faults.append(
        Fault(status=400, headers={"set-cookie": "a=1", "x-internal": "host7", "retry-after": "3"})
    )
    headers = {"authorization": f"Bearer {here.gateway.access.token}", "x-api-key": "mine", "openai-organization": "o"}
    answer = httpx.post(f"{here.url}/chat/completions", json=CHAT, headers=headers, trust_env=False)
    assert set(answer.headers) <= {"content-type", "content-length", "x-request-id", "retry-after", "date", "server"}
    (asked,) = here.model.asked
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert not {"x-api-key", "openai-organization", "cookie"} & set(asked.headers)


def test_a_tool_is_called_and_its_call_comes_back(site: Open) -> None:
    here = site()
    here.model.play = lambda request: ToolCall("review", {"is_bug": False})
    answer = here.client.chat.completions.create(model="gpt-4o", messages=HELLO, tools=[TOOL])
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function" and json.loads(call.function.arguments) == {"is_bug": False}


def test_what_the_client_sends_back_of_a_chat_passes(site: Open) -> None:
    here = site()
    here.model.play = lambda request: ToolCall("review", {}) if len(request["messages"]) == 1 else "Seen."
    image = {"type": "image_url", "image_url": {"url": IMAGE, "detail": "low"}}
    talk: Any = [{"role": "user", "content": [{"type": "text", "text": "Look"}, image]}]
    for result in ([{"type": "text", "text": "no bug"}], None):
        message = here.client.chat.completions.create(model="gpt-4o", messages=talk, tools=[TOOL]).choices[0].message
        talk.append(message)
        if result is not None:
            assert message.tool_calls
            talk.append({"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": result})
    again: Any = [entry if isinstance(entry, dict) else entry.model_dump() for entry in talk]  # with all that is null
    assert here.client.chat.completions.create(model="gpt-4o", messages=[*again, *HELLO]).choices
    assert [len(asked.body["messages"]) for asked in here.model.asked] == [1, 3, 5]
    assert here.model.asked[0].body["messages"] == talk[:1]


def test_what_the_client_sends_back_of_responses_passes(site: Open) -> None:
    here = site()
    here.model.play = lambda request: ToolCall("review", {}) if len(request["input"]) == 1 else "Seen."
    tool: Any = {"type": "function", "name": "review", "parameters": {}, "strict": False}
    look = [{"type": "input_text", "text": "Look"}, {"type": "input_image", "image_url": IMAGE, "detail": "auto"}]
    talk: Any = [{"role": "user", "content": look}]
    (call,) = here.client.responses.create(model="gpt-4o", input=talk, tools=[tool], store=False).output
    assert call.type == "function_call"
    output = [{"type": "input_image", "image_url": IMAGE}]
    talk += [reasoning(), call, {"type": "function_call_output", "call_id": call.call_id, "output": output}]
    (message,) = here.client.responses.create(model="gpt-4o", input=talk).output
    talk += [message, {"role": "user", "content": "And now?"}]
    assert here.client.responses.create(model="gpt-4o", input=talk).output_text == "Seen."
    again: Any = [entry if isinstance(entry, dict) else entry.model_dump() for entry in talk]
    assert here.client.responses.create(model="gpt-4o", input=again).output_text == "Seen."
    assert [len(asked.body["input"]) for asked in here.model.asked] == [1, 4, 6, 6]


def reasoning() -> ResponseReasoningItem:
    """As the API gives it where it stores nothing."""
    said: Any = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "It is easy."}]}
    return ResponseReasoningItem.model_validate({**said, "encrypted_content": "gAAAA", "content": None, "status": None})


@pytest.mark.parametrize("wanted", [True, False])
def test_a_stream_is_counted_and_shows_its_usage_only_where_it_was_asked_for(site: Open, wanted: bool) -> None:
    here = site()
    fixed_usage(here)
    options: Any = {"stream_options": {"include_usage": True}} if wanted else {}
    chunks = list(here.client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, stream=True, **options))
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == "Hello from the model."
    assert any(chunk.usage for chunk in chunks) is wanted
    assert all(chunk.choices for chunk in chunks) is not wanted
    wait_until(lambda: len(here.records()) == 1, timeout_secs=5, description="the stream is accounted for")
    assert here.usage()[0].nano_usd == COST
    assert here.model.asked[0].body["stream_options"] == {"include_usage": True}


def test_a_stream_comes_as_it_is_written(site: Open) -> None:
    here = site()
    here.model.faults.append(Fault(pause_secs=0.15))
    began = time.monotonic()
    moments = [
        time.monotonic() - began
        for _ in here.client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, stream=True)
    ]
    assert moments[-1] - moments[0] > 0.3


@pytest.mark.parametrize("stream", [True, False])
def test_responses_pass_and_are_counted(site: Open, stream: bool) -> None:
    here = site()
    fixed_usage(here)
    if stream:
        events = list(here.client.responses.create(model="gpt-4o-mini", input="Hello", stream=True))
        assert events[-1].type == "response.completed" and events[-1].response.output_text == "Hello from the model."
    else:
        assert here.client.responses.create(model="gpt-4o-mini", input="Hello").output_text == "Hello from the model."
    wait_until(lambda: len(here.records()) == 1, timeout_secs=5, description="it is accounted for")
    assert here.usage()[0].nano_usd == COST
    assert here.model.asked[0].body["store"] is False, "the provider is to keep nothing"


def test_embeddings_completions_and_models_pass(site: Open) -> None:
    here = site()
    assert len(here.client.embeddings.create(model="text-embedding-3-small", input=["a", "b"]).data) == 2
    assert here.client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Say").choices[0].text
    assert "gpt-4o-mini" in [model.id for model in here.client.models.list()]
    assert here.client.models.retrieve("openai/gpt-4o-mini").id == "gpt-4o-mini"
    by_model = {usage.model: usage.nano_usd for usage in here.usage()}
    assert by_model["text-embedding-3-small"] is not None and by_model["gpt-3.5-turbo-instruct"] is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/chat/completions"),
        ("POST", "/models"),
        ("POST", "/files"),
        ("POST", "/images/generations"),
        ("GET", "/responses/resp_1"),
        ("DELETE", "/models/gpt-4o"),
        ("POST", "/chat/completions/"),
        ("GET", "/../health"),
        ("GET", "/models/..%2f..%2ffiles"),
    ],
)
def test_other_addresses_are_closed(site: Open, method: str, path: str) -> None:
    here = site()
    headers = {"authorization": f"Bearer {here.gateway.access.token}"}
    answer = httpx.request(method, here.url + path, headers=headers, trust_env=False)
    assert answer.status_code in (400, 404)
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert here.model.asked == []


@pytest.mark.parametrize("token", ["x", "sk-wrong", KEY, "schlüssel"])
def test_only_the_attempts_own_token_is_good(site: Open, token: str) -> None:
    here = site()
    headers = {b"authorization": f"Bearer {token}".encode()}
    answer = httpx.post(f"{here.url}/chat/completions", json=CHAT, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
    assert here.model.asked == []


def test_the_token_of_another_attempt_is_no_good(site: Open) -> None:
    here, there = site(), site()
    assert here.post("/chat/completions", CHAT, token=there.gateway.access.token).status_code == 401


def test_too_large_a_request_is_refused(site: Open) -> None:
    here = site()
    answer = here.post("/chat/completions", b"{" + b" " * (20 << 20) + b"}")
    assert (answer.status_code, here.model.asked) == (413, [])


def test_transient_errors_are_tried_again(site: Open) -> None:
    here = site()
    fixed_usage(here)
    told = rate_limited(retry_after_ms="50")
    here.model.faults += [told, Fault(status=500), Fault(status=503), Fault(status=408)]
    assert here.client.chat.completions.create(**CHAT).choices
    assert len(here.model.asked) == 5
    assert (here.usage()[0].calls, here.usage()[0].nano_usd) == (1, COST), "what failed costs nothing"
    assert here.records()[0]["retries"] == 4


def test_it_waits_as_long_as_it_is_told(site: Open) -> None:
    here = site()
    here.model.faults += [rate_limited(retry_after="1")]
    began = time.monotonic()
    assert here.client.chat.completions.create(**CHAT).choices
    assert 1 <= time.monotonic() - began < 3


def test_after_the_last_try_the_agent_sees_the_error(site: Open) -> None:
    here = site(settings={"model_retries": 2})
    here.model.faults += [Fault(status=500, message=f"try {number}") for number in range(9)]
    with pytest.raises(openai.InternalServerError, match="try 2"):
        here.client.chat.completions.create(**CHAT)
    assert len(here.model.asked) == 3
    assert here.usage() == []
    assert here.records()[0]["status"] == 500


@pytest.mark.parametrize(
    "fault",
    [quota_spent(), Fault(status=400), Fault(status=404), Fault(status=429, headers={"x-should-retry": "false"})],
)
def test_what_trying_again_does_not_mend_is_not_tried_again(site: Open, fault: Fault) -> None:
    here = site()
    here.model.faults += [fault]
    assert here.post("/chat/completions", CHAT).status_code == fault.status
    assert len(here.model.asked) == 1
    assert here.gateway.spent is None, "the provider's quota is not the run's budget"


def test_an_answer_that_breaks_off_may_have_to_be_paid(site: Open) -> None:
    here = site()
    fixed_usage(here)
    here.model.faults += [Fault(cut_after=0)]
    assert here.client.chat.completions.create(**CHAT, max_tokens=50).choices
    (usage,) = here.usage()
    assert (usage.calls, usage.estimated) == (2, 1)
    assert usage.nano_usd is not None and usage.nano_usd > COST + 50 * 600
    assert here.records()[0]["cost_usd"] == usage.cost_usd


@pytest.mark.parametrize("status", [504, 524])
def test_a_proxy_that_lost_patience_may_have_to_be_paid(site: Open, status: int) -> None:
    """Behind it the model may go on, and write all that it was allowed to."""
    here = site(max_cost_usd=1)
    fixed_usage(here)
    here.model.faults += [Fault(status=status), Fault(status=502)]
    assert here.client.chat.completions.create(**CHAT, max_tokens=50).choices
    (usage,) = here.usage()
    assert (usage.calls, usage.estimated) == (2, 1), "the 502 costs nothing"
    assert usage.nano_usd is not None and COST + 50 * 600 < usage.nano_usd < COST + 1000 * 600
    assert here.records()[0]["cost_usd"] == usage.cost_usd and here.records()[0]["estimated"]


def test_a_proxy_that_loses_patience_each_time_is_paid_each_time(site: Open) -> None:
    here = site(settings={"model_retries": 2})
    here.model.faults += [Fault(status=504)] * 3
    assert here.post("/chat/completions", {**CHAT, "max_tokens": 50}).status_code == 504
    (usage,) = here.usage()
    assert (usage.calls, usage.estimated) == (3, 3)
    assert usage.nano_usd is not None and usage.nano_usd > 3 * 50 * 600
    assert here.records()[0]["cost_usd"] == usage.cost_usd


def test_a_stream_that_breaks_off_is_an_error_and_counts_with_all_it_could_cost(site: Open) -> None:
    here = site()
    here.model.faults += [Fault(cut_after=2)]
    with pytest.raises(openai.APIError, match="broke off"):
        list(here.client.chat.completions.create(**CHAT, max_tokens=50, stream=True))
    wait_until(lambda: len(here.records()) == 1, timeout_secs=5, description="it is accounted for")
    (usage,) = here.usage()
    assert (usage.calls, usage.estimated) == (1, 1) and (usage.nano_usd or 0) >= 50 * 600
    assert len(here.model.asked) == 1, "after the first word nothing is tried again"


def test_an_agent_that_goes_away_in_a_stream_closes_it_and_pays(site: Open) -> None:
    here = site()
    here.model.play = lambda request: "word " * 2000
    here.model.faults += [Fault(pause_secs=0.02)]
    stream = here.client.chat.completions.create(**CHAT, max_tokens=50, stream=True)
    next(iter(stream))
    stream.close()
    wait_until(lambda: len(here.records()) == 1, timeout_secs=5, description="it is accounted for")
    wait_until(lambda: here.model.asked[0].left, timeout_secs=5, description="the server sees it go")
    assert here.usage()[0].estimated == 1 and here.records()[0]["estimated"]


def test_an_agent_that_goes_away_before_the_answer_pays(site: Open) -> None:
    here = site()
    here.model.faults += [Fault(stall_secs=2)]
    with pytest.raises(openai.APITimeoutError):
        here.client.with_options(timeout=0.5).chat.completions.create(**CHAT)
    wait_until(lambda: len(here.records()) == 1, timeout_secs=5, description="it is accounted for")
    assert here.usage()[0].estimated == 1


def test_the_end_of_the_attempt_breaks_off_what_is_under_way_and_accounts_for_it(
    site: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = threading.Event()

    def noting(tries: int, headers: httpx.Headers) -> float:
        waits.set()
        return upstream.wait_secs(tries, headers)

    monkeypatch.setattr(exchange, "wait_secs", noting)
    here = site()
    here.model.faults += [rate_limited(retry_after="60"), Fault(stall_secs=10)]
    broken_off: list[int | None] = []

    def ask() -> None:
        try:
            broken_off.append(here.post("/chat/completions", CHAT).status_code)
        except httpx.TransportError:
            broken_off.append(None)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for number, thread in enumerate(threads, 1):
        thread.start()
        wait_until(lambda number=number: len(here.model.asked) == number, timeout_secs=5, description="it is asked")  # type: ignore[misc]
    assert waits.wait(10)
    began = time.monotonic()
    here.close()
    assert time.monotonic() - began < 3
    for thread in threads:
        thread.join()
    assert set(broken_off) <= {503, None}
    (usage,) = here.usage()
    assert (usage.calls, usage.estimated) == (1, 1), "one may have been answered, one only waited"
    assert len(here.records()) == 2


def test_the_budget_bounds_the_output_and_ends_the_attempt(site: Open) -> None:
    here = site(max_cost_per_attempt_usd=0.001)
    here.model.usage = lambda request, said: Usage(input=100, output=request["max_completion_tokens"])
    answers = [here.post("/chat/completions", CHAT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429] or answers[1].status_code == 429
    assert answers[-1].json()["error"]["type"] == answers[-1].json()["error"]["code"] == "insufficient_quota"
    assert here.gateway.spent is not None and "0.001 USD (--max-cost-per-attempt) is spent" in here.gateway.spent
    assert 0 < (here.usage()[0].nano_usd or 0) <= 0.001 * NANO


def test_sixteen_callers_spend_no_more_than_the_budget(site: Open) -> None:
    """Each answer uses all that it may, and there is more than one model."""
    here = site(max_cost_usd=0.02)
    limit = ("max_tokens", "max_completion_tokens")
    here.model.usage = lambda request, said: Usage(
        input=60, output=min(request[key] for key in limit if key in request)
    )

    def spend(number: int) -> None:
        body = {**CHAT, "model": ("gpt-4o", "gpt-4o-mini")[number % 2], "max_tokens": 100 + number}
        while here.post("/chat/completions", body).status_code == 200:
            pass

    threads = [threading.Thread(target=spend, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = sum(usage.nano_usd or 0 for usage in here.usage())
    assert 0.015 * NANO < spent <= 0.02 * NANO
    answered = [record["cost_usd"] for record in here.records() if record["status"] == 200]
    assert sum(answered) * NANO == pytest.approx(spent)


def test_a_call_waits_for_money_that_others_give_back(site: Open) -> None:
    here = site(max_cost_usd=0.002)
    here.model.faults += [Fault(stall_secs=0.5)]
    first = threading.Thread(target=here.post, args=("/chat/completions", CHAT))  # takes all there is
    first.start()
    wait_until(lambda: len(here.model.asked) == 1, timeout_secs=5, description="the first is under way")
    assert here.post("/chat/completions", {**CHAT, "max_tokens": 1000}).status_code == 200
    first.join()
    assert here.gateway.spent is None


@pytest.mark.parametrize("budget", ["max_cost_usd", "max_cost_per_attempt_usd"])
def test_a_call_that_no_budget_would_pay_for_is_refused_and_the_attempt_goes_on(site: Open, budget: str) -> None:
    here = site(**{budget: 0.01})
    fixed_usage(here)
    large = here.post("/chat/completions", {**CHAT, "max_tokens": 16_384, "n": 2})
    assert (large.status_code, large.json()["error"]["code"]) == (400, "over_budget")
    option = {"max_cost_usd": "--max-cost", "max_cost_per_attempt_usd": "--max-cost-per-attempt"}[budget]
    assert f"0.01 USD ({option})" in large.json()["error"]["message"]
    assert here.model.asked == [] and here.gateway.spent is None and here.usage() == []
    assert here.post("/chat/completions", {**CHAT, "max_tokens": 50}).status_code == 200
    assert here.gateway.spent is None


@pytest.mark.parametrize(
    ("base_url", "both"),
    [
        ("https://api.openai.com/v1", False),
        ("https://mine.openai.azure.com/openai/v1", False),
        ("https://mine.services.ai.azure.com/openai/v1", False),
        ("https://api.deepseek.com", True),
        ("http://127.0.0.1:11434/v1", True),
        ("https://api.openai.com.example.org/v1", True),
    ],
)
def test_openais_own_servers_alone_get_one_limit(base_url: str, both: bool) -> None:
    assert upstream.Upstream(base_url=base_url, key="k", retries=0).takes_both_limits is both


@pytest.mark.parametrize("both", [True, False])
def test_with_a_budget_the_limit_stands_under_each_name_where_it_may(
    site: Open, monkeypatch: pytest.MonkeyPatch, both: bool
) -> None:
    monkeypatch.setattr(upstream.Upstream, "takes_both_limits", both)
    here = site(max_cost_usd=1)
    assert here.post("/chat/completions", {**CHAT, "max_tokens": 50}).status_code == 200
    limits = {name: value for name, value in here.model.asked[0].body.items() if name.startswith("max")}
    assert limits == {"max_tokens": 50, **({"max_completion_tokens": 50} if both else {})}


def test_with_a_budget_a_model_needs_a_price(site: Open, tmp_path: Path) -> None:
    here = site(max_cost_usd=1)
    answer = here.post("/chat/completions", {**CHAT, "model": "llama-9"})
    assert answer.status_code == 400
    assert "'llama-9' has no price in prices.yaml" in answer.json()["error"]["message"]
    own = tmp_path / "own.yaml"
    own.write_text("date: 2026-01-01\nsource: ours\nmodels: {llama-9: {input: 1, output: 1, most_output_tokens: 9}}\n")
    there = site(max_cost_usd=1, settings={"model_prices": own})
    assert there.post("/chat/completions", {**CHAT, "model": "llama-9"}).status_code == 200
    assert there.model.asked[-1].body["max_completion_tokens"] == 9


def test_without_a_budget_a_model_without_a_price_costs_something_unknown(site: Open) -> None:
    here = site()
    assert here.post("/chat/completions", {**CHAT, "model": "llama-9"}).status_code == 200
    assert here.usage()[0].cost_usd is None and here.records()[0]["cost_usd"] is None
    assert "max_completion_tokens" not in here.model.asked[0].body


def test_an_answer_without_usage_counts_with_what_was_reserved(site: Open) -> None:
    here = site()
    here.model.usage = lambda request, said: None
    here.post("/chat/completions", {**CHAT, "max_tokens": 10})
    (usage,) = here.usage()
    assert usage.estimated == 1 and (usage.nano_usd or 0) > 10 * 600
    assert here.records()[0]["estimated"] and here.records()[0]["input_tokens"] is None


def test_a_call_over_the_rate_waits_for_its_turn(site: Open) -> None:
    here = site(max_calls_per_minute=120)
    began = time.monotonic()
    for _ in range(3):
        assert here.post("/chat/completions", CHAT).status_code == 200
    assert 0.9 < time.monotonic() - began < 3
    here.gateway.purse.ends_at = time.monotonic()
    late = here.post("/chat/completions", CHAT)
    assert (late.status_code, late.json()["error"]["code"]) == (429, "rate_limit_exceeded")


def test_clients_that_lose_patience_do_not_stop_the_rate(site: Open) -> None:
    """A turn that is far away is not taken, and so is not lost with who no longer waits for it."""
    here = site(max_calls_per_minute=6)
    assert here.post("/chat/completions", CHAT).status_code == 200
    impatient = here.client.with_options(timeout=0.3)
    for _ in range(4):
        with pytest.raises(openai.APITimeoutError):
            impatient.chat.completions.create(**CHAT)
    assert len(here.model.asked) == 1
    wait = spending.take_turn(here.store, here.lease.run_id, calls_per_minute=6, within_secs=60)
    assert wait is not None and wait < 10, "the next turn is still the second one"


def test_a_turn_that_comes_only_after_the_attempts_end_is_refused(site: Open) -> None:
    here = site(max_calls_per_minute=6)
    assert here.post("/chat/completions", CHAT).status_code == 200
    here.gateway.purse.ends_at = time.monotonic() + 1.5
    late = here.post("/chat/completions", CHAT)
    assert (late.status_code, late.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert time.monotonic() < here.gateway.purse.ends_at + 0.5


def test_while_the_database_is_away_no_call_is_made(site: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purse, "PATIENCE_SECS", 0.2)
    here = site()
    with here.store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE run_spending RENAME TO elsewhere")
    answer = here.post("/chat/completions", CHAT)
    assert (answer.status_code, here.model.asked) == (503, [])
    with here.store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO run_spending")
    assert here.post("/chat/completions", CHAT).status_code == 200


def test_a_call_that_cannot_be_settled_counts_with_all_it_could_cost(
    site: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purse, "SETTLING_SECS", 0.1)
    here = site(max_cost_usd=1)

    def take_the_table_away(request: dict[str, Any]) -> str:
        with here.store.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE run_spending RENAME TO elsewhere")
        return "done"

    here.model.play = take_the_table_away
    assert here.post("/chat/completions", {**CHAT, "max_tokens": 1000}).status_code == 200
    (usage,) = here.usage()
    assert (usage.calls, usage.estimated) == (1, 1)
    assert (usage.nano_usd or 0) > 1000 * 600


def test_who_has_lost_the_attempt_makes_no_call(site: Open) -> None:
    here = site()
    here.store.give_back(here.lease, error="", counts=True)
    assert here.post("/chat/completions", CHAT).status_code == 503
    assert here.model.asked == []


def test_the_next_worker_goes_on_with_the_same_token(site: Open) -> None:
    """What the first had reserved when it was killed counts as spent."""
    here = site(max_cost_usd=1)
    token = here.gateway.access.token
    demand = spending.Demand(fixed_nano_usd=NANO // 2)
    spending.reserve(here.store, here.lease, "gpt-4o-mini", demand, spending.Budget(run_nano_usd=NANO))
    attempt = here.store.attempt(here.lease.attempt_id)
    lease = here.store.adopt(attempt, owner="next", lease_secs=60, expired=False)
    assert lease is not None
    from worker.gateway.opening import open_gateway
    from worker.settings import load_settings

    request = here.store.run(here.lease.run_id).request
    again = open_gateway(load_settings(), here.store, lease, request, here.live, note=lambda text: None)
    assert again.access.token == token
    assert here.usage()[0].nano_usd == NANO // 2


def test_records_hold_both_sides_and_no_secret(site: Open) -> None:
    here = site()
    token = here.gateway.access.token
    here.model.play = lambda request: f"the key is {KEY}, and yours {token}"
    answer = here.post("/chat/completions", {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": token}]})
    assert KEY not in answer.text, "whatever the server says, the agent never sees the key"
    written = (here.live / "model_calls.jsonl").read_text()
    assert KEY not in written and token not in written
    (record,) = here.records()
    assert record["path"] == "/v1/chat/completions" and record["model"] == "gpt-4o-mini" and record["status"] == 200
    assert record["request"]["messages"][0]["content"] == "***"
    assert record["response"]["choices"][0]["message"]["content"] == "the key is ***, and yours ***"


def test_a_full_record_goes_on_without_the_bodies(site: Open) -> None:
    here = site(settings={"log_limit_mb": 0.002})
    for _ in range(5):
        here.post("/chat/completions", CHAT)
    records = here.records()
    assert len(records) == 5
    assert records[0]["request"] and records[-1]["request"] is None and records[-1]["cost_usd"] is not None


@contextmanager
def odd_server(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server whose answers are written by hand."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            answer(self)

        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("status", [200, 401])
def test_a_server_that_repeats_its_key_in_a_list_of_models_does_not_give_it_away(site: Open, status: int) -> None:
    def repeat(handler: BaseHTTPRequestHandler) -> None:
        body = json.dumps({"data": [], "seen": handler.headers["authorization"]}).encode()
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with odd_server(repeat) as elsewhere:
        here = site(environment={"OPENAI_BASE_URL": elsewhere})
        headers = {"authorization": f"Bearer {here.gateway.access.token}"}
        for path in ("/models", "/models/gpt-4o"):
            answer = httpx.get(here.url + path, headers=headers, trust_env=False)
            assert (answer.status_code, answer.json()["seen"]) == (status, "Bearer ***")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_no_depth_of_a_body_is_a_failure_of_the_runner(
    site: Open, opening: str, caplog: pytest.LogCaptureFixture
) -> None:
    here = site()
    closing = {"[": "]", '{"a":': "}"}[opening]
    statuses = set()
    for depth in range(500, 1000, 40):
        deep = opening * depth + "1" + closing * depth
        for body in (
            f'{{"model": "m", "messages": [], "metadata": {deep}}}',
            f'{{"model": "m", "messages": [{{"role": "user", "content": [{{"type": {deep}}}]}}]}}',
        ):
            statuses.add(here.post("/chat/completions", body.encode()).status_code)
    assert statuses == {200, 400}
    assert not [record for record in caplog.records if record.exc_info]


def test_the_runners_own_failures_are_logged_a_few_times(
    site: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(app, "admit", fail)
    monkeypatch.setattr(app, "MOST_FAILURES", 3)
    here = site()
    answers = [here.post("/chat/completions", CHAT) for _ in range(6)]
    assert {(answer.status_code, answer.json()["error"]["code"]) for answer in answers} == {(500, "internal_error")}
    assert "mistake" not in answers[0].text
    assert len([record for record in caplog.records if record.exc_info]) == len(here.notes) == 3


def test_no_redirect_is_followed_or_passed_on(site: Open) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(307)
        handler.send_header("location", "http://169.254.169.254/latest")
        handler.send_header("content-length", "0")
        handler.end_headers()

    with odd_server(redirect) as elsewhere:
        here = site(environment={"OPENAI_BASE_URL": elsewhere})
        answer = here.post("/chat/completions", CHAT)
        assert answer.status_code == 502 and "location" not in answer.headers


@pytest.mark.parametrize("breaks_off", [True, False])
def test_a_usage_that_is_told_on_the_way_counts_only_at_the_end(site: Open, breaks_off: bool) -> None:
    """Some servers tell in each chunk what it is so far."""
    told = {"choices": [{"index": 0, "delta": {"content": "a"}}], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}

    def stream(handler: BaseHTTPRequestHandler) -> None:
        event = f"data: {json.dumps(told)}\n\n".encode()
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("content-length", str(len(event) * (2 if breaks_off else 1)))
        handler.end_headers()
        handler.wfile.write(event)

    with odd_server(stream) as elsewhere:
        here = site(environment={"OPENAI_BASE_URL": elsewhere})
        said = here.post("/chat/completions", {**CHAT, "stream": True, "max_tokens": 50}).text
    wait_until(lambda: len(here.records()) == 1, timeout_secs=5, description="it is accounted for")
    assert ("broke off" in said) is breaks_off
    (usage,) = here.usage()
    assert usage.estimated == breaks_off
    assert usage.output_tokens == (0 if breaks_off else 1)


def test_a_server_that_is_not_there_is_an_error_that_costs_nothing(site: Open) -> None:
    here = site(environment={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, settings={"model_retries": 1})
    answer = here.post("/chat/completions", CHAT)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "bad_gateway")
    assert here.usage() == [] and here.records()[0]["retries"] == 1


def test_a_server_that_fails_again_and_again_is_noted_now_and_then(site: Open) -> None:
    here = site(settings={"model_retries": 0})
    here.model.faults += [Fault(status=500)] * 2
    for _ in range(3):
        here.post("/chat/completions", CHAT)
    assert here.notes == [], "one that answers in between is well"
    here.model.faults += [Fault(status=503)] * 5
    for _ in range(5):
        assert here.post("/chat/completions", CHAT).status_code == 503
    assert here.notes == ["model: 3 calls in a row have failed, the last one with 503"]


def test_an_agent_that_asks_without_end_is_slowed_down(site: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "BURST", 5)
    monkeypatch.setattr(app, "MOST_NOTES", 3)
    here = site()
    began = time.monotonic()
    for _ in range(15):
        assert here.post("/chat/completions", b"nonsense").status_code == 400
    assert time.monotonic() - began > 8 / app.REQUESTS_PER_SEC
    assert len(here.notes) == 3 and here.notes[-1].endswith("further ones are not noted")


def test_an_attempt_calls_so_many_models_and_no_more(site: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MOST_MODELS", 2)
    here = site()
    answers = [here.post("/chat/completions", {**CHAT, "model": f"m{number}"}).status_code for number in (1, 2, 3, 1)]
    assert answers == [200, 200, 400, 200]


def test_large_requests_pass_few_at_a_time_and_are_recorded_in_part(
    site: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "MOST_LARGE", 1)
    here = site()
    here.model.faults += [Fault(stall_secs=0.3)] * 2
    large = {**CHAT, "messages": [{"role": "user", "content": "é" * (1 << 20)}]}
    threads = [threading.Thread(target=here.post, args=("/chat/completions", large)) for _ in range(2)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began > 0.6
    assert [asked.body["messages"] for asked in here.model.asked] == [large["messages"]] * 2
    recorded = here.records()[0]["request"]
    assert len(recorded.encode()) < 1.1 * 2**20 and recorded.endswith("bytes in all)")


def test_what_is_all_parts_is_not_read(site: Open) -> None:
    answer = site().post("/chat/completions", b'{"metadata": [' + b"[]," * 1_900_000 + b"1]}")
    assert answer.status_code == 400 and "parts" in answer.json()["error"]["message"]
