"""What a call can cost, and what it did."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from core.errors import InputError
from store.spending import NANO, Demand
from worker.gateway.requests import Call
from worker.gateway.usage import Tokens
from worker.settings import Settings

OURS = Path(__file__).with_name("prices.yaml")
DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")
PICO_PER_TOKEN = 10**6  # of a price of 1 USD per million tokens
LEAST_TOKENS = 16  # of an answer; OpenAI refuses less
# Of a message, a tool or a schema a model also reads what the provider puts around it. JSON's own marks are more, since
# their bytes are counted as tokens; this is for what is the same in each request.
EXTRA_TOKENS = 256
# The most that any model of OpenAI makes of one image: gpt-4o-mini, 2833 + 8 tiles of 5667, rounded up.
IMAGE_TOKENS = 50_000

Usd = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a model costs, in USD for a million tokens."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    input: Usd
    output: Usd
    most_output_tokens: Annotated[int, Field(ge=0)]  # in one answer
    cached_input: Usd | None = None

    def nano_usd(self, tokens: Tokens) -> int:
        """Give the cost of a call, rounded up to a nano-USD."""
        cached = self.input if self.cached_input is None else self.cached_input
        pico = (
            (tokens.input - tokens.cached_input) * _pico(self.input)
            + tokens.cached_input * _pico(cached)
            + tokens.output * _pico(self.output)
        )
        return -(-pico // 1000)


@dataclass(frozen=True, kw_only=True)
class Prices:
    """A table of prices."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    date: date  # at which they were looked up
    source: str
    models: Mapping[str, Price]

    def of(self, model: str) -> Price | None:
        """Give a model's price: its own, else that of the model without the date in its name."""
        return self.models.get(model) or self.models.get(DATED.sub("", model))


@cache
def read_prices(path: Path) -> Prices:
    """Read a table of prices.

    Raises:
        InputError: the file cannot be read, or is no such table.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(Prices).validate_python(content)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise InputError(
            f"the model prices {path}: {where}: {fault['msg']}; worker/gateway/prices.yaml shows how"
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"the model prices {path} cannot be read: {' '.join(str(error).split())}") from error


def prices_file(settings: Settings) -> Path:
    """Give the file of prices that holds here."""
    return settings.model_prices or OURS


def prices_metadata(settings: Settings) -> dict[str, str]:
    """Say which prices a run's costs rest on."""
    path = prices_file(settings)
    prices = read_prices(path)
    return {"file": path.name, "date": prices.date.isoformat(), "source": prices.source}


def demand_of(call: Call, price: Price | None) -> Demand:
    """Give what a call can cost at most.

    Input: a token for each byte of the request, since no tokenizer makes more of a text, and a bound for each image.
    Output: as many tokens as the agent asked for in each answer, or as the model can write. Where the agent named no
    number, fewer will do.
    """
    if price is None:
        return Demand()
    asked = [call.limit] if call.limit is not None else []
    most = min([price.most_output_tokens, *asked]) if call.endpoint.limits else 0
    input_tokens = call.text_bytes + EXTRA_TOKENS + call.images * IMAGE_TOKENS
    return Demand(
        fixed_nano_usd=price.nano_usd(Tokens(input=input_tokens)),
        token_nano_usd=-(-call.copies * _pico(price.output) // 1000),
        least_tokens=most if asked else min(most, LEAST_TOKENS),
        most_tokens=most,
    )


def nano(usd: float | None) -> int | None:
    """Give an amount of USD in nano-USD, rounded down."""
    return None if usd is None else int(round(usd * NANO, 3))  # 2.01 USD times 1e9 is a little less than 2010000000


def _pico(usd_per_million: float) -> int:
    return round(usd_per_million * PICO_PER_TOKEN)
