# make run: the flagship comparison.  make test: everything CI checks.  Both set up a virtual environment in .venv first.
# make smoke: the suite of small runs with bars, in under a minute.
# make embedding: adds the packages of the sentence embedding (several gigabytes), so that make test runs its tests as well.
PYTHON := $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
SCENARIO := scenarios/england_wales_2017.yaml

.PHONY: run smoke test lint bench embedding clean

run: $(VENV)/ready
	$(BIN)/simharness run $(SCENARIO)

smoke: $(VENV)/ready
	$(BIN)/simharness run scenarios/suites/smoke.yaml -o results -o results/smoke.xml -o results/smoke.md

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/ready
	$(BIN)/python -m benchmarks.message_path

embedding: $(VENV)/ready
	PIP_CONSTRAINT=$(CURDIR)/constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,embedding]'

$(VENV)/ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=$(CURDIR)/constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

clean:
	rm -rf $(VENV)
