# Every target sets up what it needs; nothing is installed outside .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench vectors attacks mutants clean

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

demo: $(VENV)/.ready
	$(BIN)/e2ev demo

test: $(VENV)/.ready
	$(BIN)/python -m pytest -n auto --dist loadfile

check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.ready
	$(BIN)/python -m pytest benchmarks -p benchmark --benchmark-only

vectors: $(VENV)/.ready
	$(BIN)/python -m tests.make_vectors

attacks: $(VENV)/.ready
	$(BIN)/python -m tests.attacks
	$(BIN)/python -m tests.run_corpus

mutants: $(VENV)/.ready
	$(BIN)/python -m tests.mutants

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
