# Every target sets up what it needs. PYTHON picks the interpreter (3.11 or newer) for a new environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help

.PHONY: help
help: ## say what can be made
	@echo "costspan: what each AI feature costs, exact to the last digit"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: demo
demo: $(VENV)/demo.ready ## the main job on real production traffic, in about a minute (ARGS="--full --keep" for more)
	@$(BIN)/costspan demo $(ARGS)

.PHONY: test
test: $(VENV)/dev.ready ## all tests (browser tests need Chromium and are skipped, saying so, without it)
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: test-outage
test-outage: $(VENV)/dev.ready ## the collector away for a minute under load (OUTAGE_S=60): every call booked once after
	@OUTAGE_S=$(or $(OUTAGE_S),60) $(BIN)/python -m pytest -q -s tests/contract/test_outage.py

.PHONY: check
check: $(VENV)/dev.ready ## formatting, lint, types, import rules, the shape of the tree
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/test_architecture.py

.PHONY: format
format: $(VENV)/dev.ready ## format and mend what can be mended
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

.PHONY: up
up: $(VENV)/demo.ready ## run the collector with its embedded Postgres until Ctrl-C
	@$(BIN)/costspan up $(ARGS)

.PHONY: catalogue
catalogue: $(VENV)/dev.ready ## compile the price catalogue anew from genai-prices
	@$(BIN)/python -m tools.catalogue

.PHONY: lock
lock: ## resolve the dependencies anew into requirements/ (needs uv)
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --upgrade \
		pyproject.toml --all-extras --group dev -o requirements/dev.txt
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 \
		pyproject.toml --extra demo --group build -c requirements/dev.txt -o requirements/demo.txt

.PHONY: wheel
wheel: $(VENV)/dev.ready ## build the wheel and the source distribution into dist/
	@$(BIN)/python -m hatchling build

.PHONY: clean
clean: ## remove the environment and what was built
	rm -rf $(VENV) dist build sdk/costspan/pricing/catalogue

# One stamp a set of dependencies: once it is there, nothing is fetched, so every target works offline.
$(VENV)/%.ready: requirements/%.txt pyproject.toml hatch_build.py tools/catalogue.py
	@test -x $(BIN)/python || { echo "setting up $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) tools/setup_venv.py $(VENV); }
	@echo "installing the locked dependencies of requirements/$*.txt (some minutes the first time)"
	@$(BIN)/python -m pip install -q --require-hashes -r requirements/$*.txt
	@echo "installing costspan and compiling its price catalogue"
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@
