# Verbs for people and for CI. `make help` lists them; README.md explains them.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
CLIENT := .venv-client
BIN := $(VENV)/bin

# The pins were made for Python 3.11 and later; 3.10 resolves on its own.
PINS = $(shell $(PYTHON) -c 'import sys; print("-c constraints.txt" if sys.version_info >= (3, 11) else "")')
SERVE_EXTRAS := build
TEST_EXTRAS := build,bench,edge,openvino,s3,hf,dev

# The version `make constraints` pins; chosen by hand because each one is large.
TORCH ?= torch==2.13.0

.DEFAULT_GOAL := help
.PHONY: help install serve stop test test-llm check unit bench constraints clean

help: ## List the verbs.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

serve: $(VENV)/.serve ## Build the models, start a local cluster, deploy, label one photo.
	$(BIN)/headwater up

stop: ## End exactly what `make serve` started.
	@if [ -x $(BIN)/headwater ]; then $(BIN)/headwater down; else echo "nothing is installed, so nothing runs"; fi

test: $(VENV)/.test $(CLIENT)/.done ## Everything CI does: the checks, then all tests.
	$(MAKE) check
	$(BIN)/pytest tests/integration tests/e2e

check: $(VENV)/.test ## Format, lint, spelling, types, import rules, unit tests.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(MAKE) unit

unit: $(VENV)/.test ## Unit tests alone; under a minute.
	$(BIN)/pytest tests/unit

test-llm: $(VENV)/.test ## A tiny language model through the real tools; fetches 1.6 GB once.
	$(BIN)/pytest tests/llm

bench: $(VENV)/.test ## Measure the service next to its baselines; writes benchmarks/results.
	$(BIN)/headwater models build
	$(BIN)/python -m benchmarks

install: $(VENV)/.test ## Everything that developing needs, in .venv.

constraints: ## Pin anew what `make` installs (needs an empty minute and the registry).
	rm -rf .venv-pins
	$(PYTHON) -m venv .venv-pins
	.venv-pins/bin/python -m pip install $(TORCH) '.[$(TEST_EXTRAS)]'
	sed -n '/^#/p' constraints.txt > .venv-pins/new.txt
	.venv-pins/bin/python -m pip freeze --exclude headwater \
	  | grep -vE '^(cuda|nvidia|triton)' | sed 's/+[a-z0-9.]*$$//' >> .venv-pins/new.txt
	mv .venv-pins/new.txt constraints.txt
	rm -rf .venv-pins

clean: stop ## Remove the venvs and caches; the model store in .headwater stays.
	rm -rf $(VENV) $(CLIENT) .venv-pins .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Each stamp is as new as the last install, so an edit of what it depends on installs
# again. The test venv holds all that serving needs: it makes both stamps.

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 10) <= v < (3, 14) else f"Headwater needs Python 3.10 to 3.13, found {v.major}.{v.minor}; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: pyproject.toml constraints.txt Makefile | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PINS) -e '.[$(SERVE_EXTRAS)]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt Makefile | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PINS) -e '.[$(TEST_EXTRAS)]'
	@touch $(VENV)/.serve $@

# The Triton client pins an older protobuf than Ray Serve needs: a venv of its own.
$(CLIENT)/.done: constraints-client.txt Makefile | $(VENV)/bin/python
	$(PYTHON) -m venv $(CLIENT)
	$(CLIENT)/bin/python -m pip install $(subst constraints.txt,constraints-client.txt,$(PINS)) 'tritonclient[all]'
	@touch $@
