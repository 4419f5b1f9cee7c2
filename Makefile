PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint reference clean

demo: .venv/installed
	$(BIN)/bench run --methods ours,h264,h265,h266,av1,freeze --dataset sample --clips 3 --frames 90 --out results/demo

test: lint
	$(BIN)/python -m pytest

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy core methods metrics datasets benchmarks reports cli.py
	$(BIN)/lint-imports

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip # the one that came with Python may not see the newest packages

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --editable . --constraint constraints.txt
	touch $@

.venv/installed-dev: .venv/installed
	PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --editable '.[dev]' --constraint constraints.txt
	touch $@

clean:
	rm -rf .venv build *.egg-info

# The figures behind the README's plot: some twenty minutes on two cores.
reference: .venv/installed
	$(BIN)/bench run --methods h264,h265,h266,vp9,av1,freeze --dataset sample --out results/sample
	mkdir -p results/reference/sample
	cp results/sample/manifest.json results/sample/scores.csv results/sample/failures.csv \
		results/sample/report/table.csv results/sample/report/plots/rd_lpips_total.svg results/reference/sample/
