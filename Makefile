# make run    install, and run the baseline agent on the dev split
# make test   install what the tests need too, and run them
# make faults  kill, cut and fill real services under runs, and count (needs root); MLEBENCH_FAULTS=long for large runs
# make check  lint, format and types
# make lock   resolve the dependencies anew into requirements.lock

# The first Python that fits: 3.11 or 3.12, with venv. Another one: make PYTHON=/path/to/python run
PYTHON ?= $(firstword $(foreach name,python3.12 python3.11 python3,$(shell $(name) -c \
	"import ensurepip, sys, venv; (3, 11) <= sys.version_info[:2] <= (3, 12) and print('$(name)')" 2>/dev/null)))
# The lock file holds every extra; as constraints it serves the plain installation and the tests' alike.
PIP_INSTALL = .venv/bin/pip install --quiet --disable-pip-version-check --constraint requirements.lock

.PHONY: run test check unit integration faults lock clean

run: .venv/installed
	.venv/bin/python scripts/submit.py --split dev

test: check unit integration faults

check: .venv/installed-for-tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

unit: .venv/installed-for-tests
	.venv/bin/pytest -n auto -m "not integration and not faults"

integration: .venv/installed-for-tests
	# These need no service, only time: the properties of every technique on every data set.
	.venv/bin/pytest -n auto tests/integration/test_techniques.py
	.venv/bin/pytest -n 2 --dist loadfile -m integration --ignore tests/integration/test_techniques.py

faults: .venv/installed-for-tests
	.venv/bin/pytest tests/faults -n 3 --dist loadfile

lock: .venv/installed
	.venv/bin/pip install --quiet uv
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
		--all-extras pyproject.toml -o requirements.lock

.venv/installed: pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or 3.12 with venv is needed; none was found on PATH" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(PIP_INSTALL) --editable '.[dev-split]'
	touch $@

.venv/installed-for-tests: .venv/installed
	$(PIP_INSTALL) --editable '.[catalogue,dev-split,test]'
	touch $@

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
