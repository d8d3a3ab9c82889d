"""The server that plays a model, seen by the real client."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest

from tests.model_server import KEY, Fault, ModelServer, ToolCall, Usage, model_server, quota_spent, rate_limited

MODEL = "gpt-4o-mini"
MESSAGES: list[Any] = [{"role": "user", "content": "Say something."}]
TOOL: dict[str, Any] = {"name": "look_up", "parameters": {"type": "object", "properties": {"word": {"type": "string"}}}}
CALL = ToolCall("look_up", {"word": "an odd one: é"})


@contextmanager
def client(model: ModelServer, **options: Any) -> Iterator[openai.OpenAI]:
    """The real client, which tries nothing twice unless told."""
    defaults = {"api_key": KEY, "base_url": model.url, "max_retries": 0}
    with openai.OpenAI(**{**defaults, **options}) as opened:
        yield opened


def test_a_chat_completion_has_what_the_test_said_and_counts_tokens() -> None:
    usage = Usage(input=100, cached=64, output=7, reasoning=3)
    with model_server(lambda request: request["messages"][0]["content"][::-1], usage=lambda *_: usage) as model:
        with client(model) as opened:
            answer = opened.chat.completions.create(model=MODEL, messages=MESSAGES, n=2)
        assert [choice.message.content for choice in answer.choices] == [".gnihtemos yaS"] * 2
        assert answer.usage is not None
        assert answer.usage.prompt_tokens_details is not None
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (100, 7, 107)
        assert answer.usage.prompt_tokens_details.cached_tokens == 64
        (asked,) = model.asked
        assert (asked.path, asked.status, asked.body["n"]) == ("/v1/chat/completions", 200, 2)
        assert asked.headers["authorization"] == f"Bearer {KEY}"


def test_a_chat_completion_calls_a_tool() -> None:
    with model_server(lambda request: CALL) as model, client(model) as opened:
        tools: list[Any] = [{"type": "function", "function": TOOL}]
        answer: Any = opened.chat.completions.create(model=MODEL, messages=MESSAGES, tools=tools)
    (called,) = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls"
    assert called.type == "function"
    assert called.function.name == "look_up"
    assert json.loads(called.function.arguments) == CALL.arguments


def test_a_chat_stream_brings_the_text_in_pieces_and_usage_only_when_asked() -> None:
    with model_server(lambda request: "A text of several pieces, é.") as model, client(model) as opened:
        plain = list(opened.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True))
        counted = list(
            opened.chat.completions.create(
                model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
            )
        )
    assert len(plain) > 3
    for chunks in (plain, counted):
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert text == "A text of several pieces, é."
    assert not any(chunk.usage for chunk in plain)
    assert [bool(chunk.usage) for chunk in counted] == [False] * (len(counted) - 1) + [True]


def test_a_chat_stream_calls_a_tool() -> None:
    with (
        model_server(lambda request: CALL) as model,
        client(model) as opened,
        opened.chat.completions.stream(model=MODEL, messages=MESSAGES) as stream,
    ):
        final: Any = stream.get_final_completion()
    (called,) = final.choices[0].message.tool_calls
    assert called.function.name == "look_up"
    assert json.loads(called.function.arguments) == CALL.arguments


@pytest.mark.parametrize("streamed", [False, True])
def test_a_response_says_something_and_counts_tokens(streamed: bool) -> None:
    usage = Usage(input=10, cached=4, output=5)
    with model_server(lambda request: "A text in pieces.", usage=lambda *_: usage) as model, client(model) as opened:
        if streamed:
            with opened.responses.stream(model=MODEL, input="Say something.") as stream:
                answer: Any = stream.get_final_response()
        else:
            answer = opened.responses.create(model=MODEL, input="Say something.")
    assert answer.output_text == "A text in pieces."
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (10, 5)
    assert answer.usage.input_tokens_details.cached_tokens == 4


@pytest.mark.parametrize("streamed", [False, True])
def test_a_response_calls_a_function(streamed: bool) -> None:
    tools: list[Any] = [{"type": "function", "strict": False, **TOOL}]
    with model_server(lambda request: CALL) as model, client(model) as opened:
        if streamed:
            with opened.responses.stream(model=MODEL, input="Look it up.", tools=tools) as stream:
                answer: Any = stream.get_final_response()
        else:
            answer = opened.responses.create(model=MODEL, input="Look it up.", tools=tools)
    (called,) = answer.output
    assert (called.type, called.name) == ("function_call", "look_up")
    assert json.loads(called.arguments) == CALL.arguments


def test_completions_embeddings_and_models() -> None:
    with model_server() as model, client(model) as opened:
        assert opened.completions.create(model=MODEL, prompt="x").choices[0].text == "Hello from the model."
        parts = opened.completions.create(model=MODEL, prompt="x", stream=True)
        assert "".join(part.choices[0].text for part in parts) == "Hello from the model."
        found = opened.embeddings.create(model="text-embedding-3-small", input=["a", "bcd"], encoding_format="float")
        assert [entry.embedding for entry in found.data] == [[1.0, 0.5], [3.0, 0.5]]
        assert MODEL in [known.id for known in opened.models.list()]
        assert opened.models.retrieve(MODEL).id == MODEL
        with pytest.raises(openai.NotFoundError):
            opened.models.retrieve("gpt-0")


def test_a_wrong_key_is_refused() -> None:
    with model_server() as model, client(model, api_key="sk-wrong") as opened:
        with pytest.raises(openai.AuthenticationError, match="Incorrect API key"):
            opened.chat.completions.create(model=MODEL, messages=MESSAGES)
        assert model.asked[0].status == 401


def test_errors_come_as_told_each_once() -> None:
    faults = (rate_limited(retry_after="1"), quota_spent(), Fault(status=500), Fault(status=503))
    with model_server() as model, client(model) as opened:
        model.faults.extend(faults)
        seen: list[Any] = []
        for _ in faults:
            with pytest.raises(openai.APIStatusError) as caught:
                opened.chat.completions.create(model=MODEL, messages=MESSAGES)
            seen.append((caught.value.status_code, caught.value.code, caught.value.response.headers.get("retry-after")))
        assert seen == [
            (429, "rate_limit_exceeded", "1"),
            (429, "insufficient_quota", None),
            (500, None, None),
            (503, None, None),
        ]
        assert opened.chat.completions.create(model=MODEL, messages=MESSAGES).choices


def test_the_client_tries_again_when_told() -> None:
    with model_server() as model, client(model, max_retries=2) as opened:
        model.faults.append(rate_limited(retry_after="0.1"))
        opened.responses.create(model=MODEL, input="x")
        assert [asked.status for asked in model.asked] == [429, 200]


def test_a_cut_answer_is_an_error_and_no_short_answer() -> None:
    with model_server() as model, client(model) as opened:
        model.faults.extend([Fault(cut_after=2), Fault(cut_after=0)])
        with pytest.raises(openai.APIConnectionError):
            list(opened.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True))
        with pytest.raises(openai.APIConnectionError):
            opened.chat.completions.create(model=MODEL, messages=MESSAGES)


def test_a_slow_answer_runs_into_the_clients_patience() -> None:
    with model_server() as model, client(model, timeout=0.2) as opened:
        model.faults.append(Fault(stall_secs=30))
        with pytest.raises(openai.APITimeoutError):
            opened.chat.completions.create(model=MODEL, messages=MESSAGES)


def test_a_client_that_leaves_a_stream_is_noted() -> None:
    with model_server(lambda request: "word " * 400) as model, client(model) as opened:
        model.faults.append(Fault(pause_secs=0.01))
        with opened.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True) as stream:
            next(iter(stream))
        for _ in range(100):
            if model.asked[0].left:
                break
            model.ending.wait(0.05)
        assert model.asked[0].left


def test_what_the_test_raises_is_not_lost() -> None:
    def fail(request: dict[str, Any]) -> str:
        raise AssertionError("the request was not as expected")

    with (
        pytest.raises(AssertionError, match="not as expected"),
        model_server(fail) as model,
        client(model) as opened,
        pytest.raises(openai.BadRequestError),
    ):
        opened.chat.completions.create(model=MODEL, messages=MESSAGES)
