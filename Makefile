# Every target sets up .venv by itself. Another interpreter: make test PYTHON=python3.13
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
NATIVE := CMakeLists.txt $(shell find native -type f)
CXX_FILES := $(filter %.cpp %.hpp,$(NATIVE))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check bench format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/installed ## train the notebook's networks, write their figures to figures/
	$(BIN)/multilayer demo

test: $(VENV)/installed ## run the tests, report the coverage
	$(BIN)/pytest --cov

check: $(VENV)/installed ## formatting, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror $(CXX_FILES)

bench: $(BENCH)/installed ## time training and prediction beside scikit-learn, PyTorch and JAX
	$(BENCH)/bin/python benchmarks/training.py
	$(BENCH)/bin/python benchmarks/figure.py
	$(BENCH)/bin/python benchmarks/prediction.py
	$(BENCH)/bin/python benchmarks/scaling.py

format: $(VENV)/installed ## put every source file in its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/clang-format -i $(CXX_FILES)

clean: ## remove all that make made, .venv too
	rm -rf $(VENV) $(BENCH) build dist figures .coverage* .hypothesis .*_cache

# The build tools live in .venv, not in a throw-away environment of pip's: so CMake's cache stays
# valid, and after a change in native/ only that is compiled again.
$(VENV)/tools: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], "cmake>=3.26", "ninja", sep="\n")' > $@.txt
	$(PIP) install --requirement $@.txt
	@touch $@

$(VENV)/installed: $(VENV)/tools $(NATIVE)
	$(PIP) install --no-build-isolation --config-settings=build-dir=build/editable --editable '.[all,test,dev]'
	@touch $@

# The others live in an environment of their own, with multilayer installed as a user would.
$(BENCH)/installed: pyproject.toml benchmarks/requirements.txt $(NATIVE) $(shell find src -name '*.py')
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip --disable-pip-version-check -qq install --requirement benchmarks/requirements.txt
	$(BENCH)/bin/python -m pip --disable-pip-version-check -qq install --force-reinstall --no-deps .
	$(BENCH)/bin/python -m pip --disable-pip-version-check -qq install .
	@touch $@
