# Every target sets up .venv by itself. Another interpreter: make test PYTHON=python3.13
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
# Python compiles what is imported when it is; compiling all takes as long as installing it.
PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check -qq install --no-compile
NATIVE := CMakeLists.txt $(shell find native -type f)
CXX_FILES := $(filter %.cpp %.hpp,$(NATIVE))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test coverage optional native docs bench accuracy sweep sanitize neon fuzz prove check format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/installed ## train the notebook's networks, write their figures to figures/
	$(BIN)/multilayer demo

# A process for each core leaves none for the threads of BLAS and polars: SciPy's L-BFGS would wait
# for them at every iteration, polars at every small table. More than eight processes only crowd each other: the engine has threads itself.
PYTEST := OPENBLAS_NUM_THREADS=1 POLARS_MAX_THREADS=1 $(BIN)/pytest -n auto --maxprocesses=8 --dist worksteal
test: $(VENV)/installed ## run the tests
	$(PYTEST)

coverage: $(VENV)/installed ## run the tests and report which lines they reach; takes 1.7 times as long
	$(PYTEST) --cov

optional: $(VENV)/docs ## the tests that need PyTorch or Chromium, with both
	$(BIN)/pytest --needing PyTorch --needing Chromium

docs: $(VENV)/docs ## the book, every page with code executed: docs/_build/html/index.html
	$(BIN)/sphinx-build -W --keep-going -q -j auto -b html docs docs/_build/html

sweep: $(VENV)/installed ## exp and tanh on all 2³² float32 numbers (minutes)
	$(BIN)/pytest -s -m sweep tests/engine/test_math.py

# An environment of its own, on top of .venv's packages, so that every process of the tests finds
# the module that is watched. libstdc++ comes first too, or its exceptions escape the runtimes.
SANITIZE := build/sanitize
CMAKE := $(BIN)/cmake -G Ninja -S . -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja
RUNTIMES = $(shell for name in libasan.so libubsan.so libstdc++.so; do $(CXX) -print-file-name=$$name; done)
FUZZED = prove/fuzz/inputs/engine/*/*
native: $(VENV)/tools ## the native code's own tests, without Python
	$(CMAKE) -B build/native -DMULTILAYER_TESTS=ON
	$(BIN)/cmake --build build/native
	build/native/engine_tests
	build/native/engine_tests inputs $(FUZZED)

sanitize: $(VENV)/installed ## native code under AddressSanitizer, UndefinedBehaviourSanitizer, ThreadSanitizer
	$(CMAKE) -B $(SANITIZE)/python -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python -DMULTILAYER_SANITIZE=address,undefined
	$(BIN)/cmake --build $(SANITIZE)/python
	$(BIN)/python -m venv --clear --without-pip $(SANITIZE)/venv
	site=$$($(SANITIZE)/venv/bin/python -c 'import site; print(site.getsitepackages()[0])') && \
	$(BIN)/python -c 'import site; print(site.getsitepackages()[0])' > $$site/packages.pth && \
	cp -r src/multilayer $$site && rm -f $$site/multilayer/_native.*.so && \
	cp $(SANITIZE)/python/_native.*.so $$site/multilayer
	LD_PRELOAD="$(RUNTIMES)" ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
		$(SANITIZE)/venv/bin/python -m pytest -q -p no:cacheprovider \
		tests/engine/test_gradient.py tests/engine/test_training.py tests/engine/test_wrong_input.py tests/engine/test_losses.py tests/engine/test_dropout.py \
		tests/engine/test_embedding.py tests/engine/test_groups.py tests/engine/test_native_checks.py tests/estimators/test_epoch_scores.py
	$(CMAKE) -B $(SANITIZE)/address -DMULTILAYER_TESTS=ON -DMULTILAYER_SANITIZE=address,undefined
	$(BIN)/cmake --build $(SANITIZE)/address
	$(SANITIZE)/address/engine_tests
	$(SANITIZE)/address/engine_tests inputs $(FUZZED)
	$(CMAKE) -B $(SANITIZE)/thread -DMULTILAYER_TESTS=ON -DMULTILAYER_SANITIZE=thread
	$(BIN)/cmake --build $(SANITIZE)/thread
	$(SANITIZE)/thread/engine_tests threads

neon: $(VENV)/tools ## every kernel and its bits for aarch64, emulated (apt install g++-aarch64-linux-gnu qemu-user)
	$(CMAKE) -B build/neon -DMULTILAYER_TESTS=ON -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
		-DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++
	$(BIN)/cmake --build build/neon
	for tests in kernels losses sparse digest; do \
		qemu-aarch64 -L /usr/aarch64-linux-gnu build/neon/engine_tests $$tests || exit 1; done

fuzz: $(VENV)/prove ## ten minutes of fuzzing: files, tables, messages, the native engine (apt install clang)
	$(CMAKE) -B build/fuzz/engine -DMULTILAYER_FUZZ=ON -DCMAKE_CXX_COMPILER=clang++
	$(BIN)/cmake --build build/fuzz/engine
	$(BIN)/python prove/fuzz/run.py --seconds 240

prove: $(VENV)/prove ## attack every promise: sanitizers, fuzzers, kills, mutants …
	$(CMAKE) -B build/fuzz/engine -DMULTILAYER_FUZZ=ON -DCMAKE_CXX_COMPILER=clang++
	$(BIN)/cmake --build build/fuzz/engine
	$(BIN)/python prove/run.py

# PyPI has Biome for Linux on x86-64 only.
BIOME := test ! -x $(BIN)/biome && echo "PyPI has no Biome for this system: the page is not checked" || $(BIN)/biome check
check: $(VENV)/installed ## formatting, lint, types, the order of the layers, spelling and style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell
	$(BIN)/python .ci/prose.py
	@$(BIOME)
	$(BIN)/clang-format --dry-run -Werror $(CXX_FILES)

# Without settings that make OpenBLAS take other kernels than it would take for a user.
MEASURE := env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BENCH)/bin/python
bench: $(BENCH)/installed ## time training, prediction and search beside scikit-learn, PyTorch and JAX
	$(MEASURE) benchmarks/training.py
	$(MEASURE) benchmarks/figure.py
	$(MEASURE) benchmarks/prediction.py
	$(MEASURE) benchmarks/scaling.py
	$(MEASURE) benchmarks/tabular.py
	$(MEASURE) benchmarks/search.py time --alone

accuracy: $(BENCH)/accuracy ## compare accuracy on real tables with boosted trees and other networks (an hour)
	$(BENCH)/bin/python benchmarks/classics.py
	$(BENCH)/bin/python benchmarks/accuracy.py

format: $(VENV)/installed ## put every source file in its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	@$(BIOME) --write
	$(BIN)/clang-format -i $(CXX_FILES)

clean: ## remove all that make made, .venv too
	rm -rf $(VENV) $(BENCH) build dist figures docs/_build docs/gallery docs/reference/generated .coverage* .hypothesis .*_cache

# The build tools live in .venv, not in a throw-away environment of pip's: so CMake's cache stays
# valid, and after a change in native/ only that is compiled again.
$(VENV)/tools: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], "cmake>=3.26", "ninja", sep="\n")' > $@.txt
	$(PIP_INSTALL) --requirement $@.txt
	@touch $@

$(VENV)/installed: $(VENV)/tools $(NATIVE)
	$(PIP_INSTALL) --no-build-isolation --config-settings=build-dir=build/editable --editable '.[test,dev]'
	@touch $@

$(VENV)/docs: $(VENV)/installed pyproject.toml
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"], sep="\n")' > $@.txt
	$(PIP_INSTALL) --requirement $@.txt
	@touch $@

$(VENV)/prove: $(VENV)/installed prove/requirements.txt
	$(PIP_INSTALL) --requirement prove/requirements.txt
	@touch $@

# The others live in an environment of their own, with multilayer installed as a user would.
$(BENCH)/installed: pyproject.toml benchmarks/requirements.txt $(NATIVE) $(shell find src -name '*.py')
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip --disable-pip-version-check -qq install --requirement benchmarks/requirements.txt
	$(BENCH)/bin/python -m pip --disable-pip-version-check -qq install --force-reinstall --no-deps .
	$(BENCH)/bin/python -m pip --disable-pip-version-check -qq install .
	@touch $@

$(BENCH)/accuracy: $(BENCH)/installed benchmarks/requirements-accuracy.txt
	$(BENCH)/bin/python -m pip --disable-pip-version-check -qq install --requirement benchmarks/requirements-accuracy.txt
	@touch $@
