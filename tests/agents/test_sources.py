"""What --agent may be is told apart, and what git is given is what was meant."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.sources import FolderSource, GitSource, check_name, parse_source
from core.errors import InputError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git_source(text: str) -> GitSource:
    source = parse_source(text, lambda: ())
    assert isinstance(source, GitSource)
    return source


@pytest.mark.parametrize(
    ("text", "url", "ref", "subdirectory", "name"),
    [
        ("git+https://h/o/repo", "https://h/o/repo", None, "", "repo"),
        ("git+https://h/o/repo.git@main", "https://h/o/repo.git", "main", "", "repo"),
        ("git+https://h:8443/repo@feature/x", "https://h:8443/repo", "feature/x", "", "repo"),
        ("git+https://h/repo#subdirectory=a/b", "https://h/repo", None, "a/b", "b"),
        (f"git+ssh://git@h/o/repo@{COMMIT}#subdirectory=x/", "ssh://git@h/o/repo", COMMIT, "x", "x"),
        ("git+file:///srv/a%20b/mine.git@v1.0", "file:///srv/a%20b/mine.git", "v1.0", "", "mine"),
        ("git+https://ada:pw@h/repo@v1", "https://ada:pw@h/repo", "v1", "", "repo"),
    ],
)
def test_pips_syntax_is_understood(text: str, url: str, ref: str | None, subdirectory: str, name: str) -> None:
    source = git_source(text)
    assert source == GitSource(url=url, ref=ref, subdirectory=subdirectory)
    assert source.name == name


@pytest.mark.parametrize(
    "text",
    [
        "git+",
        "git+https://",
        "git+https://h",
        "git+https:///repo",
        "git+http://h/repo",
        "git+git://h/repo",
        "git+ext::sh -c touch% x",
        "git+ext://sh/repo",
        "git+--upload-pack=touch x",
        "git+ssh://-oProxyCommand=x/repo",
        "git+ssh://-x@h/repo",
        "git+ssh://u@-h/repo",
        "git+file://host/repo",
        "git+file:relative",
        "git+https://h/repo@",
        "git+https://h/repo@-x",
        "git+https://h/repo@--upload-pack=x",
        "git+https://h/repo@a:b",
        "git+https://h/repo@+main",
        "git+https://h/repo@refs/*",
        "git+https://h/repo@a..b",
        "git+https://h/repo@x^{/y}",
        "git+https://h/re po",
        "git+https://h/repo\n",
        "git+https://h/repo?x=1",
        "git+https://[h/repo",
        "git+https://h/repo#dir",
        "git+https://h/repo#subdirectory=",
        "git+https://h/repo#subdirectory=../x",
        "git+https://h/repo#subdirectory=a/%2e%2e/b",
        "git+https://h/repo#subdirectory=a%00b",
        "https://h/repo",
        "git@github.com:o/repo",
    ],
)
def test_what_git_could_misunderstand_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"expected|is no branch|no repository"):
        parse_source(text, lambda: ())


WORDS = st.text("abcXYZ019._-%", min_size=1, max_size=8).filter(lambda word: word.strip(".") and word[0].isalnum())
GIT_SOURCES = st.builds(
    GitSource,
    url=st.builds(
        "{}://{}/{}".format,
        st.sampled_from(["https", "ssh"]),
        st.builds("{}{}".format, st.sampled_from(["", "ada@", "ada:sesame@", "sesame@"]), st.just("h.example:8443")),
        st.lists(WORDS, min_size=1, max_size=3).map("/".join),
    ),
    ref=st.none() | st.sampled_from(["main", "feature/x", COMMIT]),
    subdirectory=st.lists(WORDS | st.just("ä ö#@&=?"), max_size=3).map("/".join),
)


@settings(max_examples=200, deadline=None)
@given(source=GIT_SOURCES)
def test_what_is_recorded_leads_to_the_same_agent_and_holds_no_password(source: GitSource) -> None:
    again = git_source(str(source))
    assert (again.url, again.ref, again.subdirectory) == (source.public_url, source.ref, source.subdirectory)
    assert ":sesame" not in str(source)
    assert "sesame" not in str(source) or source.url.startswith("ssh://sesame@")
    assert git_source(str(source.at(COMMIT))).ref == COMMIT


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=60) | st.text(max_size=40).map("git+https://h/".__add__))
def test_any_text_is_a_source_an_id_or_refused(text: str) -> None:
    try:
        source = parse_source(text, lambda: ())
    except InputError:
        return
    if isinstance(source, GitSource):
        assert source.url.startswith(("https://", "ssh://", "file:///"))
        assert not (source.ref or "").startswith("-")
        assert ".." not in source.subdirectory.split("/")
    elif source is not None:
        assert source.path.is_absolute()


def test_folders_are_told_from_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to("mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    here = FolderSource(path=tmp_path / "mine")
    for text in ("./mine", "mine", "mine/", str(tmp_path / "mine"), "~/mine", "link", "./mine/../mine"):
        assert parse_source(text, lambda: ()) == here
    assert parse_source("mine", lambda: ("mine", "mine/dev")) is None
    assert parse_source("./mine", lambda: ("mine",)) == here
    for text in ("aide/dev", "", "a\0b", "x" * 5000):
        assert parse_source(text, lambda: ()) is None
    for text in ("./nowhere", "/nowhere", "~nobody-here/x", "./a\0b", "./" + "x" * 5000):
        with pytest.raises(InputError, match="folder"):
            parse_source(text, lambda: ())


def test_a_source_is_called_as_its_folder() -> None:
    assert check_name(FolderSource(path=Path("/srv/my-agent"))) == "my-agent"
    for path in ("/srv/my agent", "/", "/srv/.hidden", "/srv/é"):
        with pytest.raises(InputError, match="rename the folder"):
            check_name(FolderSource(path=Path(path)))


def test_errors_show_no_password() -> None:
    for text in ("git+http://ada:sesame@h/repo", "git+https://ada:sesame@h/", "https://ada:sesame@h/repo"):
        with pytest.raises(InputError) as caught:
            parse_source(text, lambda: ())
        assert "sesame" not in str(caught.value)
