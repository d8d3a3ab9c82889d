"""What an attempt asks for, as YAML files say it and as the database keeps it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.resources import Allocation, Capacity, Resources

asked = st.builds(
    Resources,
    cpus=st.none() | st.floats(0.1, 512),
    memory_gb=st.none() | st.floats(0.1, 4096),
    gpus=st.integers(0, 16),
    labels=st.lists(st.sampled_from(["a100", "eu", "big"]), unique=True).map(lambda found: tuple(sorted(found))),
)


def test_what_a_yaml_file_asks_for_is_read() -> None:
    value = {"cpus": 4, "memory_gb": 0.5, "gpus": 1, "labels": ["a100", "eu"]}
    assert Resources.parse(value, "x") == Resources(cpus=4, memory_gb=0.5, gpus=1, labels=("a100", "eu"))
    assert Resources.parse(None, "x") == Resources.parse({}, "x") == Resources()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"gpu": 1}, "gpu: Unexpected"),
        ({"cpus": 0}, "cpus: .*greater than 0"),
        ({"cpus": float("inf")}, "cpus: "),
        ({"gpus": 1.5}, "gpus: .*integer"),
        ({"gpus": -1}, "gpus: "),
        ({"memory_gb": "16"}, "memory_gb: .*number"),
        ({"labels": "a100"}, "labels: "),
        ({"labels": ["a b"]}, "labels.0: "),
        ([1], "object"),
    ],
)
def test_a_wrong_wish_names_its_key_and_what_is_expected(value: object, message: str) -> None:
    with pytest.raises(InputError, match=f"agent.yaml: resources: .*{message}.*expected any of cpus, memory_gb"):
        Resources.parse(value, "agent.yaml: resources")


@given(asked)
def test_a_wish_survives_the_database(wish: Resources) -> None:
    assert Resources.from_json(json.loads(json.dumps(wish.to_json()))) == wish


@given(asked, asked)
def test_what_serves_two_wishes_serves_each(one: Resources, other: Resources) -> None:
    both = one.with_those_of(other)
    assert both == other.with_those_of(one)
    for wish in (one, other):
        assert both.with_those_of(wish) == both
        assert (both.cpus or 0) >= (wish.cpus or 0) and (both.memory_gb or 0) >= (wish.memory_gb or 0)
        assert both.gpus >= wish.gpus and set(both.labels) >= set(wish.labels)


def test_allocations_and_capacities_survive_the_database() -> None:
    held = Allocation(cpus=0.5, memory_bytes=7, gpus=("0", "GPU-1"))
    assert Allocation.from_json(json.loads(json.dumps(held.to_json()))) == held
    host = Capacity(cpus=2, memory_bytes=8, gpus=("0",), labels=("a",))
    assert Capacity.from_json(json.loads(json.dumps(host.to_json()))) == host
