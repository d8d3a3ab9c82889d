"""Agents come out of git repositories at a fixed commit, whatever is in those repositories."""

import os
import socket
import time
from pathlib import Path

import pytest

from agents import cloning, contents
from agents.cloning import read_commit
from agents.contents import Kind, write_folder
from agents.sources import GitSource, parse_source
from core.errors import InputError
from tests.agents.repositories import AGENT, Repository, https_server


def source_of(text: str) -> GitSource:
    source = parse_source(text, lambda: ())
    assert isinstance(source, GitSource)
    return source


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository whose branch main holds an agent, and another one below agents/other."""
    return Repository.create(
        tmp_path / "mine.git", {**AGENT, "agents/other/agent.yaml": "", "agents/other/start.sh": "true\n"}
    )


def test_a_branch_is_taken_as_it_is_now_and_stays_what_it_was(repository: Repository) -> None:
    first = read_commit(source_of(f"{repository.url}@main"))
    assert first.source.ref == repository.git("rev-parse", "main")
    repository.commit({"start.sh": "exit 1\n"})
    again = read_commit(first.source)
    assert again == first
    assert read_commit(source_of(f"{repository.url}@main")).entries != first.entries


def test_tags_commits_and_the_default_branch_are_found(repository: Repository) -> None:
    commit = repository.git("rev-parse", "HEAD")
    repository.git("tag", "--annotate", "v1", "--message", "first")
    repository.git("branch", "feature/one")
    repository.commit({"start.sh": "exit 1\n"})
    for ref in ("v1", "feature/one", commit):
        assert read_commit(source_of(f"{repository.url}@{ref}")).source.ref == commit
    assert read_commit(source_of(repository.url)).source.ref == repository.git("rev-parse", "HEAD")


def test_files_come_with_their_kinds_and_without_those_that_are_no_part(repository: Repository) -> None:
    (repository.path / "run").symlink_to("start.sh")
    (repository.path / "start.sh").chmod(0o755)
    repository.commit({"__pycache__/a.pyc": "x"})
    kinds = {entry.name: entry.kind for entry in read_commit(source_of(repository.url)).entries}
    assert kinds == {
        "agent.yaml": Kind.FILE,
        "agents/other/agent.yaml": Kind.FILE,
        "agents/other/start.sh": Kind.FILE,
        "run": Kind.LINK,
        "start.sh": Kind.EXECUTABLE,
    }


def test_a_subdirectory_is_an_agent_of_its_own(repository: Repository) -> None:
    commit = read_commit(source_of(f"{repository.url}#subdirectory=agents/other"))
    assert [entry.name for entry in commit.entries] == ["agent.yaml", "start.sh"]
    assert str(commit.source).endswith(f"@{commit.source.ref}#subdirectory=agents/other")


@pytest.mark.parametrize(
    ("suffix", "message"),
    [
        ("@nowhere", "couldn't find remote ref nowhere"),
        ("@abcdef1", "all 40 digits"),
        ("#subdirectory=nowhere", "has no folder 'nowhere'"),
        ("#subdirectory=start.sh", "has no folder 'start.sh'"),
        ("/nowhere", "does not appear to be a git repository"),
    ],
)
def test_what_is_not_there_is_named_in_one_line(repository: Repository, suffix: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_commit(source_of(f"{repository.url}{suffix}"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_of_the_repository_or_of_the_users_settings_is_carried_out(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "reference-transaction", "post-merge"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (hooks / name).chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(f'[core]\n hooksPath = {hooks}\n[filter "lfs"]\n smudge = touch {ran}\n process = touch {ran}\n')
    pointer = "version https://git-lfs.github.com/spec/v1\n"
    repository.commit({".gitattributes": "*.bin filter=lfs\n*.sh text eol=crlf\n", "model.bin": pointer})
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    found = {entry.name: entry.content for entry in read_commit(source_of(repository.url)).entries}
    assert found["model.bin"] == pointer.encode()
    assert found["start.sh"] == b"exit 0\n"
    assert not ran.exists()


def test_it_works_within_a_hook_of_another_repository(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in cloning.ANOTHER_REPOSITORYS:
        monkeypatch.setenv(name, "/nowhere")
    assert read_commit(source_of(repository.url)).source.ref


def test_submodules_are_left_out(repository: Repository, tmp_path: Path) -> None:
    other = Repository.create(tmp_path / "other", {"secret.txt": "x"})
    repository.git("submodule", "--quiet", "add", str(other.path), "vendored")
    repository.commit({})
    names = [entry.name for entry in read_commit(source_of(repository.url)).entries]
    assert ".gitmodules" in names
    assert not any(name.startswith("vendored") for name in names)


@pytest.mark.parametrize("name", ["..", ".git", "a\x1bb", "\udcff"])
def test_names_that_no_working_tree_would_have_are_refused_or_left_out(repository: Repository, name: str) -> None:
    blob = repository.git("hash-object", "-w", "--stdin", given=b"x").encode()
    inner = b"100644 f\0" + bytes.fromhex(blob.decode())
    tree = repository.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=inner)
    outer = b"40000 " + os.fsencode(name) + b"\0" + bytes.fromhex(tree)
    crafted = repository.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=outer)
    repository.commit_tree(crafted, "crafted")
    source = source_of(f"{repository.url}@crafted")
    if name == ".git":
        assert read_commit(source).entries == []
    else:
        with pytest.raises(InputError, match="the name"):
            read_commit(source)


def test_a_link_that_leads_out_is_refused_when_it_is_written(repository: Repository, tmp_path: Path) -> None:
    (repository.path / "deep" / "er").mkdir(parents=True)
    (repository.path / "deep" / "er" / "up").symlink_to("../..")
    (repository.path / "out").symlink_to("deep/er/up/../..")  # by its own words it stays inside
    repository.commit({})
    commit = read_commit(source_of(repository.url))
    with pytest.raises(InputError, match="'out' leads out of the agent's folder"):
        write_folder(commit.entries, tmp_path / "written", where="here")


def test_a_tree_of_a_million_files_is_refused_at_once(repository: Repository) -> None:
    """Of six objects: each tree holds ten times the one below it."""
    tree = repository.git("hash-object", "-w", "--stdin", given=b"x")
    kind = "100644 blob"
    for _ in range(6):
        listed = "".join(f"{kind} {tree}\tf{number}\n" for number in range(10))
        tree, kind = repository.git("mktree", given=listed.encode()), "040000 tree"
    repository.commit_tree(tree, "bomb")
    with pytest.raises(InputError, match="more files than an agent may have"):
        read_commit(source_of(f"{repository.url}@bomb"))


def test_what_is_too_large_is_not_read(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit({"model": "0" * 5000})
    for module in (cloning, contents):
        monkeypatch.setattr(module, "MOST_BYTES", 4000)
    monkeypatch.setattr(cloning._Repository, "_contents", None)
    with pytest.raises(InputError, match="keep data, models"):
        read_commit(source_of(repository.url))


def test_a_fetch_that_writes_too_much_ends(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository.path / "noise").write_bytes(os.urandom(1 << 20))
    repository.commit({})
    monkeypatch.setattr(cloning, "LARGEST_PACK", 1 << 19)
    with pytest.raises(InputError, match="larger than 0 MiB"):
        read_commit(source_of(repository.url))


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = source_of(f"git+https://127.0.0.1:{silent.getsockname()[1]}/repo")
        started = time.monotonic()
        with pytest.raises(InputError, match=r"did not get it within 0\.5 s"):
            read_commit(source, within_secs=0.5)
        assert time.monotonic() - started < 10


def test_over_https(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with https_server(tmp_path, tmp_path) as (url, certificate):
        source = source_of(f"git+{url}/mine.git@main#subdirectory=agents/other")
        with pytest.raises(InputError, match="certificate"):
            read_commit(source)
        monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate))
        commit = read_commit(source)
        assert [entry.name for entry in commit.entries] == ["agent.yaml", "start.sh"]
        assert read_commit(commit.source) == commit


def test_a_password_is_used_and_appears_nowhere(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with https_server(tmp_path, tmp_path, password=True) as (url, certificate):
        monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate))
        monkeypatch.delenv("GIT_ASKPASS", raising=False)
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        with pytest.raises(InputError, match="could not read Username"):  # and nobody is asked
            read_commit(source_of(f"git+{url}/mine.git"))
        with_password = f"git+{url}/mine.git".replace("//", "//ada:sesame@")
        assert "sesame" not in str(read_commit(source_of(with_password)).source)
        with pytest.raises(InputError) as caught:
            read_commit(source_of(with_password.replace("mine.git", "nowhere")))
        assert "sesame" not in str(caught.value)
