"""What of an agent's request goes on to the model.

A request is read, checked against what is known to be harmless, and written anew: nothing goes on that was not looked
at. Refused is what would give the agent a way out of its sandbox (a provider's server that fetches addresses, searches
the web or runs code), and what could cost more than can be said beforehand.
"""

import json
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from worker.gateway import fields
from worker.gateway.refusals import unfit

MAX_BODY_BYTES = 20 << 20
MOST_PARTS = 2_000_000  # values in a body: in memory each is many times as large
MOST_COPIES = 128  # `n`, as in OpenAI's API
MOST_TOKENS = 1 << 24  # nobody asks for more at once
DEFAULT_COMPLETION_TOKENS = 16  # of the legacy API, where a request names no number
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,150}")
MODEL_PREFIX = "openai/"  # libraries that know several providers put it there
# Paid otherwise than by tokens, or with the web behind it, at OpenAI and at routers to others
SEARCHING = re.compile("search-preview|search-api|deep-research|audio|realtime|:online|sonar|compound", re.IGNORECASE)
STREAM_OPTIONS = {"include_usage", "include_obfuscation", "continuous_usage_stats"}
TOOLS = ("function", "custom")
TOOL_CHOICES = (*TOOLS, "allowed_tools")
CHAT_PARTS = ("text", "refusal", "image_url")
RESPONSE_PARTS = ("input_text", "output_text", "text", "refusal", "summary_text", "reasoning_text", "input_image")
RESPONSE_ITEMS = (
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "reasoning",
)
MESSAGE_FIELDS = (
    *("role", "content", "name", "tool_calls", "tool_call_id", "function_call", "refusal", "annotations"),
    *("reasoning", "reasoning_content"),
)
PART_FIELDS = {  # of one part of a content; servers fetch what stands in others (image_url beside a text)
    "image_url": {"type", "image_url"},
    "input_image": {"type", "image_url", "detail"},
}
TEXT_FIELDS = {"type", "text", "refusal", "annotations", "logprobs"}
IMAGE_FIELDS = {"url", "detail"}


class Images(NamedTuple):
    """The images of a request, which are paid by the piece."""

    number: int = 0
    url_bytes: int = 0

    def and_(self, more: "Images") -> "Images":
        """Give these and `more`."""
        return Images(self.number + more.number, self.url_bytes + more.url_bytes)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One of the API's addresses that are open."""

    path: str  # below the base URL
    known: frozenset[str]  # fields
    needs: str  # a field besides `model`
    check: Callable[[dict[str, Any]], "Images"]  # refuses what must not go on; gives its images
    limits: tuple[str, ...] = ()  # fields that bound the output; the first is used where a request has none
    has_tiers: bool = False  # of service, which have prices of their own
    has_store: bool = False  # whether it stores answers unless told otherwise


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request that may go on."""

    endpoint: Endpoint
    model: str
    body: Mapping[str, Any]
    stream: bool
    drops_usage: bool  # the agent has not asked for the chunk of a stream that tells the usage
    copies: int  # answers to one request
    limit: int | None  # most tokens of output in each, as the agent asked for
    images: int
    text_bytes: int  # of all else that the model may read: no tokenizer makes more tokens than there are bytes

    def limited_to(self, tokens: int, *, everywhere: bool = False) -> "Call":
        """Give the call with an output of at most `tokens` in each answer; `everywhere`: by all names of that limit."""
        named = [name for name in self.endpoint.limits if name in self.body]
        names = self.endpoint.limits if everywhere else named or self.endpoint.limits[:1]
        return replace(self, body={**self.body, **dict.fromkeys(names, tokens)}) if names else self

    def content(self) -> bytes:
        """The body, as it is sent."""
        return json.dumps(self.body, ensure_ascii=False).encode(errors="backslashreplace")


def admit(endpoint: Endpoint, raw: bytes, *, public: bool) -> Call:
    """Read a request.

    Args:
        endpoint: where it came.
        raw: its body.
        public: whether it goes to OpenAI, where an organisation may have other defaults.

    Raises:
        Refused: it must not go on; the text names the field.
    """
    body = {name: value for name, value in _parsed(raw).items() if value is not None}
    _check_fields(body, endpoint)
    body["model"] = model = _model(body.get("model"))
    if endpoint.needs not in body:
        raise unfit(f"the request has no {endpoint.needs!r}", param=endpoint.needs)
    images = endpoint.check(body)
    stream, copies = _flag(body, "stream"), _copies(body)
    limits = [_number(body, name, MOST_TOKENS) for name in endpoint.limits if name in body]
    drops_usage = _ask_for_usage(body, endpoint) if stream else False
    _settle_the_account(body, endpoint, public=public)
    return Call(
        endpoint=endpoint,
        model=model,
        body=body,
        stream=stream,
        drops_usage=drops_usage,
        copies=copies,
        limit=max(limits) if limits else None,
        images=images.number,
        text_bytes=len(json.dumps(body, ensure_ascii=False).encode(errors="backslashreplace")) - images.url_bytes,
    )


def _parsed(raw: bytes) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MOST_PARTS:
        raise unfit(f"the body has more than {MOST_PARTS} parts")
    try:
        body = json.loads(raw, parse_constant=refuse)
        json.dumps(body)  # what cannot be written again, because it is too deep, cannot go on
    except (ValueError, RecursionError) as error:
        raise unfit(f"the body is not JSON that can be read: {str(error)[:200]}") from error
    if not isinstance(body, dict):
        raise unfit("the body is not a JSON object")
    return body


def _check_fields(body: dict[str, Any], endpoint: Endpoint) -> None:
    for name in list(body):
        if name in endpoint.known:
            continue
        if name in fields.REFUSED:
            if body[name] is False:  # says that it is not wanted
                del body[name]
                continue
            raise unfit(f"{name!r} is not let through: {fields.REFUSED[name]}", param=name, code="not_allowed")
        raise unfit(f"{name[:100]!r} is not a field that is let through", param=name[:100], code="unknown_parameter")


def _model(name: object) -> str:
    if not isinstance(name, str) or not MODEL_NAME.fullmatch(name):
        raise unfit("'model' has to be the name of a model", param="model")
    name = name.removeprefix(MODEL_PREFIX)
    if not name or SEARCHING.search(name):
        raise unfit(f"the model {name!r} is not let through: {fields.UNBOUNDED}", param="model", code="not_allowed")
    return name


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise unfit(f"{name!r} has to be true or false", param=name)
    return value


def _number(body: Mapping[str, Any], name: str, most: int) -> int:
    value = body[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise unfit(f"{name!r} has to be a whole number from 1 to {most}", param=name)
    return value


def _copies(body: Mapping[str, Any]) -> int:
    """How many answers are written: `n` (or `best_of`) for each of the prompts."""
    wanted = max([1, *(_number(body, name, MOST_COPIES) for name in ("n", "best_of") if name in body)])
    prompt = body.get("prompt")
    several = isinstance(prompt, list) and bool(prompt) and not isinstance(prompt[0], int)
    return wanted * (len(prompt) if several and isinstance(prompt, list) else 1)


def _ask_for_usage(body: dict[str, Any], endpoint: Endpoint) -> bool:
    """Make a stream tell its usage; gives whether the agent had not asked for that."""
    options = body.get("stream_options", {})
    if not isinstance(options, dict):
        raise unfit("'stream_options' has to be an object", param="stream_options")
    if unknown := sorted(options.keys() - STREAM_OPTIONS):
        raise unfit(f"'stream_options' with {unknown[0][:100]!r} are not let through", param="stream_options")
    if endpoint.has_store:  # responses always tell
        return False
    body["stream_options"] = {**options, "include_usage": True}
    return options.get("include_usage") is not True


def _settle_the_account(body: dict[str, Any], endpoint: Endpoint, *, public: bool) -> None:
    """Nothing is stored with the provider, and nothing is paid but the ordinary price."""
    if body.get("service_tier", "auto") not in ("auto", "default"):
        raise unfit("'service_tier' is not let through: prices differ", param="service_tier", code="not_allowed")
    if "service_tier" in body or (public and endpoint.has_tiers):  # an organisation may have another default
        body["service_tier"] = "default"
    if endpoint.has_store or "store" in body:
        body["store"] = False


def _check_chat(body: dict[str, Any]) -> Images:
    _check_tools(body)
    for name, value in _object(body.get("chat_template_kwargs", {}), "chat_template_kwargs").items():
        if name == "chat_template" or not isinstance(value, bool | int | float | str | None) or len(str(value)) > 100:
            raise unfit(f"'chat_template_kwargs' with {name[:100]!r} are not let through", param="chat_template_kwargs")
    if body.get("modalities", ["text"]) != ["text"]:
        raise unfit("'modalities' other than text are not let through", param="modalities", code="not_allowed")
    images = Images()
    for message in _objects(body["messages"], "messages"):
        for name, value in message.items():
            if name not in MESSAGE_FIELDS and value is not None:
                raise unfit(f"messages with {name[:100]!r} are not let through", param="messages", code="not_allowed")
        images = images.and_(_images(message.get("content"), CHAT_PARTS, "messages"))
    return images


def _check_responses(body: dict[str, Any]) -> Images:
    _check_tools(body)
    given = body["input"]
    if isinstance(given, str):
        return Images()
    images = Images()
    for item in _objects(given, "input"):
        kind = item.get("type", "message")
        if kind not in RESPONSE_ITEMS:
            raise unfit(f"input of the type {_shown(kind)} is not let through", param="input", code="not_allowed")
        if kind == "message" and "role" not in item:  # an id alone is a reference to what is stored with the provider
            raise unfit("input without a role is not let through", param="input", code="not_allowed")
        for name in ("content", "output", "summary"):
            images = images.and_(_images(item.get(name), RESPONSE_PARTS, "input"))
    return images


def _check_prompt(body: dict[str, Any]) -> Images:
    if not _is_text(body["prompt"]):
        raise unfit("'prompt' has to be text, tokens, or a list of these", param="prompt")
    body.setdefault("max_tokens", DEFAULT_COMPLETION_TOKENS)
    return Images()


def _check_embeddings(body: dict[str, Any]) -> Images:
    if not _is_text(body["input"]):
        raise unfit("'input' has to be text, tokens, or a list of these", param="input")
    return Images()


def _is_text(value: object) -> bool:
    """Whether it is a text, a list of texts, of tokens, or of lists of tokens."""
    if isinstance(value, str):
        return True
    if not isinstance(value, list) or not value:
        return False
    first = value[0]
    if isinstance(first, list):
        return all(isinstance(entry, list) and _all_are(int, entry) for entry in value)
    return _all_are(str, value) or _all_are(int, value)


def _all_are(kind: type, values: Iterable[object]) -> bool:
    return all(isinstance(value, kind) for value in values)


def _check_tools(body: Mapping[str, Any]) -> None:
    for tool in _objects(body.get("tools", []), "tools"):
        if tool.get("type") not in TOOLS:
            raise unfit(
                f"tools of the type {_shown(tool.get('type'))} are not let through: the provider would carry them out, "
                f"outside the sandbox; known: {', '.join(TOOLS)}",
                param="tools",
                code="not_allowed",
            )
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") not in TOOL_CHOICES:
        raise unfit("'tool_choice' names a tool that is not let through", param="tool_choice", code="not_allowed")


def _images(content: object, known: tuple[str, ...], param: str) -> Images:
    """Check the parts of a content, and find its images."""
    if content is None or isinstance(content, str):
        return Images()
    images = Images()
    for part in _objects(content, param):
        kind = part.get("type")
        if kind not in known:
            raise unfit(f"content of the type {_shown(kind)} is not let through", param=param, code="not_allowed")
        _check_only(part, PART_FIELDS.get(kind, TEXT_FIELDS), param)
        if kind in PART_FIELDS:
            images = images.and_(Images(1, _url_bytes(part, param)))
    return images


def _url_bytes(part: Mapping[str, Any], param: str) -> int:
    image = part.get("image_url")
    if isinstance(image, dict):
        _check_only(image, IMAGE_FIELDS, param)
    url = image.get("url") if isinstance(image, dict) else image
    if not isinstance(url, str) or not url.isascii() or not url.startswith("data:image/"):
        raise unfit(
            "images are let through as data: URLs alone, since the provider would fetch others",
            param=param,
            code="not_allowed",
        )
    return len(url)


def _check_only(part: Mapping[str, Any], known: set[str], param: str) -> None:
    for name, value in part.items():
        if name not in known and value is not None:
            raise unfit(f"content with {name[:100]!r} is not let through", param=param, code="not_allowed")


def _objects(value: object, param: str) -> Iterable[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise unfit(f"{param!r} has to be a list of objects", param=param)
    return value


def _object(value: object, param: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise unfit(f"{param!r} has to be an object", param=param)
    return value


def _shown(value: object) -> str:
    return reprlib.repr(value)[:60]  # of a value that is nested deep, repr would give up


ENDPOINTS: Mapping[str, Endpoint] = {
    endpoint.path: endpoint
    for endpoint in (
        Endpoint(
            path="/chat/completions",
            known=fields.CHAT,
            needs="messages",
            check=_check_chat,
            limits=("max_completion_tokens", "max_tokens"),
            has_tiers=True,
        ),
        Endpoint(
            path="/responses",
            known=fields.RESPONSES,
            needs="input",
            check=_check_responses,
            limits=("max_output_tokens",),
            has_tiers=True,
            has_store=True,
        ),
        Endpoint(
            path="/completions",
            known=fields.COMPLETIONS,
            needs="prompt",
            check=_check_prompt,
            limits=("max_tokens",),
        ),
        Endpoint(path="/embeddings", known=fields.EMBEDDINGS, needs="input", check=_check_embeddings),
    )
}
