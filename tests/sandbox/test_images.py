"""What images are called."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.registry import ID
from worker.sandbox.images import image_name

# A component of a repository's name, from the OCI distribution specification.
COMPONENT = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*")


@settings(max_examples=300, deadline=None)
@given(agent_id=st.from_regex(ID, fullmatch=True))
def test_every_agent_has_an_image_name_that_docker_takes(agent_id: str) -> None:
    assert COMPONENT.fullmatch(image_name(agent_id))


def test_plain_ids_are_their_images_names() -> None:
    assert [image_name(name) for name in ("aide/dev", "my-agent", "A_b.c")] == ["aide.dev", "my-agent", "a_b.c"]
