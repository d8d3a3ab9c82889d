"""What of a request goes on, whatever the agent sends."""

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.gateway.refusals import Refused
from worker.gateway.requests import ENDPOINTS, Call, admit

IMAGE = "data:image/png;base64,iVBORw0KGgo="
HELLO = [{"role": "user", "content": "Hello"}]
CHAT, RESPONSES = "/chat/completions", "/responses"


def admitted(path: str, body: Any, *, public: bool = False) -> Call:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return admit(ENDPOINTS[path], raw, public=public)


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "messages": HELLO, **fields}


def content(*parts: dict[str, Any]) -> dict[str, Any]:
    return chat(messages=[{"role": "user", "content": list(parts)}])


def responses(**fields: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "input": "Hello", **fields}


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (CHAT, chat(tools=[{"type": "web_search"}]), "tools"),
        (CHAT, chat(tools=[{"type": "function", "function": {"name": "f"}}, {}]), "tools"),
        (CHAT, chat(tools="all"), "tools"),
        (CHAT, chat(tool_choice={"type": "mcp"}), "tool_choice"),
        (CHAT, chat(web_search_options={}), "web_search_options"),
        (CHAT, chat(prediction={"type": "content", "content": "x"}), "prediction"),
        (CHAT, chat(audio={"voice": "alloy", "format": "mp3"}), "audio"),
        (CHAT, chat(modalities=["text", "audio"]), "modalities"),
        (CHAT, chat(service_tier="priority"), "service_tier"),
        (CHAT, chat(best_of=2), "best_of"),
        (CHAT, chat(surprise=1), "surprise"),
        (CHAT, chat(model="gpt-4o-search-preview"), "model"),
        (CHAT, chat(model="o3-deep-research"), "model"),
        (CHAT, chat(model="openai/gpt-4o:online"), "model"),
        (CHAT, chat(model="perplexity/sonar-pro"), "model"),
        (CHAT, chat(model="Sonar"), "model"),
        (CHAT, chat(model="groq/compound-mini"), "model"),
        (CHAT, chat(chat_template_kwargs={"chat_template": "x"}), "chat_template_kwargs"),
        (CHAT, chat(chat_template_kwargs={"documents": ["x"]}), "chat_template_kwargs"),
        (CHAT, chat(chat_template_kwargs={"system": "x" * 101}), "chat_template_kwargs"),
        (CHAT, chat(chat_template_kwargs="x"), "chat_template_kwargs"),
        (CHAT, chat(model="openai/"), "model"),
        (CHAT, chat(model="../files"), "model"),
        (CHAT, chat(model=7), "model"),
        (CHAT, chat(n=0), "n"),
        (CHAT, chat(n=True), "n"),
        (CHAT, chat(n=10_000), "n"),
        (CHAT, chat(max_tokens=-1), "max_tokens"),
        (CHAT, chat(max_tokens=1e9), "max_tokens"),
        (CHAT, chat(stream="yes"), "stream"),
        (CHAT, chat(stream=True, stream_options=[]), "stream_options"),
        (CHAT, chat(stream=True, stream_options={"fast": True}), "stream_options"),
        (CHAT, {"model": "gpt-4o"}, "messages"),
        (CHAT, chat(messages="Hello"), "messages"),
        (CHAT, chat(messages=[{"role": "assistant", "audio": {"id": "audio_1"}}]), "messages"),
        (CHAT, content({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}), "messages"),
        (CHAT, content({"type": "image_url", "image_url": "http://169.254.169.254/"}), "messages"),
        (CHAT, content({"type": "image_url", "image_url": {"url": "DATA:image/png,x"}}), "messages"),
        (CHAT, content({"type": "image_url", "image_url": {"url": "data:text/html,x"}}), "messages"),
        (CHAT, content({"type": "image_url"}), "messages"),
        (CHAT, content({"type": "text", "text": "x", "image_url": {"url": "http://x"}, "uuid": "1"}), "messages"),
        (CHAT, content({"type": "image_url", "image_url": {"url": IMAGE}, "uuid": "1"}), "messages"),
        (CHAT, content({"type": "image_url", "image_url": {"url": IMAGE, "file_id": "f"}}), "messages"),
        (CHAT, content({"type": "image_url", "image_url": {"url": IMAGE + "é"}}), "messages"),
        (CHAT, content({"type": [[[]]]}), "messages"),
        (CHAT, content({"type": "file", "file": {"file_id": "file-1"}}), "messages"),
        (CHAT, content({"type": "input_audio", "input_audio": {}}), "messages"),
        (CHAT, content({"type": "video_url", "video_url": {"url": IMAGE}}), "messages"),
        (RESPONSES, responses(background=True), "background"),
        (RESPONSES, responses(previous_response_id="resp_1"), "previous_response_id"),
        (RESPONSES, responses(conversation="conv_1"), "conversation"),
        (RESPONSES, responses(prompt={"id": "pmpt_1"}), "prompt"),
        (RESPONSES, responses(tools=[{"type": "code_interpreter", "container": {"type": "auto"}}]), "tools"),
        (RESPONSES, responses(tools=[{"type": "mcp", "server_url": "https://example.com"}]), "tools"),
        (RESPONSES, responses(tools=[{"type": "file_search", "vector_store_ids": []}]), "tools"),
        (RESPONSES, responses(tools=[{"type": "image_generation"}]), "tools"),
        (RESPONSES, responses(input=[{"type": "item_reference", "id": "msg_1"}]), "input"),
        (RESPONSES, responses(input=[{"type": "message", "id": "msg_1"}]), "input"),
        (RESPONSES, responses(input=[{"id": "msg_1"}]), "input"),
        (RESPONSES, responses(input=[{"type": "computer_call_output"}]), "input"),
        (RESPONSES, responses(input=[{"role": "user", "content": [{"type": "input_file", "file_url": "x"}]}]), "input"),
        (
            RESPONSES,
            responses(
                input=[{"role": "user", "content": [{"type": "input_image", "file_id": "f", "image_url": IMAGE}]}]
            ),
            "input",
        ),
        (
            RESPONSES,
            responses(
                input=[{"type": "function_call_output", "output": [{"type": "input_image", "image_url": "http://x"}]}]
            ),
            "input",
        ),
        ("/completions", {"model": "m", "prompt": {"id": 1}}, "prompt"),
        ("/completions", {"model": "m", "prompt": [["a"]]}, "prompt"),
        ("/embeddings", {"model": "m", "input": []}, "input"),
        ("/embeddings", {"model": "m", "input": "x", "stream": True}, "stream"),
    ],
)
def test_a_way_out_and_what_cannot_be_priced_are_refused_by_name(path: str, body: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as caught:
        admitted(path, body)
    assert (caught.value.status, caught.value.param) == (400, param)
    assert caught.value.body["error"]


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"null", b"{", b'{"model": NaN}', b"\xff", b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000]
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused) as caught:
        admitted(CHAT, raw)
    assert caught.value.status == 400


def test_what_libraries_send_goes_on_as_it_is() -> None:
    body = chat(
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is it?"}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": {}}]},
            {"role": "tool", "tool_call_id": "c", "content": "42", "name": "f"},
        ],
        tools=[{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g"}}],
        tool_choice={"type": "function", "function": {"name": "f"}},
        response_format={"type": "json_object"},
        temperature=0.2,
        top_k=4,
        guided_json={"type": "object"},
        max_tokens=300,
    )
    call = admitted(CHAT, body)
    assert call.body == body and json.loads(call.content()) == body
    assert (call.limit, call.copies, call.images, call.stream) == (300, 1, 0, False)


@pytest.mark.parametrize("kind", ["array", "object"])
def test_a_body_of_any_depth_is_admitted_or_refused(kind: str) -> None:
    """Around the depth that can just be read, whoever shows or writes it must not find it too deep."""
    opening, closing = {"array": ("[", "]"), "object": ('{"a":', "}")}[kind]
    seen = set()
    for depth in range(10, 1000, 3):
        deep = opening * depth + "1" + closing * depth
        for raw in (
            f'{{"model": "m", "messages": [{{"role": "user", "content": [{{"type": {deep}}}]}}]}}',
            f'{{"model": "m", "messages": [], "tools": [{{"type": {deep}}}]}}',
            f'{{"model": "m", "messages": [], "metadata": {deep}}}',
        ):
            try:
                admitted(CHAT, raw.encode()).content()
            except Refused as refused:
                seen.add(refused.status)
    assert seen == {400}


def test_plain_switches_of_a_servers_template_pass() -> None:
    body = chat(chat_template_kwargs={"enable_thinking": False, "budget": 3, "style": "short", "date": None})
    assert admitted(CHAT, body).body == body


def test_what_is_not_wanted_is_left_out() -> None:
    call = admitted(RESPONSES, responses(background=False, previous_response_id=None, conversation=None, tools=[]))
    assert call.body == {"model": "gpt-4o", "input": "Hello", "tools": [], "store": False}


def test_nothing_is_stored_and_only_the_ordinary_price_is_paid() -> None:
    assert admitted(CHAT, chat(store=True, service_tier="auto")).body == chat(store=False, service_tier="default")
    assert admitted(CHAT, chat(), public=True).body == chat(service_tier="default")
    assert admitted(RESPONSES, responses(store=True), public=True).body["store"] is False
    assert admitted("/embeddings", {"model": "m", "input": "x"}, public=True).body == {"model": "m", "input": "x"}


def test_images_are_counted_and_their_bytes_are_not() -> None:
    image = {"type": "image_url", "image_url": {"url": IMAGE + "A" * 100_000}}
    call = admitted(CHAT, content({"type": "text", "text": "Look"}, image, image))
    assert call.images == 2 and call.text_bytes < 500 and len(call.content()) > 200_000
    item = {"role": "user", "content": [{"type": "input_image", "image_url": IMAGE}]}
    assert admitted(RESPONSES, responses(input=[item])).images == 1


def test_what_hides_in_an_images_place_is_counted_as_text() -> None:
    """A model may read what is not an image there."""
    hidden = {"role": "user", "content": "x", "name": "n", "reasoning": {"image_url": "y" * 1000}}
    assert admitted(CHAT, chat(messages=[hidden])).text_bytes > 1000


IMAGE_PART = {"type": "image_url", "image_url": {"url": IMAGE + "A" * 9000}}


@pytest.mark.parametrize(
    "body",
    [
        chat(tools=[{"type": "function", "function": {"name": "f", "description": IMAGE_PART}}]),
        chat(messages=[{"role": "assistant", "tool_calls": [IMAGE_PART]}]),
        chat(messages=[{"role": "assistant", "reasoning": [IMAGE_PART]}]),
        chat(metadata={"a": IMAGE_PART}),
        chat(response_format={"type": "json_schema", "json_schema": {"schema": {"enum": [IMAGE_PART]}}}),
    ],
)
def test_an_images_bytes_are_text_wherever_no_image_is_looked_for(body: dict[str, Any]) -> None:
    """A model reads them there, and they would be for nothing."""
    call = admitted(CHAT, body)
    assert call.images == 0 and call.text_bytes == len(call.content()) > 9000
    both = admitted(CHAT, {**body, "messages": [*body["messages"], {"role": "user", "content": [IMAGE_PART]}]})
    assert both.images == 1 and 9000 < both.text_bytes < 9000 + 1000


def test_copies_are_counted() -> None:
    assert admitted(CHAT, chat(n=3)).copies == 3
    complete = {"model": "m", "prompt": ["a", "b"], "n": 2, "best_of": 5}
    call = admitted("/completions", complete)
    assert call.copies == 10
    assert call.limit == 16 and call.body["max_tokens"] == 16, "the legacy API's default"
    assert admitted("/completions", {"model": "m", "prompt": [1, 2, 3]}).copies == 1
    assert admitted("/completions", {"model": "m", "prompt": [[1], [2, 3]]}).copies == 2


def test_a_limit_is_put_where_the_agent_had_one() -> None:
    assert admitted(CHAT, chat()).limited_to(7).body["max_completion_tokens"] == 7
    old = admitted(CHAT, chat(max_tokens=9)).limited_to(7)
    assert old.body == chat(max_tokens=7)
    both = admitted(CHAT, chat(max_tokens=9, max_completion_tokens=11))
    assert both.limit == 11 and both.limited_to(7).body == chat(max_tokens=7, max_completion_tokens=7)
    assert admitted(RESPONSES, responses()).limited_to(7).body["max_output_tokens"] == 7


def test_where_a_server_may_know_one_limit_alone_all_are_put_in() -> None:
    named = chat(max_completion_tokens=7, max_tokens=7)
    for body in (
        chat(),
        chat(max_tokens=9),
        chat(max_completion_tokens=9),
        chat(max_tokens=9, max_completion_tokens=8),
    ):
        assert admitted(CHAT, body).limited_to(7, everywhere=True).body == named
    assert admitted(RESPONSES, responses()).limited_to(7, everywhere=True).body["max_output_tokens"] == 7
    embeddings = {"model": "m", "input": "x"}
    assert admitted("/embeddings", embeddings).limited_to(7, everywhere=True).body == embeddings


def test_text_of_any_kind_can_be_sent() -> None:
    strange = 'ünï 漢字 \ud800 \x00 "quoted"'
    call = admitted(CHAT, chat(messages=[{"role": "user", "content": strange}]))
    assert json.loads(call.content())["messages"][0]["content"] == strange


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just(IMAGE),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "content", "image_url", "url", "role", "text", "output"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)
names = st.sampled_from(
    (
        *("model", "messages", "input", "prompt", "tools", "tool_choice", "n", "stream", "stream_options", "store"),
        *("max_tokens", "max_completion_tokens", "max_output_tokens", "background", "service_tier", "best_of", "x"),
    )
)


@settings(deadline=None, max_examples=80)
@given(path=st.sampled_from(sorted(ENDPOINTS)), body=st.dictionaries(names, json_values), public=st.booleans())
def test_whatever_is_sent_is_refused_or_goes_on_within_bounds(path: str, body: dict[str, Any], public: bool) -> None:
    known = {"model": "gpt-4o", "messages": HELLO, "input": "x", "prompt": "x"}
    base = {name: known[name] for name in ("model", ENDPOINTS[path].needs)}
    try:
        call = admitted(path, base | body, public=public)
    except Refused as refused:
        assert 400 <= refused.status < 500
        return
    sent = json.loads(call.content())
    assert set(sent) <= ENDPOINTS[path].known
    assert not sent.get("background") and sent.get("store", False) is False
    assert call.text_bytes + call.images * 30 <= len(call.content()) + 64 * call.images
    assert call.limit is None or call.limit >= 1


words = st.text(max_size=12)
optional = st.none() | words
ids = st.from_regex(r"[a-z]{2,4}_[0-9a-f]{4}", fullmatch=True)
urls = st.binary(max_size=30).map(lambda data: f"data:image/png;base64,{base64.b64encode(data).decode()}")
images = st.fixed_dictionaries(
    {"type": st.just("image_url"), "image_url": st.fixed_dictionaries({"url": urls}, optional={"detail": words})}
)
input_images = st.fixed_dictionaries(
    {"type": st.just("input_image"), "image_url": urls}, optional={"detail": words, "file_id": st.none()}
)
texts = st.fixed_dictionaries({"type": st.just("text"), "text": words})
input_texts = st.fixed_dictionaries({"type": st.just("input_text"), "text": words})
refusals = st.fixed_dictionaries({"type": st.just("refusal"), "refusal": words})
citation = {"type": "url_citation", "url": "https://example.com", "title": "t", "start_index": 0, "end_index": 1}
spoken = st.fixed_dictionaries(
    {
        "type": st.just("output_text"),
        "text": words,
        "annotations": st.just([]) | st.just([citation]),
    },
    optional={"logprobs": st.none() | st.just([{"token": "a", "bytes": [97], "logprob": -0.1, "top_logprobs": []}])},
)
tool_calls = st.fixed_dictionaries(
    {"id": ids, "type": st.just("function"), "function": st.just({"name": "f", "arguments": "{}"})}
)


def said_by(role: str, content: st.SearchStrategy[Any], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"role": st.just(role), "content": content, **more})


messages = st.lists(
    said_by("user", words | st.lists(texts | images, min_size=1, max_size=3))
    | said_by("tool", words | st.lists(texts, min_size=1, max_size=2), tool_call_id=ids)
    | said_by("assistant", words | st.lists(texts | refusals, min_size=1, max_size=2), refusal=optional)
    | said_by("assistant", st.none(), tool_calls=st.lists(tool_calls, min_size=1, max_size=2), audio=st.none()),
    min_size=1,
    max_size=4,
)
outputs = words | st.lists(input_texts | input_images, min_size=1, max_size=2)
items = st.lists(
    said_by("user", words | st.lists(input_texts | input_images, min_size=1, max_size=3))
    | said_by("assistant", st.lists(spoken | refusals, min_size=1, max_size=2), type=st.just("message"), id=ids)
    | st.fixed_dictionaries({"type": st.just("function_call_output"), "call_id": ids, "output": outputs})
    | st.fixed_dictionaries({"type": st.just("function_call"), "call_id": ids, "name": words, "arguments": words})
    | st.fixed_dictionaries(
        {
            "type": st.just("reasoning"),
            "id": ids,
            "summary": st.lists(st.fixed_dictionaries({"type": st.just("summary_text"), "text": words}), max_size=2),
        },
        optional={
            "content": st.none()
            | st.lists(st.fixed_dictionaries({"type": st.just("reasoning_text"), "text": words}), max_size=2),
            "encrypted_content": optional,
            "status": st.none(),
        },
    ),
    min_size=1,
    max_size=4,
)


@settings(deadline=None, max_examples=100)
@given(messages=messages, items=items)
def test_honest_conversations_pass_unchanged_and_their_images_are_found(
    messages: list[dict[str, Any]], items: list[dict[str, Any]]
) -> None:
    for path, body in ((CHAT, chat(messages=messages)), (RESPONSES, responses(input=items, store=False))):
        call = admitted(path, body)
        assert json.loads(call.content()) == body
        text = json.dumps(body)
        assert call.images == text.count('"type": "image_url"') + text.count('"type": "input_image"')
        found = re.findall(r"data:image/png;base64,[A-Za-z0-9+/=]*", text)
        assert call.text_bytes == len(call.content()) - sum(map(len, found))


@settings(deadline=None, max_examples=100)
@given(raw=st.binary(max_size=200))
def test_bytes_of_any_kind_are_refused(raw: bytes) -> None:
    with pytest.raises(Refused):
        admitted(CHAT, raw)
