"""What agent.yaml may hold, in both of its formats, checked strictly."""

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import Node

from core.errors import InputError
from core.resources import Resources

KEYS = ("start", "dockerfile", "kwargs", "kwargs_type", "env_vars", "network", "privileged", "resources")
LARGEST = 1 << 20  # bytes of agent.yaml
MOST_ALIASES = 500  # in it
MOST_MERGED = 5000  # entries of a mapping with what `<<` brings in
LONGEST_NUMBER = 100  # digits
BRIEF = reprlib.Repr()
BRIEF.maxlevel, BRIEF.maxstring, BRIEF.maxother = 2, 80, 80  # aliases make a small file's values endless to write
VARIANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
KWARG = re.compile(r"[^\s=-][^\s=]*")
ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Loader(yaml.SafeLoader):
    """Reads YAML of people who are not known: a small file makes no more work or memory than it has bytes."""

    _aliases = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        self._aliases += self.check_event(yaml.AliasEvent)
        if self._aliases > MOST_ALIASES:
            raise yaml.YAMLError(f"it has more than {MOST_ALIASES} aliases")
        return super().compose_node(parent, index)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MOST_MERGED:  # mappings that are merged into each other grow by a factor each time
            raise yaml.YAMLError(f"a mapping has more than {MOST_MERGED} entries")

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > LONGEST_NUMBER:
            raise yaml.YAMLError(f"a number has more than {LONGEST_NUMBER} digits")
        return super().construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


@dataclass(frozen=True, kw_only=True)
class Config:
    """What agent.yaml says of one agent id. None: it does not say."""

    start: str | None
    dockerfile: str | None
    kwargs: Mapping[str, str | int | float | bool]
    kwargs_type: str | None
    env_vars: Mapping[str, str]
    network: bool | None
    privileged: bool
    resources: Resources


def read_configs(folder: Path) -> dict[str, Config]:
    """Agent id -> what `folder`/agent.yaml says of it, the folder's own id first.

    Raises:
        InputError: the file is not YAML, or has a key or value that is not expected; names file, key, expected.
    """
    path = folder / "agent.yaml"
    content = _read(path)
    reference = {
        key: value
        for key, value in content.items()
        if isinstance(value, dict) and "start" in value and key not in (*KEYS, "variants")
    }
    if not reference:
        return _own_format(content, folder.name, path)
    of_folder = {key: value for key, value in reference.items() if str(key).partition("/")[0] == folder.name}
    if not of_folder:
        ids = ", ".join(str(key) for key in reference)
        raise InputError(f"{path}: describes {ids}; expected {folder.name!r}, the folder's name: rename the folder")
    return {str(key): _config(value, f"{path}: {key}") for key, value in of_folder.items()}


def _read(path: Path) -> dict[Any, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path} is larger than {LARGEST >> 20} MiB")
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe one
    except RecursionError as error:
        raise InputError(f"{path} cannot be read: it is nested too deep") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" in line {mark.line + 1}" if mark else ""
        raise InputError(f"{path} is not valid YAML{line}: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, OSError) as error:  # ValueError: no UTF-8, or no date
        raise InputError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected keys and values, not {_shown(content)}")
    return content


def _own_format(content: dict[Any, Any], name: str, path: Path) -> dict[str, Config]:
    base = {key: value for key, value in content.items() if key != "variants"}
    configs = {name: _config(base, str(path), known=(*KEYS, "variants"))}
    variants = _mapping(content.get("variants"), f"{path}: variants")
    for variant, changes in variants.items():
        if not isinstance(variant, str) or not VARIANT.fullmatch(variant):
            raise InputError(f"{path}: variants: expected a name like dev, not {_shown(variant)}")
        where = f"{path}: variants.{variant}"
        configs[f"{name}/{variant}"] = _config(_overridden(base, _mapping(changes, where), where), where)
    return configs


def _overridden(base: dict[Any, Any], changes: dict[Any, Any], where: str) -> dict[Any, Any]:
    """`base` with `changes`; kwargs and env_vars are changed key by key."""
    merged = {**base, **changes}
    for key in ("kwargs", "env_vars"):
        merged[key] = {
            **_mapping(base.get(key), f"{where}: {key}"),
            **_mapping(changes.get(key), f"{where}: {key}"),
        }
    return merged


def _config(content: dict[Any, Any], where: str, *, known: tuple[str, ...] = KEYS) -> Config:
    for key in content:
        if key not in known:
            nearest = get_close_matches(str(key), known, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"known: {', '.join(known)}"
            raise InputError(f"{where}: unknown key {str(key)!r}; {hint}")
    privileged = _flag(content, "privileged", where)
    return Config(
        start=_text(content, "start", where),
        dockerfile=_text(content, "dockerfile", where),
        kwargs=_kwargs(content, where),
        kwargs_type=_text(content, "kwargs_type", where),
        env_vars=_env_vars(content, where),
        network=_flag(content, "network", where),
        privileged=bool(privileged),
        resources=Resources.parse(content.get("resources"), f"{where}: resources"),
    )


def _kwargs(content: dict[Any, Any], where: str) -> dict[str, str | int | float | bool]:
    where = f"{where}: kwargs"
    kwargs = _mapping(content.get("kwargs"), where)
    for key, value in kwargs.items():
        if not isinstance(key, str) or not KWARG.fullmatch(key):
            raise InputError(f"{where}: expected a name without spaces, '=' or leading '-', not {_shown(key)}")
        _check_scalar(value, f"{where}.{key}")
    return {key: value for key, value in kwargs.items() if value is not None}


def _env_vars(content: dict[Any, Any], where: str) -> dict[str, str]:
    where = f"{where}: env_vars"
    env_vars = _mapping(content.get("env_vars"), where)
    for name, value in env_vars.items():
        if not isinstance(name, str) or not ENVIRONMENT_NAME.fullmatch(name):
            raise InputError(f"{where}: expected a variable's name, not {_shown(name)}")
        _check_scalar(value, f"{where}.{name}")
    return {name: str(value) for name, value in env_vars.items() if value is not None}


def _check_scalar(value: object, where: str) -> None:
    if value is not None and not isinstance(value, str | int | float):  # bool is an int
        raise InputError(f"{where}: expected a text, a number, true, false or null, not {_shown(value)}")
    if isinstance(value, str) and "\0" in value:
        raise InputError(f"{where}: expected a text without NUL characters")


def _mapping(value: object, where: str) -> dict[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected keys and values, not {_shown(value)}")
    return value


def _text(content: dict[Any, Any], key: str, where: str) -> str | None:
    value = content.get(key)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise InputError(f"{where}: {key}: expected a text, not {_shown(value)}")
    return value


def _flag(content: dict[Any, Any], key: str, where: str) -> bool | None:
    value = content.get(key)
    if value is not None and not isinstance(value, bool):
        raise InputError(f"{where}: {key}: expected true or false, not {_shown(value)}")
    return value


def _shown(value: object) -> str:
    text = BRIEF.repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
