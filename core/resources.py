"""What an attempt needs of a host, and what it is given there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from core.errors import InputError

GIB = 2**30
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What an agent or a competition asks for: `resources:` of its YAML file. What is not said is a share."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    cpus: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    memory_gb: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None  # GiB
    gpus: Annotated[int, Field(ge=0)] = 0  # whole ones, that nobody else uses meanwhile
    labels: tuple[Label, ...] = ()  # that a host must have, all of them

    @classmethod
    def parse(cls, value: object, where: str) -> Self:
        """Read what a YAML file holds below `resources`; None is nothing asked for.

        Args:
            value: the parsed YAML.
            where: names the place in error messages.

        Raises:
            InputError: unknown keys or wrong values; one line names them all.
        """
        if value is None:
            return cls()
        try:
            # Through JSON: in strict mode, Python's lists are no tuples.
            return TypeAdapter(cls).validate_json(json.dumps(value, default=str))
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise InputError(f"{where}: {faults}; expected any of cpus, memory_gb, gpus, labels") from error

    def to_json(self) -> dict[str, Any]:
        """Give what is asked for as a JSON object."""
        asked = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: list(value) if name == "labels" else value for name, value in asked.items() if value}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(**{**value, "labels": tuple(value.get("labels", ()))})

    def with_those_of(self, other: "Resources") -> "Resources":
        """Give what serves both."""
        return Resources(
            cpus=max(self.cpus or 0, other.cpus or 0) or None,
            memory_gb=max(self.memory_gb or 0, other.memory_gb or 0) or None,
            gpus=max(self.gpus, other.gpus),
            labels=tuple(sorted({*self.labels, *other.labels})),
        )

    def __str__(self) -> str:
        """Say it for people: `cpus 4, gpus 1`."""
        return ", ".join(
            f"{name} {' '.join(value) if name == 'labels' else f'{value:g}'}"
            for name, value in ((name, getattr(self, name)) for name in self.__dataclass_fields__)
            if value
        )


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """The part of a host that an attempt holds while it runs."""

    cpus: float
    memory_bytes: int
    gpus: tuple[str, ...] = ()  # as the host names them: numbers or ids of nvidia-smi

    def to_json(self) -> dict[str, Any]:
        """Give it as a JSON object."""
        return {"cpus": self.cpus, "memory_bytes": self.memory_bytes, "gpus": list(self.gpus)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(cpus=value["cpus"], memory_bytes=value["memory_bytes"], gpus=tuple(value["gpus"]))


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What a host has for attempts, all workers on it together."""

    cpus: float
    memory_bytes: int
    gpus: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give it as a JSON object."""
        return {**self.__dict__, "gpus": list(self.gpus), "labels": list(self.labels)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(**{**value, "gpus": tuple(value["gpus"]), "labels": tuple(value["labels"])})

    def __str__(self) -> str:
        """Say it for people: `8 CPUs, 31 GiB, 2 GPUs, labels a100`."""
        parts = [f"{self.cpus:g} CPUs", f"{self.memory_bytes / GIB:.3g} GiB", f"{len(self.gpus)} GPUs"]
        return ", ".join(parts + ([f"labels {' '.join(self.labels)}"] if self.labels else []))
