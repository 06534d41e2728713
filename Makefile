# Everything happens in .venv, which is made when it is missing and kept as the lock files say.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PEERS := .venv-bench

# Compiled modules are kept, or each of the many processes that tests and the demo start would compile all of them again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench faults clean

help:
	@echo "make demo    start local servers and show Millrace at work on the examples"
	@echo "make test    lint, then the whole test suite, on real servers"
	@echo "make lint    what a change must pass before any test runs"
	@echo "make bench   measure: present values a second, then the pipeline beside its peers; about 25 minutes"
	@echo "make faults  kill and hurt workers and servers, and judge what comes of it: some minutes"
	@echo "             SECONDS=900 mixes real durations; SEED=7, RATE=200, WORKERS=2, FAULT=name, JSON=file"
	@echo "make clean   end the local servers, remove both environments and caches; keeps the servers' data in .millrace"

demo: $(INSTALLED)
	@$(BIN)/millrace demo

test: lint
	@$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(INSTALLED) $(PEERS)/.installed
	@$(BIN)/python -m benchmarks.pricing
	@$(BIN)/python -m benchmarks.pipeline

faults: $(INSTALLED)
	@$(BIN)/python -m tests.faults.rig $(if $(SEED),--seed $(SEED)) $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(RATE),--rate $(RATE)) $(if $(WORKERS),--workers $(WORKERS)) $(if $(FAULT),--fault $(FAULT)) \
		$(if $(JSON),--json $(JSON))

clean:
	@if [ -x $(BIN)/millrace ]; then $(BIN)/millrace stack stop; fi
	rm -rf $(VENV) $(PEERS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.millrace/*' -prune -exec rm -rf {} +

# Packages come by hash, from the index that pip and uv are configured for.
$(INSTALLED): pyproject.toml requirements-dev.lock requirements-uv.lock
	@PYTHON="$(PYTHON)" sh .ci/install $(VENV)
	@touch $@

# What Millrace is measured beside has an environment of its own: its Kafka clients need not agree with ours.
$(PEERS)/.installed: requirements-bench.lock $(INSTALLED)
	@echo "installing what $< names into $(PEERS)" >&2
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEERS)
	@$(BIN)/uv pip sync --quiet --python $(PEERS)/bin/python --require-hashes $<
	@touch $@
