# Everything that a person or a machine does with the project. `make` alone lists it.
#
# The environment is .venv. Stamp files in it say what it holds, so that a second run starts at once:
#   .venv/.created   the environment itself
#   .venv/.runtime   what the service needs to run, from requirements/runtime.txt
#   .venv/.dev       all of it and the tools for tests and checks, from requirements/dev.txt
#   .venv/.project   the project, installed in place

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
NODE_BIN := $(VENV)/node/node_modules/.bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input

# Versions of the peers that tests talk to and that come from elsewhere than the lock files.
MAILPIT := github.com/axllent/mailpit@v1.27.11
PRISM := @stoplight/prism-cli@5.16.0
OIDC_PROVIDER := oidc-provider@9.13.3

# More for the command behind a target: make run ARGS="--port 9000", make test ARGS="-k confirm".
ARGS :=

.PHONY: help
help: ## list what there is
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

# --- use ---

.PHONY: run
run: $(VENV)/.project ## start the service with its embedded default; the first time installs it
	@exec $(BIN)/newsflash serve $(ARGS)

.PHONY: test
test: $(VENV)/.dev ## run the whole test suite, on all processors (ARGS="-n 0" on one)
	@PATH="$(CURDIR)/$(BIN):$(CURDIR)/$(NODE_BIN):$$PATH" $(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

# Rules, emails, settings and calls to others, on SQLite: half of all tests in a fifth of the time.
FAST := domain modules config services mail oidc webhooks front

.PHONY: check
check: lint-style lint-types lint-layers ## what to run every few minutes: style, types, layers, and the fast tests
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -k "not postgresql" $(FAST:%=tests/%) $(ARGS)

.PHONY: bench
bench: $(VENV)/.dev ## measure what docs and README claim
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks $(ARGS)

# --- check ---

.PHONY: lint
lint: lint-style lint-types lint-layers lint-files audit ## style, types, layers, container and YAML files, known vulnerabilities

.PHONY: lint-style
lint-style: $(VENV)/.dev
	@echo "ruff check"
	@$(BIN)/ruff check --quiet .
	@echo "ruff format --check"
	@$(BIN)/ruff format --quiet --check . \
		|| { echo "These files are not formatted; make format does it:"; $(BIN)/ruff format --check .; }

.PHONY: lint-types
lint-types: $(VENV)/.dev
	@echo "mypy"
	@$(BIN)/mypy --no-error-summary $(wildcard service migrations tests benchmarks)

.PHONY: lint-layers
lint-layers: $(VENV)/.dev
	@echo "lint-imports"
	@$(BIN)/lint-imports --no-cache --no-logo

.PHONY: lint-files
lint-files: $(VENV)/.dev
	@echo "hadolint"
	@$(BIN)/hadolint Dockerfile
	@echo "yamllint"
	@$(BIN)/yamllint --strict .
	@if command -v shellcheck >/dev/null; then echo "shellcheck"; shellcheck .ci/run .ci/image .ci/in_image; \
	else echo "shellcheck: SKIPPED, it is not installed"; fi

.PHONY: audit
audit: $(VENV)/.dev
	@$(BIN)/python .ci/audit.py

.PHONY: format
format: $(VENV)/.dev ## lay the code out as the checks want it
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

# --- make ---

.PHONY: openapi
openapi: $(VENV)/.project ## write openapi.yaml from the code
	@$(BIN)/newsflash openapi > openapi.yaml.new || { rm -f openapi.yaml.new; exit 1; }
	@mv openapi.yaml.new openapi.yaml
	@echo "openapi.yaml is written"

# dev.txt comes first and binds runtime.txt: what is tested is what runs.
UV_LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
	--custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)
UV_COMPILE = $(UV_LOCK) pyproject.toml --group pyproject.toml:build

.PHONY: lock
lock: $(VENV)/.dev ## write the lock files anew; UPGRADE=1 takes newer versions
	@$(UV_COMPILE) --all-extras --output-file requirements/dev.txt
	@$(UV_COMPILE) --extra postgres --extra redis --constraint requirements/dev.txt \
		--output-file requirements/runtime.txt
	@$(UV_LOCK) --group pyproject.toml:sbom --output-file requirements/sbom.txt
	@echo "requirements/dev.txt, requirements/runtime.txt and requirements/sbom.txt are written"

.PHONY: wheel
wheel: $(VENV)/.dev ## build dist/newsflash-*.whl
	@$(BIN)/python -m build --wheel --no-isolation .

.PHONY: clean
clean: ## remove what make made; var/, the service's own data, stays
	@rm -rf $(VENV) build dist .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Clean. Kept: var/, if there is one (database, keys, mailbox)"

# --- the environment ---

# The first Python that is new enough; PYTHON=/path/to/python chooses another.
$(VENV)/.created:
	@for python in $${PYTHON:-} python3.11 python3 python3.12 python3.13; do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		echo "Creating $(VENV) with $$("$$python" --version)"; \
		"$$python" -m venv $(VENV) && touch $@ && exit 0; \
		echo "Could not create $(VENV): on Debian and Ubuntu, install python3-venv" >&2; exit 1; \
	done; \
	echo "Newsflash needs Python 3.11 or newer: install it, or say where it is with make PYTHON=/path/to/python" >&2; \
	exit 1

$(VENV)/.runtime: requirements/runtime.txt | $(VENV)/.created
	@echo "Installing what the service needs (once; about half a minute)"
	@$(PIP) install --require-hashes --requirement requirements/runtime.txt
	@touch $@

$(VENV)/.project: pyproject.toml $(VENV)/.runtime
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.project
	@echo "Installing what tests and checks need (once; about a minute)"
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@touch $@

# --- peers: real programs that some tests talk to; without them those tests say that they were skipped ---

.PHONY: peers
peers: ## install Mailpit (needs go), Prism and oidc-provider (need npm) for the tests that talk to them
	@if command -v go >/dev/null; then $(MAKE) $(BIN)/mailpit; \
	else echo "Mailpit: SKIPPED, there is no go to build it with"; fi
	@if command -v npm >/dev/null; then $(MAKE) $(VENV)/node/.peers; \
	else echo "Prism and oidc-provider: SKIPPED, there is no npm to install them with"; fi

$(BIN)/mailpit: | $(VENV)/.created
	@echo "Building Mailpit (once; about a minute)"
	@GOBIN="$(CURDIR)/$(BIN)" GOFLAGS=-buildvcs=false go install $(MAILPIT)

# Both in one call: npm removes what is there and not named.
$(VENV)/node/.peers: | $(VENV)/.created
	@echo "Installing Prism and oidc-provider (once; some seconds)"
	@npm install --prefix $(VENV)/node --ignore-scripts --no-audit --no-fund --no-save --silent $(PRISM) $(OIDC_PROVIDER)
	@touch $@
