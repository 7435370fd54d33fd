# Muster's commands. Each is complete on a machine that has only Python 3.11+ and make:
# the first one that needs something makes .venv and installs the pinned packages into it.

SHELL := /bin/sh
# Where it is set, every process compiles all that it imports: seconds for each start of the bot.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help

# The first of these that is 3.11 or newer; `make PYTHON=/path/to/python …` chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; \
	done)

VENV := .venv
PY := $(VENV)/bin/python
# A stamp is written after an installation went through, so each lock file is installed once.
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
# What calendars are tested against has an environment of its own; see pyproject.toml.
ORACLES := $(VENV)/oracles
ORACLES_STAMP := $(VENV)/.installed-oracles
# Three workers for two cores: many tests wait for processes that they start, kill or time out.
WORKERS ?= 3
UV_VERSION := 0.13.9

.PHONY: help run demo test test-long bench backup restore lint compiled format words coverage lock clean

help:
	@echo "make demo               the bot in a simulated server, in your browser"
	@echo "make run                the bot on real Discord (DISCORD_TOKEN in the environment or .env)"
	@echo "make test               every check that CI makes"
	@echo "make test-long          the same, with all random examples"
	@echo "make bench              the benchmarks, as one table (ONLY=words for some of its rows)"
	@echo "make backup             write a dump of the database"
	@echo "make restore FILE=...   bring a dump back, in place of what is there"
	@echo "make format / lint      tidy the code / check it without running it"
	@echo "make words              list new texts in core/locale/*.po, to be translated"
	@echo "make coverage           the tests, with a list of the lines that they miss"
	@echo "make lock               work out the pinned versions again"

# exec: a signal sent to the shell that make started must reach the bot itself.
run: $(RUN_STAMP)
	@exec $(PY) main.py run

demo: $(DEV_STAMP)
	@exec $(PY) main.py demo

bench: $(DEV_STAMP)
	@exec $(PY) -m tests.bench $(if $(ONLY),--only "$(ONLY)")

backup: $(RUN_STAMP)
	@exec $(PY) main.py backup

restore: $(RUN_STAMP)
	@test -n "$(FILE)" || { echo "Say which dump to bring back: make restore FILE=backups/name.dump" >&2; exit 2; }
	@exec $(PY) main.py restore "$(FILE)"

# tests/line_count.py counts the lines of core/ and bot/ that ran, and knows the bar.
TESTS = $(PY) -m pytest -p tests.line_count -n $(WORKERS)

# What is checked needs one core; the other one installs and compiles meanwhile.
test: $(DEV_STAMP)
	@$(MAKE) --no-print-directory -j2 lint compiled $(ORACLES_STAMP)
	$(TESTS) $(ARGS)

# Once, and not by each worker. What is wrong with a test is said by the tests.
compiled: $(DEV_STAMP)
	@$(PY) -m pytest -p tests.line_count --collect-only -q >/dev/null 2>&1 || true
	@$(PY) -m compileall -q main.py bot core

# All examples of every property test, not a part of them (tests/examples.py).
test-long: export MUSTER_THOROUGH = 1
test-long: test

coverage: $(DEV_STAMP) $(ORACLES_STAMP)
	$(TESTS) --missed-lines $(ARGS)

words: $(DEV_STAMP)
	@$(PY) -m tests.catalog

lint: $(DEV_STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(PY) -m mypy .
	$(VENV)/bin/lint-imports

format: $(DEV_STAMP)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

$(RUN_STAMP): requirements.lock
	@$(call install,requirements.lock)
	@touch $@

# Everything in requirements.lock is in here too, in the same versions.
$(DEV_STAMP): requirements-dev.lock requirements.lock
	@$(call install,requirements-dev.lock)
	@touch $(RUN_STAMP) $@

$(ORACLES_STAMP): requirements-oracles.lock | $(DEV_STAMP)
	@echo "Installing $< into $(ORACLES) (once)"
	@umask 022; $(PY) -m venv --clear $(ORACLES) && $(ORACLES)/bin/python -m pip install -qq \
		--disable-pip-version-check --no-input --require-hashes -r $<
	@touch $@

# The environment is made anew where it is missing or its Python is gone (a moved folder, an upgrade).
# umask: as root, Postgres runs as a user of its own and must be able to read its program files.
define install
	umask 022; \
	test -n "$(PYTHON)" || { echo "Muster needs Python 3.11 or newer; none was found." >&2; exit 2; }; \
	$(PY) -m pip --version >/dev/null 2>&1 || { \
		rm -f $(RUN_STAMP) $(DEV_STAMP); \
		"$(PYTHON)" -m venv --clear $(VENV) || { \
			echo "Python could not make .venv: its venv module is missing (on Debian: apt install python3-venv)." >&2; \
			exit 2; }; }; \
	echo "Installing $(1) into $(VENV) (once; a minute or two)"; \
	$(PY) -m pip install -qq --disable-pip-version-check --no-input --require-hashes -r $(1)
endef

# --no-emit-…: the files name neither a package index nor a path; any index can serve them.
lock: $(DEV_STAMP)
	@test -x $(VENV)/lock/bin/uv || { $(PY) -m venv $(VENV)/lock && \
		$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); }
	@$(call compile,pyproject.toml) --output-file requirements.lock
	@$(call compile,pyproject.toml --group dev --constraint requirements.lock) --output-file requirements-dev.lock
	@$(call compile,--group oracles) --output-file requirements-oracles.lock
	@echo "The requirements*.lock files are up to date"

compile = $(VENV)/lock/bin/uv pip compile $(1) --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
	--custom-compile-command "make lock" $(UPGRADE)

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
