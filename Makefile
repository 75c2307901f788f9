# `make report` and `make test` work on a fresh clone: each makes .venv (Python 3.12 or later) and installs into it.

VENV := .venv
BIN := $(VENV)/bin
# Names under which a suitable Python is looked for; `make PYTHON=/path/to/python ...` decides it by hand.
PYTHON ?= python3.13 python3.12 python3 python
INSTALL := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help setup report test test-all accessibility golden benchmark lint audit reference
.DELETE_ON_ERROR:

help:
	@echo "make report    run the demonstration and write its HTML report"
	@echo "make test      run the tests (some minutes once installed)"
	@echo "make test-all  run the tests that sample as well"
	@echo "make accessibility  check every page with axe-core in headless Chromium (needs both; npm fetches axe-core)"
	@echo "make benchmark measure time and memory from raw export to daily panel (minutes)"
	@echo "make golden    accept what the small run now gives as what golden tests expect"
	@echo "make audit     look the pins up in the list of known vulnerabilities (needs the network)"
	@echo "make reference write the API's pages from its docstrings, as a part of the site"
	@echo "make lint      check style, types and the order of imports"
	@echo "make setup     install everything, for development, into $(VENV)"

setup: $(VENV)/.ready-dev

# A gate that refused (exit code 3) is told in the report, so the report is written all the same.
report: $(VENV)/.ready
	@$(BIN)/bayes-backlog run configs/demo.yaml --results results; code=$$?; \
	case $$code in 0|3) ;; *) exit $$code ;; esac; \
	$(BIN)/bayes-backlog report results/demo && exit $$code

test: $(VENV)/.ready-dev
	$(BIN)/python -m pytest

test-all: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -m "not speed"

# Fetched with npm and never a dependency; `make test` does the same check wherever both are there.
accessibility: $(VENV)/.ready-dev node_modules/axe-core/axe.min.js
	$(BIN)/python -m pytest tests/reporting/test_accessibility.py

node_modules/axe-core/axe.min.js:
	npm install --no-save --no-package-lock axe-core

golden: $(VENV)/.ready-dev
	BAYES_BACKLOG_WRITE_GOLDEN=1 $(BIN)/python -m pytest tests/golden

benchmark: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -m speed tests/benchmarks

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# In an environment of its own: what audits the pins is none of them.
audit: | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(VENV)/audit/bin/pip-audit --requirement constraints.txt --disable-pip --no-deps --strict

# Likewise: quartodoc reads docstrings with griffe 1, and the code without running it.
reference: | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/reference
	$(VENV)/reference/bin/python -m pip install --quiet --disable-pip-version-check "quartodoc==0.11.1" "griffe<2"
	$(VENV)/reference/bin/quartodoc build

$(VENV)/.ready: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing bayes_backlog and what it needs into $(VENV) (a minute or two, once) ..."
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.ready-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing bayes_backlog with its development tools into $(VENV) (a minute or two, once) ..."
	@$(INSTALL) --editable ".[dev]"
	@touch $(VENV)/.ready $@

# Asked for by existence only (`|` above): the date of the interpreter's link says nothing.
$(BIN)/python:
	@for name in $(PYTHON); do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$("$$name" --version) ..."; \
	    "$$name" -m venv $(VENV) && exit 0; \
	    rm -rf $(VENV); \
	    echo "$$name could not make a virtual environment: see its message above (Debian: install python3-venv)." >&2; \
	    exit 1; \
	  fi; \
	done; \
	echo "No Python 3.12 or later was found (looked for: $(PYTHON))." >&2; \
	echo "Install one (pyenv install reads .python-version), or name it: make PYTHON=/path/to/python3.13 ..." >&2; \
	exit 1
