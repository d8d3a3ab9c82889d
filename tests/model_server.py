"""A server that speaks the OpenAI API on a port of loopback, and lets each test play its own model.

Chat completions, responses, (legacy) completions, embeddings and models; tool calls, streams, usage, and the errors
that the API has. `model_server(play)` calls `play` with each request's body: what it returns is what the model says.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from typing import Any

KEY = "sk-test-sesame-open"
MODELS = ("gpt-4o-2024-08-06", "gpt-4o-mini", "text-embedding-3-small")
NEW_RESPONSE: Mapping[str, Any] = {"error": None, "incomplete_details": None, "instructions": None, "metadata": {}}


@dataclass(frozen=True)
class ToolCall:
    """The model calls a function instead of saying something."""

    name: str
    arguments: Mapping[str, Any]


Said = str | ToolCall
Play = Callable[[dict[str, Any]], Said]


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one call."""

    input: int
    output: int
    cached: int = 0  # of the input
    reasoning: int = 0  # of the output


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One answer that is not as it should be."""

    status: int = 200  # another one: an error in OpenAI's shape
    code: str | None = None
    message: str = "a fault"
    headers: Mapping[str, str] = field(default_factory=dict)
    stall_secs: float = 0  # send nothing for so long
    pause_secs: float = 0  # before each event of a stream
    cut_after: int | None = None  # close the connection after so many events, or in the middle of a plain answer


def rate_limited(**headers: str) -> Fault:
    """429, to be tried again: `rate_limited(retry_after="2")`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(status=429, code="rate_limit_exceeded", message="Rate limit reached", headers=named)


def quota_spent() -> Fault:
    """429, for good."""
    return Fault(status=429, code="insufficient_quota", message="You exceeded your current quota")


def counted(request: Mapping[str, Any], said: Said) -> Usage:
    """The usage if a test names no other: about a token for each four characters."""
    words = str(request.get("messages") or request.get("input") or request.get("prompt") or "")
    return Usage(input=len(words) // 4 + 1, output=len(str(said)) // 4 + 1)


@dataclass(kw_only=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: dict[str, Any]
    status: int | None = None  # of the answer, as soon as there is one
    left: bool = False  # the client was gone before the answer was


@dataclass(kw_only=True)
class ModelServer:
    """What the model says, what the server will do wrong, and what it was asked."""

    port: int
    play: Play = lambda request: "Hello from the model."
    usage: Callable[[dict[str, Any], Said], Usage | None] = counted  # None: the answer tells none
    faults: deque[Fault] = field(default_factory=deque)  # each is used up by one POST
    asked: list[Asked] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)  # of `play`; raised when the server ends
    ending: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """What OPENAI_BASE_URL should be."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead a client here."""
        return {"OPENAI_BASE_URL": self.url, "OPENAI_API_KEY": KEY}

    def bodies(self, path: str = "/v1/chat/completions") -> list[dict[str, Any]]:
        """The bodies of the requests to a path, in the order in which they came."""
        return [asked.body for asked in self.asked if asked.path == path]


@contextmanager
def model_server(play: Play | None = None, **options: Any) -> Iterator[ModelServer]:
    """Run the server while the context lasts. What `play` raises there is raised at its end.

    Args:
        options: further fields of ModelServer.
    """
    if play is not None:
        options["play"] = play
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    model = ModelServer(port=server.server_address[1], **options)
    server.model = model  # type: ignore[attr-defined]  # for the handler
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield model
    finally:
        model.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()
    if model.failures:
        raise model.failures[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def model(self) -> ModelServer:
        return self.server.model  # type: ignore[attr-defined, no-any-return]  # put there by model_server

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        asked = self._note({})
        name = asked.path.removeprefix("/v1/models").removeprefix("/")
        described = [{"id": known, "object": "model", "created": 0, "owned_by": "test"} for known in MODELS]
        if not self._may_enter(asked):
            return
        if asked.path == "/v1/models":
            self._json(asked, 200, {"object": "list", "data": described})
        elif asked.path.startswith("/v1/models/") and name in MODELS:
            self._json(asked, 200, described[MODELS.index(name)])
        else:
            self._error(asked, 404, "model_not_found", f"The model {name!r} does not exist")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        asked = self._note(json.loads(raw))
        if not self._may_enter(asked):
            return
        fault = self.model.faults.popleft() if self.model.faults else Fault()
        if self.model.ending.wait(fault.stall_secs):
            return
        answer = ANSWERS.get(asked.path)
        if fault.status != 200:
            self._error(asked, fault.status, fault.code, fault.message, fault.headers)
        elif answer is None:
            self._error(asked, 404, "unknown_url", f"Unknown request URL: POST {asked.path}")
        elif (said := self._played(asked)) is not None:
            number = len(self.model.asked)
            made = answer(asked.body, said, self.model.usage(asked.body, said), number)
            if isinstance(made, dict):
                self._json(asked, 200, made, cut=fault.cut_after is not None)
            else:
                self._stream(asked, made, fault)

    def _played(self, asked: Asked) -> Said | None:
        try:
            return self.model.play(asked.body)
        except Exception as error:
            self.model.failures.append(error)
            self._error(asked, 400, "the_test_failed", repr(error))  # which nobody tries again
            return None

    def _note(self, body: dict[str, Any]) -> Asked:
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(method=self.command, path=self.path, headers=headers, body=body)
        self.model.asked.append(asked)
        return asked

    def _may_enter(self, asked: Asked) -> bool:
        if asked.headers.get("authorization") == f"Bearer {KEY}":
            return True
        self._error(asked, 401, "invalid_api_key", "Incorrect API key provided")
        return False

    def _error(
        self, asked: Asked, status: int, code: str | None, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        kind = "insufficient_quota" if code == "insufficient_quota" else _kind(status)
        self._json(asked, status, {"error": {"message": message, "type": kind, "param": None, "code": code}}, headers)

    def _head(self, asked: Asked, status: int, headers: Mapping[str, str]) -> None:
        asked.status = status
        self.send_response(status)
        for name, value in {"x-request-id": f"req_{len(self.model.asked)}", "Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _json(
        self,
        asked: Asked,
        status: int,
        value: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        *,
        cut: bool = False,
    ) -> None:
        body = json.dumps(value).encode()
        length = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        self._write(asked, lambda: self._head(asked, status, {**(headers or {}), **length}))
        self._write(asked, lambda: self.wfile.write(body[: len(body) // 2] if cut else body))

    def _stream(self, asked: Asked, events: Iterator[bytes], fault: Fault) -> None:
        plain = {"Content-Type": "text/event-stream; charset=utf-8", "Transfer-Encoding": "chunked"}
        self._write(asked, lambda: self._head(asked, 200, plain))
        for number, event in enumerate(chain(events, [b""])):  # an empty chunk ends the answer
            if number == fault.cut_after or asked.left:
                return
            self.model.ending.wait(fault.pause_secs)
            self._write(asked, partial(self.wfile.write, b"%x\r\n%s\r\n" % (len(event), event)))

    def _write(self, asked: Asked, write: Callable[[], object]) -> None:
        try:
            write()
        except ConnectionError:
            asked.left = True


def _kind(status: int) -> str:
    return {401: "invalid_request_error", 429: "requests"}.get(
        status, "server_error" if status >= 500 else "invalid_request_error"
    )


def _pieces(text: str) -> list[str]:
    """A text as a stream brings it."""
    return [text[start : start + 12] for start in range(0, len(text), 12)]


def _event(data: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


Made = dict[str, Any] | Iterator[bytes]  # an answer, plain or in events


def _chat(request: dict[str, Any], said: Said, usage: Usage | None, number: int) -> Made:
    base = {"id": f"chatcmpl-{number}", "created": int(time.time()), "model": request["model"]}
    told = _chat_usage(usage)
    if request.get("stream"):
        wanted = (request.get("stream_options") or {}).get("include_usage")
        return _chat_events({**base, "object": "chat.completion.chunk"}, said, told if wanted else None)
    if isinstance(said, ToolCall):
        message: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [_tool_call(said, number)]}
    else:
        message = {"role": "assistant", "content": said}
    reason = "tool_calls" if isinstance(said, ToolCall) else "stop"
    choices = [
        {"index": index, "message": message, "finish_reason": reason, "logprobs": None}
        for index in range(request.get("n") or 1)
    ]
    return {**base, "object": "chat.completion", "choices": choices, **told}


def _chat_events(base: dict[str, Any], said: Said, told: dict[str, Any] | None) -> Iterator[bytes]:
    if isinstance(said, ToolCall):
        whole = _tool_call(said, 0)
        arguments = whole["function"].pop("arguments")
        deltas: list[dict[str, Any]] = [{"tool_calls": [{"index": 0, **whole}]}]
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in _pieces(arguments)]
    else:
        deltas = [{"content": piece} for piece in _pieces(said)]
    reason = "tool_calls" if isinstance(said, ToolCall) else "stop"
    steps = [({"role": "assistant"}, None), *((delta, None) for delta in deltas), ({}, reason)]
    for delta, finish in steps:
        empty = {} if told is None else {"usage": None}
        yield _event({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **empty})
    if told is not None:
        yield _event({**base, "choices": [], **told})
    yield b"data: [DONE]\n\n"


def _tool_call(said: ToolCall, number: int) -> dict[str, Any]:
    function = {"name": said.name, "arguments": json.dumps(said.arguments)}
    return {"id": f"call_{number}", "type": "function", "function": function}


def _chat_usage(usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {}
    return {
        "usage": {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cached},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        }
    }


def _completion(request: dict[str, Any], said: Said, usage: Usage | None, number: int) -> Made:
    base = {"id": f"cmpl-{number}", "object": "text_completion", "created": 0, "model": request["model"]}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None}
    if request.get("stream"):
        events = [_event({**base, "choices": [{**choice, "text": piece}]}) for piece in _pieces(str(said))]
        return iter([*events, b"data: [DONE]\n\n"])
    return {**base, "choices": [{**choice, "text": str(said)}], **_chat_usage(usage)}


def _response(request: dict[str, Any], said: Said, usage: Usage | None, number: int) -> Made:
    base = {
        **NEW_RESPONSE,
        "id": f"resp_{number}",
        "object": "response",
        "created_at": int(time.time()),
        "model": request["model"],
        "parallel_tool_calls": True,
        "tool_choice": request.get("tool_choice", "auto"),
        "tools": request.get("tools", []),
        "temperature": 1.0,
        "top_p": 1.0,
    }
    done = {**base, "status": "completed", "output": [_output(said, number)], "usage": _response_usage(usage)}
    if not request.get("stream"):
        return done
    begun = {**base, "status": "in_progress", "output": [], "usage": None}
    return _numbered([("response.created", {"response": begun}), *_item_events(said, number), _completed(done)])


def _output(said: Said, number: int) -> dict[str, Any]:
    if isinstance(said, ToolCall):
        call = {"call_id": f"call_{number}", "name": said.name, "arguments": json.dumps(said.arguments)}
        return {"type": "function_call", "id": f"fc_{number}", "status": "completed", **call}
    content = [{"type": "output_text", "text": said, "annotations": []}]
    return {"type": "message", "id": f"msg_{number}", "status": "completed", "role": "assistant", "content": content}


def _item_events(said: Said, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    item = _output(said, number)
    place = {"item_id": item["id"], "output_index": 0}
    yield "response.output_item.added", {"output_index": 0, "item": {**item, "status": "in_progress"}}
    if isinstance(said, ToolCall):
        for piece in _pieces(item["arguments"]):
            yield "response.function_call_arguments.delta", {**place, "delta": piece}
        yield "response.function_call_arguments.done", {**place, "name": said.name, "arguments": item["arguments"]}
    else:
        part = {"type": "output_text", "text": "", "annotations": []}
        within = {**place, "content_index": 0}
        yield "response.content_part.added", {**within, "part": part}
        for piece in _pieces(said):
            yield "response.output_text.delta", {**within, "delta": piece, "logprobs": []}
        yield "response.output_text.done", {**within, "text": said, "logprobs": []}
        yield "response.content_part.done", {**within, "part": {**part, "text": said}}
    yield "response.output_item.done", {"output_index": 0, "item": item}


def _completed(response: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "response.completed", {"response": response}


def _numbered(events: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[bytes]:
    for number, (kind, data) in enumerate(events):
        yield f"event: {kind}\n".encode() + _event({"type": kind, "sequence_number": number, **data})


def _response_usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


def _embeddings(request: dict[str, Any], said: Said, usage: Usage | None, number: int) -> Made:
    given = request["input"] if isinstance(request["input"], list) else [request["input"]]
    data = [
        {"object": "embedding", "index": index, "embedding": [float(len(str(text))), 0.5]}
        for index, text in enumerate(given)
    ]
    told = {} if usage is None else {"usage": {"prompt_tokens": usage.input, "total_tokens": usage.input}}
    return {"object": "list", "data": data, "model": request["model"], **told}


ANSWERS: Mapping[str, Callable[[dict[str, Any], Said, Usage | None, int], Made]] = {
    "/v1/chat/completions": _chat,
    "/v1/responses": _response,
    "/v1/completions": _completion,
    "/v1/embeddings": _embeddings,
}
