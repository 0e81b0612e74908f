# The one door, for people and for CI. `make help` lists the targets; each prepares what it needs, so
# `make test` or `make demo` on a fresh clone just works.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
WORKERS ?= 2
SECONDS ?= 60
VENV := .venv
PY := $(VENV)/bin/python
STAMPS := $(VENV)/stamps
RUST_SOURCES := $(shell find rust -name '*.rs' -o -name '*.toml') Cargo.toml Cargo.lock
CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.2
UV_VERSION := 0.13.8

# One interpreter for every build, or cargo would rebuild pyo3 each time another tool runs.
export PYO3_PYTHON := $(abspath $(PY))
export VIRTUAL_ENV := $(abspath $(VENV))
unexport CONDA_PREFIX PYTHONPATH PYTHONHOME

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# --- setup ------------------------------------------------------------------------------------------------

.PHONY: setup servers
setup: servers $(STAMPS)/extension ## Make .venv, install the pinned tools, build the extension, install real servers

$(STAMPS)/venv:
	@command -v $(PYTHON) >/dev/null || { echo "make: no $(PYTHON) here: install Python >= 3.11, or name one: make setup PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "make: $(PYTHON) is $$($(PYTHON) --version 2>&1), aofstore needs >= 3.11: make setup PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV) \
	    || { echo "make: the venv module does not work here (on Debian: apt-get install python3-venv)"; exit 1; }
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: requirements/dev.txt $(STAMPS)/venv
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(STAMPS)/bench: requirements/bench.txt $(STAMPS)/dev
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

$(STAMPS)/docs: requirements/docs.txt $(STAMPS)/dev
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@

$(STAMPS)/extension: $(RUST_SOURCES) pyproject.toml $(STAMPS)/dev
	@command -v cargo >/dev/null \
	    || { echo "make: no Rust toolchain (cargo) here. Get one from https://rustup.rs or your package manager (Rust >= 1.89), then run make again"; exit 1; }
	$(VENV)/bin/maturin develop --release --locked --quiet
	@touch $@

# Tests compare with real servers and record calls with strace; they fail, never skip, where one is missing.
servers: $(STAMPS)/dev
	@.ci/packages

# --- everyday ---------------------------------------------------------------------------------------------

.PHONY: demo test test-rust test-python
demo: $(STAMPS)/extension ## Write, rewrite, die by SIGKILL while rewriting, open again, verify, print the table
	$(PY) -m aofstore demo

test: test-rust test-python ## cargo test and pytest, with real servers

test-rust: setup
	cargo test --workspace --locked

test-python: setup
	$(PY) -m pytest -n $(WORKERS) --dist loadgroup -m "not slow and not serial"
	$(PY) -m pytest -m "serial and not slow" || { status=$$?; test $$status -eq 5; }

.PHONY: lint lint-rust lint-python lint-house
lint: lint-python lint-rust lint-house ## ruff, mypy, stubtest, rustfmt, clippy, cargo-deny, zizmor, the walls

lint-python: $(STAMPS)/extension
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PY) -m mypy.stubtest aofstore._core --mypy-config-file pyproject.toml

lint-rust: $(STAMPS)/dev
	@cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt \
	    || { echo "make: rustfmt is missing and could not be installed: rustup component add rustfmt"; exit 1; }
	@cargo clippy --version >/dev/null 2>&1 || rustup component add clippy \
	    || { echo "make: clippy is missing and could not be installed: rustup component add clippy"; exit 1; }
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	@cargo deny --version >/dev/null 2>&1 \
	    || { echo "make: building cargo-deny $(CARGO_DENY_VERSION) once, about three minutes"; cargo install --quiet --locked cargo-deny --version $(CARGO_DENY_VERSION); }
	cargo fetch --locked --quiet
	cargo deny --locked --offline check licenses bans sources

lint-house: $(STAMPS)/dev
	$(PY) tools/licenses.py --check
	$(VENV)/bin/zizmor --offline --strict-collection --quiet .github/workflows
	$(PY) -m pytest -q -p no:cacheprovider tests/meta/test_layers.py

.PHONY: wheel
wheel: setup ## Build the release wheel, install it elsewhere, run the quick tests on it
	.ci/wheel

# --- longer -----------------------------------------------------------------------------------------------

.PHONY: models stress crash fuzz bench docs
models: ## Group commit and the switch under every schedule that shuttle tries
	cargo test -p aofstore-core --lib --locked --features shuttle model

stress: setup ## Many threads and processes on one store, with kills (ARGS="--seconds 600")
	$(PY) tests/stress/run.py $(ARGS)

crash: setup ## 10,000 kills, power cuts, faults, damage and the red controls
	$(PY) tests/crash/run.py $(ARGS)

fuzz: ## Every fuzz target for a while, one after the other (SECONDS=3600 each, ARGS="loader resp" only these)
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --quiet --locked cargo-fuzz --version $(CARGO_FUZZ_VERSION)
	fuzz/run.sh $(SECONDS) $(ARGS)

bench: setup $(STAMPS)/bench ## Side by side with its peers: a table and a picture
	$(PY) -m benchmarks.run $(ARGS)

docs: $(STAMPS)/extension $(STAMPS)/docs ## Build the documentation, warnings are errors
	$(VENV)/bin/sphinx-build --fail-on-warning --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# --- upkeep -----------------------------------------------------------------------------------------------

.PHONY: format licenses pages lock clean
format: $(STAMPS)/dev ## Format Python and Rust
	$(VENV)/bin/ruff check --fix-only --quiet .
	$(VENV)/bin/ruff format --quiet .
	cargo fmt --all

licenses: $(STAMPS)/dev ## Write LICENSE-THIRD-PARTY from Cargo.lock
	$(PY) tools/licenses.py

pages: $(STAMPS)/extension ## Write docs/commands from the command table
	$(PY) -m tools.command_pages

LOCK = $(PY) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
    --no-emit-find-links --custom-compile-command 'make lock' pyproject.toml
lock: $(STAMPS)/dev ## Pin the newest development tools in requirements/
	$(PY) -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(LOCK) --group build --group test --group lint -o requirements/dev.txt
	$(LOCK) --group quick -c requirements/dev.txt -o requirements/quick.txt
	$(LOCK) --group bench -c requirements/dev.txt -o requirements/bench.txt
	$(LOCK) --group docs -c requirements/dev.txt -o requirements/docs.txt

clean: ## Remove what was built
	rm -rf $(VENV) target dist docs/_build python/aofstore/_core*.so
