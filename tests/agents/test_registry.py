"""Agents are found, their agent.yaml is understood in both formats, and whatever is wrong with it is said."""

import logging
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.registry import AGENTS, Agent, KwargsType, agent_roots, list_agents, load_agent
from core.errors import InputError, UnknownName
from core.resources import Resources

REFERENCE = """
vars:
  steps: &steps 500
defaults: &defaults
  kwargs_type: omegaconf
  env_vars: &env
    OPENAI_API_KEY: ${{ secrets.OPENAI_API_KEY }}
    TIME_LIMIT: 86400
aide:
  <<: *defaults
  start: aide/start.sh
  dockerfile: aide/Dockerfile
  kwargs:
    agent.steps: *steps
    agent.code.model: gpt-4o-2024-08-06
    copy_data: false
aide/dev:
  <<: *defaults
  start: start.sh
  kwargs: {agent.steps: 2}
  privileged: false
"""


def folder_of(root: Path, name: str, content: str | None, *files: str) -> Path:
    """An agent's folder with agent.yaml (None: without) and empty files."""
    folder = root / name
    folder.mkdir(parents=True)
    for file in files or ("start.sh", "Dockerfile"):
        (folder / file).write_text("")
    if content is not None:
        (folder / "agent.yaml").write_text(content)
    return folder


def loaded(root: Path, content: str, agent_id: str = "mine") -> Agent:
    folder_of(root, agent_id.partition("/")[0], content)
    return load_agent(agent_id, roots=[root])


def test_the_repository_holds_its_own_agents() -> None:
    assert {"baseline", "dummy"} <= set(list_agents(agent_roots(None)))
    for agent_id in ("baseline", "dummy"):
        agent = load_agent(agent_id, roots=agent_roots(None))
        assert (agent.folder / agent.start).is_file()
        assert (agent.folder / agent.dockerfile).is_file()
        assert not agent.network and not agent.secrets()


def test_an_empty_file_has_the_defaults(tmp_path: Path) -> None:
    agent = loaded(tmp_path, "")
    assert agent == Agent(
        id="mine",
        folder=tmp_path / "mine",
        start="start.sh",
        dockerfile="Dockerfile",
        kwargs={},
        kwargs_type=KwargsType.ARGPARSE,
        env_vars={},
        network=False,
        privileged=False,
        resources=Resources(),
    )
    assert agent.arguments() == []


def test_arguments_of_both_kinds(tmp_path: Path) -> None:
    kwargs = "kwargs: {steps: 5, rate: 0.5, verbose: true, model: a b, left_out: null}"
    argparse = loaded(tmp_path / "1", kwargs)
    assert argparse.arguments() == ["--steps", "5", "--rate", "0.5", "--verbose", "True", "--model", "a b"]
    omegaconf = loaded(tmp_path / "2", f"{kwargs}\nkwargs_type: omegaconf")
    assert omegaconf.arguments() == ["steps=5", "rate=0.5", "verbose=True", "model=a b"]


def test_a_variant_changes_what_it_names(tmp_path: Path) -> None:
    content = """
kwargs: {steps: 500, model: large, extra: 1}
env_vars: {KEY: a}
network: true
variants:
  dev:
    kwargs: {steps: 5, extra: null}
  offline: {network: false, env_vars: {MORE: 1}}
"""
    dev = loaded(tmp_path, content, "mine/dev")
    assert (dev.id, dev.kwargs, dev.network) == ("mine/dev", {"steps": 5, "model": "large"}, True)
    offline = load_agent("mine/offline", roots=[tmp_path])
    assert (offline.network, offline.env_vars) == (False, {"KEY": "a", "MORE": "1"})
    assert offline.kwargs == {"steps": 500, "model": "large", "extra": 1}
    assert list_agents([tmp_path]) == ["mine", "mine/dev", "mine/offline"]


def test_the_reference_format(tmp_path: Path) -> None:
    agent = loaded(tmp_path, REFERENCE, "aide")
    assert (agent.start, agent.dockerfile) == ("start.sh", "Dockerfile")
    assert agent.arguments() == ["agent.steps=500", "agent.code.model=gpt-4o-2024-08-06", "copy_data=False"]
    assert agent.environment({"OPENAI_API_KEY": "k"}) == {"OPENAI_API_KEY": "k", "TIME_LIMIT": "86400"}
    assert agent.asks_for_model and not agent.network, "a model is reached without a network"
    assert load_agent("aide/dev", roots=[tmp_path]).arguments() == ["agent.steps=2"]
    assert list_agents([tmp_path]) == ["aide", "aide/dev"]


def test_the_reference_format_has_a_network_only_where_it_says_so(tmp_path: Path) -> None:
    without = loaded(tmp_path / "1", "mine: {start: mine/start.sh}")
    assert not without.network and not without.asks_for_model
    assert loaded(tmp_path / "2", "mine: {start: mine/start.sh, network: true}").network


def test_an_agent_asks_for_a_model_by_naming_its_key_anywhere(tmp_path: Path) -> None:
    assert loaded(tmp_path / "1", "env_vars: {MODEL: 'key=${{ secrets.OPENAI_API_KEY }}'}").asks_for_model
    assert not loaded(tmp_path / "2", "env_vars: {OPENAI_API_KEY: none}").asks_for_model
    assert not loaded(tmp_path / "3", "env_vars: {A: '${{ secrets.MY_OPENAI_API_KEY }}'}").asks_for_model


def test_the_reference_format_under_another_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"describes aide, aide/dev; expected 'mine', the folder's name"):
        loaded(tmp_path, REFERENCE)


def test_secrets_are_filled_in_and_missing_ones_named(tmp_path: Path) -> None:
    agent = loaded(tmp_path, "env_vars:\n  A: x-${{ secrets.ONE }}-${{secrets.TWO}}\n  B: ${{ secrets.ONE }}")
    assert agent.secrets() == {"ONE", "TWO"}
    assert agent.environment({"ONE": "1", "TWO": r"\2"}) == {"A": r"x-1-\2", "B": "1"}
    with pytest.raises(InputError, match="mine needs ONE, TWO, which are not set"):
        agent.environment({"ONE": ""})
    with pytest.raises(InputError, match="mine needs TWO, which is not set"):
        agent.environment({"ONE": "1"})


def test_privileged_needs_consent(tmp_path: Path) -> None:
    folder_of(tmp_path, "mine", "privileged: true")
    with pytest.raises(InputError, match="I_ACCEPT_RUNNING_PRIVILEGED_CONTAINERS"):
        load_agent("mine", roots=[tmp_path])
    assert load_agent("mine", roots=[tmp_path], allow_privileged=True).privileged


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("start: [", r"agent\.yaml is not valid YAML in line 1"),
        ("kwargs:\n  a: 1\n b: 2", r"not valid YAML in line 3"),
        ("- a", r"expected keys and values, not \['a'\]"),
        ("strat: a.sh", r"unknown key 'strat'; did you mean start\?"),
        ("colour: red", r"unknown key 'colour'; known: start, dockerfile"),
        ("start: 5", r"start: expected a text, not 5"),
        ("start: ../other/start.sh", r"start: expected a file inside the agent's folder, not '\.\./other"),
        ("start: /etc/passwd", r"start: expected a file inside"),
        ("start: link.sh", r"start: expected a file inside"),
        ("start: .", r"has no \. in"),
        ("start: go.sh", r"has no go\.sh in"),
        ("dockerfile: Other", r"dockerfile: there is no Other"),
        ("kwargs: 5", r"kwargs: expected keys and values, not 5"),
        ("kwargs: {a: [1, 2]}", r"kwargs\.a: expected a text, a number, true, false or null, not \[1, 2\]"),
        ("kwargs: {a b: 1}", r"kwargs: expected a name without spaces"),
        ("kwargs: {-a: 1}", r"kwargs: expected a name"),
        ("kwargs_type: json", r"kwargs_type: expected argparse or omegaconf, not 'json'"),
        ("env_vars: {1A: x}", r"env_vars: expected a variable's name, not '1A'"),
        ("env_vars: {A: {b: c}}", r"env_vars\.A: expected a text"),
        ("env_vars:\n  A: ${{ env.HOME }}", r"env_vars\.A: expected \$\{\{ secrets\.NAME \}\}"),
        ("network: maybe", r"network: expected true or false, not 'maybe'"),
        ("privileged: 1", r"privileged: expected true or false, not 1"),
        ("variants: [dev]", r"variants: expected keys and values"),
        ("variants: {../dev: {}}", r"variants: expected a name like dev"),
        ("variants: {dev: {stepz: 1}}", r"variants\.dev: unknown key 'stepz'"),
        ("mine: {start: start.sh, stepz: 1}", r"agent\.yaml: mine: unknown key 'stepz'"),
        ("start: !!python/object/apply:os.system [ls]", r"not valid YAML in line 1"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: str, message: str) -> None:
    folder = folder_of(tmp_path, "mine", content)
    (folder / "link.sh").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match=message) as caught:
        load_agent("mine", roots=[tmp_path])
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_a_folder_without_start_sh(tmp_path: Path) -> None:
    folder_of(tmp_path, "mine", "", "Dockerfile")
    with pytest.raises(InputError, match=r"agent mine has no start\.sh in"):
        load_agent("mine", roots=[tmp_path])


@pytest.mark.parametrize("file", ["config.yaml", "start.sh"])
def test_a_folder_without_agent_yaml(tmp_path: Path, file: str) -> None:
    folder_of(tmp_path, "mine", None, file)
    with pytest.raises(InputError, match=r"has no agent\.yaml"):
        load_agent("mine", roots=[tmp_path])


def test_unknown_names_come_with_the_nearest(tmp_path: Path) -> None:
    folder_of(tmp_path, "mine", "variants: {dev: {}}")
    with pytest.raises(UnknownName, match="did you mean mine"):
        load_agent("mime", roots=[tmp_path])
    with pytest.raises(UnknownName, match="did you mean mine/dev"):
        load_agent("mine/def", roots=[tmp_path])


@pytest.mark.parametrize("agent_id", ["", "..", "../dummy", "dummy/", "/dummy", "a/b/c", "dum my", "dummy\n", "-x"])
def test_unsafe_ids(agent_id: str) -> None:
    with pytest.raises(InputError, match="is not an agent id"):
        load_agent(agent_id, roots=[AGENTS])


def test_roots(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    folder_of(first, "mine", "")
    folder_of(second, "mine", "")
    assert agent_roots(f"{first}:{second}") == [AGENTS, first, second]
    with pytest.raises(InputError, match="is in two folders"):
        load_agent("mine", roots=[first, second])
    with pytest.raises(InputError, match=r"MLEBENCH_AGENTS_PATH names .*nowhere, which is not a folder"):
        agent_roots(str(tmp_path / "nowhere"))


def test_a_broken_agent_does_not_hide_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder_of(tmp_path, "broken", "start: [")
    folder_of(tmp_path, "mine", "")
    with caplog.at_level(logging.WARNING):
        assert list_agents([tmp_path]) == ["broken", "mine"]
    assert "broken" in caplog.text


def test_the_hash_is_of_names_contents_and_executable_bits(tmp_path: Path) -> None:
    agent, twin = loaded(tmp_path / "1", ""), loaded(tmp_path / "elsewhere", "")
    before = agent.content_hash()
    assert before == twin.content_hash()

    (agent.folder / "__pycache__").mkdir()
    (agent.folder / "__pycache__" / "a.pyc").write_text("x")
    (agent.folder / ".git").mkdir()
    (agent.folder / ".git" / "HEAD").write_text("x")
    (agent.folder / "empty").mkdir()
    assert agent.content_hash() == before

    seen = {before}
    for change in (
        lambda: (agent.folder / "start.sh").chmod(0o755),
        lambda: (agent.folder / "start.sh").write_text("echo"),
        lambda: (agent.folder / "start.sh").rename(agent.folder / "begin.sh"),
        lambda: (agent.folder / "sub").mkdir(),
        lambda: (agent.folder / "sub" / "a.py").write_text("1"),
        lambda: (agent.folder / "link").symlink_to("sub"),
    ):
        change()
        seen.add(agent.content_hash())
    assert len(seen) == 6, "every change but the empty folder changes the hash"


def bomb(of: str, levels: int = 6) -> str:
    """Items of a list that each hold the one before ten times: `of` says how."""
    first, then = (
        "&a0 {x: 1, y: 2}",
        (f"&a{level} " + of.format(",".join([f"*a{level - 1}"] * 10)) for level in range(1, levels)),
    )
    return ", ".join([first, *then])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"start: [[{bomb('[{}]')}]]", r"start: expected a text, not \[\[\{\.\.\.\}, \["),
        (f"start: [{bomb('{{<<: [{}]}}')}]", "a mapping has more than 5000 entries"),
        ("start: [&a x" + ", *a" * 501 + "]", "more than 500 aliases"),
        ("start: &a [*a]", r"start: expected a text, not \[\["),
        ("start: " + "[" * 600, "nested too deep"),
        ("start: " + "{a: " * 600, "nested too deep"),
        ("#" * (1 << 20) + "\n", "larger than 1 MiB"),
        ("kwargs: {a: 0x" + "f" * 5000 + "}", "a number has more than 100 digits"),
        ("kwargs: {a: " + "9" * 5000 + "}", "a number has more than 100 digits"),
        ("kwargs: {a: 2020-99-99}", "cannot be read: month must be"),
    ],
)
def test_a_small_file_makes_neither_much_work_nor_a_traceback(tmp_path: Path, content: str, message: str) -> None:
    folder_of(tmp_path, "mine", content)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=message) as caught:
            load_agent("mine", roots=[tmp_path])
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 400


def test_aliases_and_merges_of_honest_files_are_read(tmp_path: Path) -> None:
    variants = "".join(f"  v{number}: {{<<: *base, kwargs: *kwargs}}\n" for number in range(100))
    agent = loaded(
        tmp_path,
        f"kwargs: &kwargs {{n: {2**64}, hex: 0x1F}}\nvariants:\n  v: &base {{network: true}}\n{variants}",
        "mine/v7",
    )
    assert agent.network and agent.arguments() == ["--n", str(2**64), "--hex", "31"]


pieces = st.sampled_from(
    ["&a ", "*a", "[", "]", "{", "}", "<<: ", "a: ", ", ", "? ", "- ", "\n", "0x1", "2020-13-01", "x"]
)
keys = st.sampled_from(["start", "kwargs", "env_vars", "variants", "resources"])


@settings(max_examples=100, deadline=None)
@given(key=keys, parts=st.lists(pieces, max_size=12))
def test_any_yaml_is_understood_or_refused(
    tmp_path_factory: pytest.TempPathFactory, key: str, parts: list[str]
) -> None:
    root = tmp_path_factory.mktemp("agents")
    folder_of(root, "mine", f"{key}: " + "".join(parts))
    try:
        load_agent("mine", roots=[root]).arguments()
    except InputError as error:
        assert len(str(error)) < 600


@settings(max_examples=30, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_is_understood_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.mktemp("agents")
    folder_of(root, "mine", None)
    (root / "mine" / "agent.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        agent = load_agent("mine", roots=[root])
    except InputError as error:
        assert "agent.yaml" in str(error) or "has no" in str(error)
    else:
        assert agent.id == "mine"
