# One command each. `make` alone says which.
# MODELS=openai|anthropic uses real models in the demo; CI=1 lets the demo end by itself; PYTHON=… names the Python for setup.

CANDIDATES := python3 python3.13 python3.12 python3.11
PYTHON ?= $(firstword $(foreach p,$(CANDIDATES),$(shell $(p) -c 'import sys; print("$(p)" if sys.version_info >= (3, 11) else "")' 2>/dev/null)) python3)
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup models demo test test-faults check bench eval-baseline clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv and get Temporal's servers; safe to run again (the first run may take minutes)
	@$(PYTHON) scripts/setup.py

models: setup ## files of the models that can run on this machine, 138 MB, once; their tests are skipped without
	@$(BIN)/headgate models install --all

demo: setup ## 210 messages through a real Temporal (CI=1: ends by itself; MODELS=openai|anthropic)
	@$(BIN)/headgate demo $(if $(CI),--ci) $(if $(MODELS),--models $(MODELS))

test: setup ## all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-faults: setup ## break everything around a running Headgate, then look from outside (HOURS=1, SEED=7, REPORT=FILE; docs/faults.md)
	@$(BIN)/python -m tests.faults.run $(if $(HOURS),--hours $(HOURS)) $(if $(SEED),--seed $(SEED)) $(if $(REPORT),--report $(REPORT))

check: setup ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup ## intake and cases, each beside its bare counterpart
	$(BIN)/headgate bench intake
	$(BIN)/headgate bench cases

eval-baseline: setup ## the evaluation that tests compare with, made anew (docs/evaluation.md)
	HEADGATE_EMBEDDER=hashed HEADGATE_NAMES=off HEADGATE_LANGUAGE=off HEADGATE_OCR=off $(BIN)/headgate eval all --limit 60 --data-dir $$(mktemp -d) --out samples/evals/offline.json

clean: ## remove .venv, caches and the data of `headgate up`; servers outside the checkout stay
	rm -rf .venv .headgate .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
