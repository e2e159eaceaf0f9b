# Two commands on a fresh machine: make demo, make test. Both set everything up first.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
JOBS   ?= 3

.PHONY: setup demo test check bench proto proto-check fuzz soak crash compat clean simulate

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "driftline needs Python 3.11 or newer; name one: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/driftline demo

# Several files at once, more than there are processors on a small machine: most tests wait for a server they started.
test: setup check
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

# What reads the code without running it: style, types, who imports whom, stubs fresh.
check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory proto-check

bench: setup
	$(BIN)/python bench/kernels.py
	$(BIN)/python bench/ingest.py
	$(BIN)/python bench/client_log.py
	$(BIN)/python bench/durable.py
	$(BIN)/python bench/alerts.py
	$(BIN)/python bench/journal.py
	$(BIN)/python bench/store.py
	$(BIN)/python bench/archive.py
	$(BIN)/python bench/memory.py
	$(BIN)/python bench/footprint.py

# 100,000 mutated payloads against a real server.
fuzz: setup
	$(BIN)/python -m tests.fuzz.push_payloads --mutations 100000

# The model of an alert's life against its oracle, 5,000 runs (`make test` makes 150).
soak: setup
	DRIFTLINE_SOAK_RUNS=5000 $(BIN)/python -m pytest --timeout 3600 tests/core/alerts/test_model.py

# Ninety days of fifty endpoints, with downtime, late rows and a clock that steps, against pandas.
simulate: setup
	$(BIN)/python -m tests.simulation.ninety_days

# 200 times kill -9 under full load, half with a spoilt journal tail; then 100 times while alerts fire, resolve and are told.
crash: setup
	$(BIN)/python -m tests.crash.kill --kills 200
	$(BIN)/python -m tests.crash.alert_kills --kills 100

# The light client against the versions of protobuf and pyarrow that model servers pin.
compat:
	PYTHON=$(PYTHON) sh tests/compat.sh

proto:
	PYTHON=$(PYTHON) sh proto/generate.sh write

proto-check:
	PYTHON=$(PYTHON) sh proto/generate.sh check

clean:
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
