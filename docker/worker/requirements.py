"""Print what pyproject.toml requires, with the extras that are named: python requirements.py pyproject.toml EXTRA..."""

import sys
import tomllib
from pathlib import Path

described = tomllib.loads(Path(sys.argv[1]).read_text())
project = described["project"]
extras = [requirement for name in sys.argv[2:] for requirement in project["optional-dependencies"][name]]
wanted = [*described["build-system"]["requires"], *project["dependencies"], *extras]
sys.stdout.write("\n".join([*wanted, ""]))
