# Two commands matter: `make up` and `make test`. Both set up what is missing first.

FLEET ?= examples/starter
PYTEST_ARGS ?=
BIN := .venv/bin
# One more than there are processors: most tests wait for hubs and browsers some of their time.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 1); echo $$((n < 8 ? n + 1 : 8)))

.DEFAULT_GOAL := help
.PHONY: help up down setup test test-unit lint docs bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

up: ## Start the example fleet (FLEET=examples/service-43 for the big one)
	@scripts/bootstrap run
	@$(BIN)/hubfleet up --fleet $(FLEET)

down: ## Stop all hubs of this machine; people's files stay
	@scripts/bootstrap run
	@$(BIN)/hubfleet down

setup: ## Install everything that developers need, start nothing
	@scripts/bootstrap dev

# The tests run also when a linter complains, so that one run tells everything. In the order of
# their folders, not of their number: few and long ones first, and none of them is left to the end.
test: setup ## Run linters, the type checker and all tests
	@failed=0; \
	$(MAKE) --no-print-directory lint || failed=1; \
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS) || failed=1; \
	exit $$failed

test-unit: setup ## Run the quick tests only
	@$(BIN)/python -m pytest tests/unit -n $(WORKERS) $(PYTEST_ARGS)

lint: setup ## Check style and types
	@failed=0; \
	$(BIN)/ruff check --quiet . || failed=1; \
	$(BIN)/ruff format --check . || failed=1; \
	$(BIN)/mypy --no-error-summary || failed=1; \
	exit $$failed

docs: setup ## Build the documentation into docs/_build/html
	@$(BIN)/python -m sphinx -q -W -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: setup ## Measure, and print JSON (minutes)
	@for file in $(filter-out %/__init__.py %/measure.py %/fleets.py,$(wildcard benchmarks/*.py)); do \
	  $(BIN)/python -m benchmarks.$$(basename $$file .py) || exit 1; done

clean: ## Remove what was set up and built here; hubs and people's files stay
	rm -rf .venv .venv-uv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache docs/_build
