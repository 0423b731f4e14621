# Every target does its own set-up: a fresh clone on Debian with python3, python3-venv and make is enough.
VENV ?= .venv
PYTHON ?= python3
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet
BENCH ?=
TORTURE ?=
HALF = tests/unit tests/contract tests/server $(patsubst %,tests/faults/test_%.py,fault_proxy fuzz hostile_cards hostile_servers verify)

.DEFAULT_GOAL := help
.PHONY: help demo test torture lint format types imports bench requirements clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1: /p' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "cardsync needs Python 3.11 or newer"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python has no venv here; on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/.demo: requirements/demo.txt requirements/build.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/build.txt -r requirements/demo.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/dev.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo  ## the whole loop on an invented address book
	$(VENV)/bin/cardsync demo

test: $(VENV)/.dev  ## all tests, on real servers, in two halves side by side
	@$(VENV)/bin/python -m compileall -q src tests bench  # hundreds of processes import them, some where none may write
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	$(VENV)/bin/python -m pytest $(HALF) >"$$log" 2>&1 & half=$$!; \
	$(VENV)/bin/python -m pytest $(HALF:%=--ignore=%); second=$$?; \
	wait $$half; first=$$?; cat "$$log"; exit $$((first > second ? first : second))

torture: $(VENV)/.dev  ## the long form of the tests in tests/faults; TORTURE="races --rounds 10000 --seed 1"
	PYTHONPATH=tests:bench $(VENV)/bin/python -m torture $(TORTURE)

lint: $(VENV)/.dev  ## ruff: rules and layout
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(VENV)/.dev  ## ruff: put the layout right
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

types: $(VENV)/.dev  ## mypy --strict
	$(VENV)/bin/mypy

imports: $(VENV)/.dev  ## the import contracts
	$(VENV)/bin/lint-imports

bench: $(VENV)/.dev  ## figures against bare requests and vdirsyncer; BENCH="--contacts 1000 --vips 20" for less
	$(VENV)/bin/python bench/pull.py $(BENCH)

# All pins come from one resolution, the smaller sets out of the larger ones' constraints.
COMPILE = $(VENV)/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header

requirements: $(VENV)/.dev  ## pin anew: UPGRADE=--upgrade for the newest versions
	$(COMPILE) $(UPGRADE) --output-file requirements/dev.txt --extra demo pyproject.toml requirements/dev.in
	$(COMPILE) --constraint requirements/dev.txt --output-file requirements/demo.txt --extra demo pyproject.toml
	$(COMPILE) --constraint requirements/dev.txt --output-file requirements/runtime.txt pyproject.toml
	$(COMPILE) --constraint requirements/dev.txt --output-file requirements/build.txt requirements/build.in

clean:  ## remove what was made here
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
