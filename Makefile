# Two commands do everything on a fresh machine: `make demo` and `make test`.
# Both install into their own environment first; PYTHON names the interpreter to build it with (3.11 or newer).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= demo-output
BENCH_VENV ?= .venv-bench

.PHONY: demo test test-slow test-long bench gallery lint check install clean

install: $(VENV)/installed

$(VENV)/installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,demo]'
	touch $@

demo: install  ## the main job on a small generated catalogue: videos to segments, CSV, Parquet and mAP
	$(BIN)/coarse2fine demo --out $(OUT)

test: install  ## the default tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

test-slow: install  ## tests that take minutes or much memory
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

gallery: install  ## the pictures of the README, from a catalogue that is drawn for them; needs Chromium
	$(BIN)/python docs/gallery/make.py gallery-work

bench: $(BENCH_VENV)/installed  ## speed against what one would otherwise run; writes docs/benchmarks.md (half an hour)
	$(BENCH_VENV)/bin/python tests/bench/bench.py $(BENCH)

$(BENCH_VENV)/installed: setup.cfg constraints.txt tests/bench/requirements.txt
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --constraint constraints.txt \
		--editable '.[onnxruntime,openvino]' --requirement tests/bench/requirements.txt
	touch $@

test-long: install  ## tests that take half an hour: real kills, thousands of damaged files
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m long

lint: install  ## style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg

check: lint test

clean:
	rm -rf $(VENV) build *.egg-info demo-output gallery-work .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
