# Two commands set everything up: `make demo` and `make test`.
# TORCH_INDEX chooses another build of torch, for example
#   make install TORCH_INDEX=https://download.pytorch.org/whl/cpu
# A torch that .venv already has is kept.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LOCK := envs/requirements.lock
TORCH := $(shell sed -n 's/^\(torch==.*\)/\1/p' $(LOCK))

.PHONY: demo test install check format bench validate generate lock clean

demo: install
	$(BIN)/alveus run . --cores 2
	@for page in results/*/report.html; do echo "The report is at $$PWD/$$page"; done

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup

install: $(VENV)/.installed

$(VENV)/.installed: $(LOCK) pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "alveus needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/python -m pip install $(TORCH) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	grep -v '^torch==' $(LOCK) > $(VENV)/requirements.txt
	$(BIN)/python -m pip install --requirement $(VENV)/requirements.txt
	$(BIN)/python -m pip install --no-deps --editable .
	touch $@

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint --software-deployment-method conda

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

bench: install
	for bench in benchmarks/bench_*.py; do $(BIN)/python $$bench || exit 1; done

validate: install
	$(BIN)/alveus run validation --cores 2
	$(BIN)/python validation/table.py
	OMP_NUM_THREADS=1 $(BIN)/python validation/coverage.py

lock: install
	$(BIN)/python envs/lock.py

generate: install
	$(BIN)/python docs/generate.py

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist
