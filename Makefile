# Everything that is done with a clone. `make help` lists it. Nothing has to be installed by hand
# but cargo, python3 and a C compiler; a target that has nothing to do is quick.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --quiet
# The order flow of `make run`: seconds, file (else TOUCHLINE_DATA, else synthetic), speed.
LIMIT ?=
DATA ?=
SPEED ?=
# Commands that go through the matcher and its twin in `make test`.
TWIN_COMMANDS ?= 1000000
LOOM_TARGET := $(or $(CARGO_TARGET_DIR),target)/loom

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(VENV)/.dev programs ## install everything for work on Touchline, into .venv
	@echo "ready: $(VENV)/bin/touchline --help"

.PHONY: run
run: programs ## start a venue and play order flow: LIMIT=<seconds> DATA=<file> SPEED=<factor>
	@$(VENV)/bin/touchline demo $(if $(LIMIT),--limit $(LIMIT)) $(if $(DATA),--data $(DATA)) \
	    $(if $(SPEED),--speed $(SPEED))

.PHONY: demo-models
demo-models: $(VENV)/.dev programs ## make the model and the targets of `make run` anew
	@$(PYTHON) marketdata/demo_models.py

# The recording that `make train` learns from, its instrument, and how far ahead.
ES_DAY := l3/esh4-glbx-mdp3-20231225.mbo.dbn.zst
HORIZON ?= 1s

.PHONY: train
train: $(VENV)/.dev programs ## train a model on the ES day of TOUCHLINE_DATA, into var/model
	@test -n "$${TOUCHLINE_DATA:-}" || { echo "make train: TOUCHLINE_DATA is not set; it names the" \
	    "folder with $(ES_DAY)" >&2; exit 1; }
	@mkdir -p var/model
	@$(VENV)/bin/touchline demo --print-config > var/model/venue.toml
	@$(VENV)/bin/touchline train "$$TOUCHLINE_DATA/$(ES_DAY)" --venue var/model/venue.toml \
	    --symbol ESH4 --into var/model --horizon $(HORIZON)

.PHONY: test
test: prepare ## every test of the everyday tier
	@$(MAKE) check
	TWIN_COMMANDS=$(TWIN_COMMANDS) cargo test --workspace --locked
	RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=$(LOOM_TARGET) \
	    cargo test --package touchline-ring --test loom --locked
	$(PYTHON) -m pytest --numprocesses=2 --dist=loadfile --durations=10
	@echo "make test: everything holds"

.PHONY: twin
twin: ## 100 million random commands through the matcher and its slow twin; writes tests/results
	@mkdir -p tests/results
	TWIN_COMMANDS=100000000 cargo test --release --package touchline-matcher --locked --test twin \
	    -- --nocapture --test-threads 1 | tee tests/results/twin.txt
	@printf 'commit %s, %s, %s, %s\n' "$$(git rev-parse --short HEAD)" "$$(date -u +%F)" \
	    "$$(uname -sr)" "$$(lscpu | sed -n 's/^Model name: *//p')" | tee -a tests/results/twin.txt

.PHONY: bench
bench: $(VENV)/.package programs ## what every part costs, beside floors; writes bench/results
	$(PYTHON) bench/run.py

# Seed of the order flow of `make bench-matching`, and of who sends it.
SEED ?= 23
# A program that plays the same flow beside ours in `make bench-matching`: bench/README.md.
BESIDE ?=

.PHONY: bench-matching
bench-matching: $(VENV)/.package ## what a command costs beside its floor: SEED=<n> BESIDE=<program>
	@tests/install-packages.sh valgrind || echo "instructions will not be counted" >&2
	$(PYTHON) bench/matching.py --seed $(SEED) $(if $(BESIDE),--beside $(BESIDE))

.PHONY: bench-growth
bench-growth: $(VENV)/.package ## what a command costs in the matcher as its books grow, drawn
	$(PYTHON) bench/growth.py

.PHONY: check
check: $(VENV)/.dev programs ## what is quick: format, lints, types, generated files, house rules
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	$(PYTHON) core/schema/generate.py --check
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest --quiet tests/tidy tests/schema

# Seconds that each fuzz target runs, and how many of them at a time.
SECONDS ?= 600
JOBS ?= 1

.PHONY: fuzz
fuzz: ## fuzz everything that reads foreign bytes: SECONDS=<per target> JOBS=<at a time>
	JOBS=$(JOBS) fuzz/run.sh $(SECONDS)

# Source files that `make mutants` changes, else those of .cargo/mutants.toml.
FILES ?=
CARGO_MUTANTS := 27.1.0

.PHONY: mutants
mutants: .tools/cargo-mutants-$(CARGO_MUTANTS) ## what no test of the matcher notices: FILES=<some>
	python3 tests/mutants/run.py --jobs $(JOBS) $(FILES)

.PHONY: format
format: $(VENV)/.dev ## format Rust and Python
	cargo fmt --all
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

.PHONY: wheel
wheel: $(VENV)/.runtime ## one wheel for every CPython, into dist/
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .

.PHONY: lock
lock: $(VENV)/.runtime ## resolve the dependencies anew, within pyproject.toml
	$(PIP) install uv
	$(PYTHON) requirements/lock.py

.PHONY: clean
clean: ## remove everything that was built or installed here
	rm -rf $(VENV) .tools fuzz/{corpus,artifacts} target dist var .pytest_cache .mypy_cache .ruff_cache
	rm -rf core/touchline/core/{bin,include,libtouchline.so}
	find core marketdata models optimizer strategy systemd tests tuning -name __pycache__ -prune \
	    -exec rm -rf {} +

# --- What the targets above stand on -------------------------------------------------------------

# QuickFIX, which has no binary packages, compiles on one core while cargo uses the other.
.PHONY: prepare
prepare:
	@$(MAKE) --jobs=2 --output-sync=line $(VENV)/.dev programs

# Cargo knows what has changed; the links are set again, for CARGO_TARGET_DIR may have changed.
.PHONY: programs
programs: $(VENV)/.package
	@$(PYTHON) hatch_build.py

# Some minutes, once.
.tools/cargo-mutants-$(CARGO_MUTANTS):
	cargo install --quiet --root .tools cargo-mutants --locked --version $(CARGO_MUTANTS)
	touch $@

# What a venue needs at run time, and the build backend: the same versions everywhere.
$(VENV)/.runtime: requirements/runtime.lock
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "touchline needs Python 3.11")'
	python3 -m venv $(VENV) || { tests/install-packages.sh python3-venv && python3 -m venv $(VENV); }
	$(PIP) install --no-deps --require-hashes --requirement requirements/runtime.lock
	touch $@

# Built first by itself: pip would hide what cargo says.
$(VENV)/.package: $(VENV)/.runtime pyproject.toml hatch_build.py
	$(PYTHON) hatch_build.py
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

# QuickFIX is a peer in tests, not a yardstick: it is compiled for a quick build.
$(VENV)/.dev: $(VENV)/.runtime requirements/dev.lock tests/packages.txt
	tests/install-packages.sh
	@echo "installing requirements/dev.lock; QuickFIX compiles for some minutes the first time"
	CFLAGS="-O0 -g0" $(PIP) install --no-deps --require-hashes --requirement requirements/dev.lock
	touch $@
