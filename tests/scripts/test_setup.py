"""setup.sh, on systems that lack one thing each: PATH has the programs that a test puts there, and no others."""

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BASICS = ("bash", "cat", "df", "dirname", "grep", "ls", "sed", "tail", "timeout")
PYTHON = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
DOCKER = "#!/bin/sh\necho 29.1.2\n"
ANYTHING = "#!/bin/sh\nexit 0\n"
PLENTY = "#!/bin/sh\necho Filesystem\necho /dev/disk 9000000000 1 50000000 1% /\n"
SECRET = "s3cret-value"


@dataclass
class System:
    """A system as setup.sh finds it."""

    folder: Path
    programs: dict[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    out: str = ""

    def write(self, name: str, text: str) -> None:
        """Write a file into the home folder, or `.env` beside it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def setup(self, *arguments: str) -> int:
        """Run setup.sh; its exit code."""
        path = self.folder / "bin"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        for name in BASICS:
            if name not in self.programs:
                (path / name).symlink_to(shutil.which(name) or "")
        for name, text in self.programs.items():
            (path / name).write_text(text)
            (path / name).chmod(0o755)
        env = {"PATH": str(path), "HOME": str(self.folder / "home"), "MLEBENCH_ENV_FILE": str(self.folder / ".env")}
        done = subprocess.run(
            [str(REPOSITORY / "setup.sh"), *arguments],
            env=env | self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        self.out = done.stdout + done.stderr
        assert SECRET not in self.out
        return done.returncode

    def said(self, what: str) -> str:
        """What is said of a thing: its line, and those below it that belong to it."""
        lines = self.out.splitlines()
        first = next(number for number, line in enumerate(lines) if line[12:].startswith(what))
        below = lines[first + 1 :]
        last = next((number for number, line in enumerate(below) if not line.startswith(" " * 12)), len(below))
        return "\n".join(lines[first : first + 1 + last])


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A system that has all programs, and no credentials."""
    return System(
        tmp_path,
        {
            "python3": PYTHON,
            "make": ANYTHING,
            "docker": DOCKER,
            "redis-server": ANYTHING,
            "initdb": ANYTHING,
            "df": PLENTY,
        },
    )


def test_a_system_that_has_everything_has_the_minimum(system: System) -> None:
    system.variables = {"KAGGLE_API_TOKEN": SECRET, "OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": SECRET}
    assert system.setup() == 0
    assert "MISSING" not in system.out
    assert "not here" not in system.out
    assert "make run" in system.out


def test_the_minimum_is_python_make_and_room(system: System) -> None:
    system.programs = {name: system.programs[name] for name in ("python3", "make", "df")}
    system.programs["ls"] = "#!/bin/sh\nexit 2\n"  # Postgres' programs are looked for below /usr/lib too
    assert system.setup() == 0
    assert "MISSING" not in system.out
    for optional in ("Docker", "redis-server", "Postgres' programs", "Kaggle account", "OPENAI_API_KEY"):
        said = system.said(optional)
        assert "not here" in said
        assert "get it:" in said
        assert "without it:" in said


def test_without_python_it_says_how_to_get_it(system: System) -> None:
    del system.programs["python3"]
    assert system.setup() == 1
    assert "MISSING" in system.said("Python 3.11 or 3.12")
    assert "apt-get install" in system.said("Python 3.11 or 3.12")


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_a_python_of_another_version_is_named(system: System, version: str) -> None:
    system.programs["python3"] = f"#!/bin/sh\necho {version}\n"
    assert system.setup() == 1
    assert f"found: Python {version}" in system.said("Python 3.11 or 3.12")


def test_a_python_that_cannot_make_environments_is_named(system: System) -> None:
    system.programs["python3"] = f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"\n'
    assert system.setup() == 1
    assert "without venv" in system.said("Python 3.11 or 3.12")


def test_the_python_that_was_asked_for_is_looked_at_first(system: System) -> None:
    system.programs["mine"] = PYTHON
    del system.programs["python3"]
    system.variables = {"PYTHON": "mine"}
    assert system.setup() == 0
    assert "/bin/mine)" in system.out


def test_without_make_it_says_how_to_get_it(system: System) -> None:
    del system.programs["make"]
    assert system.setup() == 1
    assert "MISSING" in system.said("make")


def test_a_disk_that_is_nearly_full_is_not_enough(system: System) -> None:
    system.programs["df"] = "#!/bin/sh\necho Filesystem\necho /dev/disk 9000000 1 1500000 1% /\n"
    assert system.setup() == 1
    assert "1 GB free here; at least 3 GB" in system.said("disk:")


@pytest.mark.parametrize(
    ("docker", "said"),
    [
        ("echo 'permission denied while trying to connect' >&2; exit 1", "usermod -aG docker"),
        ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", "no engine answers"),
        ("sleep 20", "no engine answers"),
    ],
)
def test_an_engine_that_cannot_be_used_is_told_from_none(system: System, docker: str, said: str) -> None:
    system.programs["docker"] = f"#!/bin/sh\n{docker}\n"
    system.programs["sleep"] = f'#!/bin/sh\nexec {shutil.which("sleep")} "$@"\n'
    system.programs["timeout"] = f'#!/bin/sh\nshift\nexec {shutil.which("timeout")} 0.3 "$@"\n'  # less patience
    assert system.setup() == 0
    assert said in system.said("Docker")
    assert "no isolation" in system.said("Docker")


def test_engines_are_asked_also_where_there_is_no_timeout_program(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.BASICS", tuple(name for name in BASICS if name != "timeout"))
    assert system.setup() == 0
    assert "Docker 29.1.2" in system.out


@pytest.mark.parametrize(
    ("variables", "files", "source"),
    [
        ({"KAGGLE_API_TOKEN": SECRET}, {}, "(KAGGLE_API_TOKEN)"),
        ({"KAGGLE_USERNAME": "me", "KAGGLE_KEY": SECRET}, {}, "(KAGGLE_USERNAME and KAGGLE_KEY)"),
        ({}, {"home/.kaggle/access_token": SECRET}, "home/.kaggle/access_token)"),
        ({}, {"home/.kaggle/kaggle.json": f'{{"username": "me", "key": "{SECRET}"}}'}, "home/.kaggle/kaggle.json)"),
        ({}, {".env": f"export KAGGLE_USERNAME=me\nKAGGLE_KEY='{SECRET}'\n"}, "(KAGGLE_USERNAME and KAGGLE_KEY)"),
    ],
)
def test_kaggle_credentials_are_found_where_the_program_finds_them(
    system: System, variables: dict[str, str], files: dict[str, str], source: str
) -> None:
    system.variables = variables
    for name, text in files.items():
        system.write(name, text)
    assert system.setup() == 0
    assert source in system.said("Kaggle account")


@pytest.mark.parametrize(
    "files",
    [
        {".env": f"KAGGLE_USERNAME=\nKAGGLE_KEY={SECRET}\n"},
        {".env": f"#KAGGLE_API_TOKEN={SECRET}\nKAGGLE_USERNAME=  # nobody\nKAGGLE_KEY={SECRET}"},
        {".env": f"KAGGLE_USERNAME=''\nKAGGLE_KEY={SECRET}"},
        {"home/.kaggle/kaggle.json": '{"username": "me"}'},
        {"home/.kaggle/access_token": ""},
    ],
)
def test_half_of_an_account_is_none(system: System, files: dict[str, str]) -> None:
    for name, text in files.items():
        system.write(name, text)
    assert system.setup() == 0
    assert "not here" in system.said("Kaggle account")


def test_what_stands_in_the_env_file_is_not_executed(system: System) -> None:
    system.write(".env", 'OPENAI_API_KEY="$(echo > executed)"\n')
    system.setup()
    assert "ok" in system.said("OPENAI_API_KEY")
    assert not (REPOSITORY / "executed").exists()
    assert not (system.folder / "executed").exists()


RECORDING = '#!/bin/sh\necho "make PYTHON=$PYTHON $*"\n'


def test_it_installs_only_when_it_is_told_to(system: System) -> None:
    system.programs["make"] = RECORDING
    assert system.setup() == 0
    assert "make PYTHON" not in system.out
    assert system.setup("--install") == 0
    assert "make PYTHON=python3 .venv/installed" in system.out


def test_it_installs_nothing_without_the_minimum(system: System) -> None:
    system.programs |= {"make": RECORDING, "python3": "#!/bin/sh\necho 3.9\n"}
    assert system.setup("--install") == 1
    assert "make PYTHON" not in system.out


def test_an_installation_that_fails_is_a_failure(system: System) -> None:
    system.programs["make"] = "#!/bin/sh\nexit 2\n"
    assert system.setup("--install") == 1
    assert "installed into" not in system.out


def test_arguments_that_are_none_are_refused(system: System) -> None:
    assert system.setup("--yes") == 2
    assert "expected none, --install or --help" in system.out


def test_shellcheck_finds_nothing() -> None:
    shellcheck = Path(sys.executable).parent / "shellcheck"
    done = subprocess.run([str(shellcheck), REPOSITORY / "setup.sh"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_help_says_what_it_does(system: System) -> None:
    assert system.setup("--help") == 0
    assert "Exit codes: 0" in system.out
