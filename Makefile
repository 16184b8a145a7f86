# Two commands do everything on a fresh machine: `make demo` and `make test`; `make help` lists all.
# Both install into their own environment first; PYTHON names the interpreter to build it with (3.11 or newer), TORCH_INDEX
# the index that torch is taken from (default: PyTorch's for CPUs where there is no NVIDIA device).
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= demo-output
BENCH_VENV ?= .venv-bench

.PHONY: help demo test test-slow test-long bench gallery lint check image install clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/installed  ## an environment of its own in .venv, with everything

$(VENV)/installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) .ci/install.py $(VENV) --editable '.[dev,demo]'
	touch $@

demo: install  ## all of it on short videos that it makes: learn, find, and say what was right
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
	$(PYTHON) .ci/install.py $(BENCH_VENV) --editable '.[onnxruntime,openvino]' --requirement tests/bench/requirements.txt
	touch $@

test-long: install  ## tests that take half an hour: real kills, thousands of damaged files
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m long

lint: install  ## style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg

check: lint test  ## what must be green

image:  ## the Docker image; ARGS="--build-arg DEVICE=cuda" for NVIDIA devices
	docker build --tag coarse2fine $(ARGS) .

clean:  ## remove what was installed and made
	rm -rf $(VENV) build *.egg-info demo-output gallery-work .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
