PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TRITON := .venv-triton
LOWER := .venv-lower

FLAGS :=
KEPT :=

SCALE := small
BUDGET := 2h

DATA := ../shared/data

SITE := site

.PHONY: accuracy bench bench-gpu docs help setup demo reproduce test test-slow test-triton wheel lower-bounds check format clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "setwise needs Python 3.11 or newer; got $$($(PYTHON) --version). Run: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 2; }
	@echo "Installing setwise and what it needs (PyTorch is the largest) into $(VENV). Only the first time: minutes."
	$(PYTHON) -m venv $(VENV)
	@echo "Downloading $$(grep -c == constraints.txt) packages at most, in the versions of constraints.txt ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

setup: $(STAMP) ## Make the virtual environment in .venv

demo: $(STAMP) ## Run the main job on data that comes with the installation (3 minutes; setwise demo --quick takes 20 seconds)
	@echo "setwise demo: sets of handwritten digits, three models, a report; about 3 minutes on two cores."
	$(BIN)/setwise demo --out runs/demo --overwrite

reproduce: $(STAMP) ## Run the paper's tables for BUDGET (2h) at SCALE (small), then write docs/reproduction.md
	$(BIN)/python -m experiments run all --scale $(SCALE) --budget $(BUDGET)
	$(BIN)/python -m experiments report

test: $(STAMP) ## Run the tests, a file at a time on each core
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'not slow and not wheel' -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(FLAGS)

test-slow: $(STAMP) ## Run the tests that take longer than a minute
	$(BIN)/python -m pytest -m slow

test-triton: ## Run the tests of the kernels for GPUs in Triton's interpreter, in .venv-triton
	$(PYTHON) -m venv $(TRITON)
	$(TRITON)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	  --editable '.[gpu]' pytest
	TRITON_INTERPRET=1 $(TRITON)/bin/python -m pytest -m triton tests/ops/test_triton.py tests/benchmarks/test_gpu.py

wheel: $(STAMP) ## Build the wheel, and run its demo in a fresh environment elsewhere
	$(BIN)/python -m pytest -m wheel tests/test_wheel.py

lower-bounds: ## Test the lowest versions that pyproject.toml allows (KEPT=torch: torch as it is pinned)
	$(PYTHON) -m venv $(LOWER)
	$(PYTHON) tests/lower_bounds.py $(KEPT) > $(LOWER)/lower.txt
	$(LOWER)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(LOWER)/lower.txt \
	  --editable '.[anndata,excel,fast,hdf5,images,tensorboard,tune]' flowio hypothesis openpyxl pandas pytest pytest-xdist
	OMP_NUM_THREADS=1 $(LOWER)/bin/python -m pytest -m 'not slow' -n logical --maxprocesses 4 --dist loadfile \
	  -W ignore::DeprecationWarning -W ignore::FutureWarning \
	  tests/assess tests/cli tests/estimators tests/fit tests/layers tests/metrics tests/models tests/ops tests/prepare \
	  tests/report tests/store tests/targets tests/validate

check: $(STAMP) ## Everything that CI runs: format, lint, types, the site, tests with the lines they reach, the wheel
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(MAKE) docs
	$(MAKE) test FLAGS='--cov --cov-report=term'
	$(MAKE) wheel

docs: $(STAMP) ## Build the site into SITE (site/); a broken link or name is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir $(abspath $(SITE))
	@echo "Open $(SITE)/index.html"

bench: $(STAMP) ## Measure speed and memory beside the floor and a textbook implementation
	$(BIN)/python -m benchmarks run

bench-gpu: $(STAMP) ## Test and measure everything on the GPU of this machine (under ten minutes)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[gpu]'
	$(BIN)/python -m benchmarks gpu

accuracy: $(STAMP) ## Measure accuracy on the real files in DATA (../shared/data) for BUDGET (2h), then write docs/accuracy.md
	$(BIN)/python -m accuracy run --data $(DATA) --budget $(BUDGET)
	$(BIN)/python -m accuracy report

format: $(STAMP) ## Format the code and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) $(TRITON) $(LOWER) .coverage .pytest_cache .ruff_cache .hypothesis
