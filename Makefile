PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint reference reproduce clean

demo: .venv/installed
	$(BIN)/bench run --methods ours,h264,h265,h266,av1,freeze --dataset sample --clips 3 --frames 90 --out results/demo

test: lint
	$(BIN)/python -m pytest

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy core methods metrics datasets benchmarks reports cli.py command_line.py
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

# The figures behind the README's plot and results/reference (see its README). On two cores of an AMD EPYC
# `sample` took 70 minutes, the test clips (where they are) 47 at 512x512; at 256x256, on a slower Xeon, 102.
CLIPS ?= ../shared/data/clips/test
METRICS ?= lpips,psnr,psnr_y,ssim,ms_ssim,vmaf,akd,mouth_corr,eye_corr,blink_recall,bpp,kbps,frame_bytes,encode_ms,decode_ms
LIMITS ?= # such as --clips 1 --frames 5, for a trial
RUNS ?= results/reproduced
REFERENCE ?= results/reference
PARTS ?= sample test512 test256 # the latter two where the test clips are
RUN := $(BIN)/bench run --metrics $(METRICS) run.videos=false $(LIMITS)
NEURAL := ours,methods/examples/ours_offline.yaml,fomm,fs_vid2vid
KEPT := $(BIN)/python -m talkbench.reports.reference

# `reproduce` runs the same and compares. A failed unit (exit code 1) is in failures.csv and stops nothing.
reference reproduce: .venv/installed
	for part in $(PARTS); do \
		case $$part in \
		sample) set -- --methods $(NEURAL),h264,h265,h266,freeze,av1,vp9 --dataset sample \
			'methods.ours.point=[predictive-coarse,predictive,predictive-fine,adaptive,k20]' \
			'methods.fomm.point=[predictive,fp16]' 'methods.fs_vid2vid.point=[predictive,fp16]';; \
		*) [ -d "$(CLIPS)" ] || continue; set -- --methods $(NEURAL),h264,h265,freeze --dataset folder \
			"data.root=$(CLIPS)" data.csv=results/reference/$$part.csv data.size=$${part#test} \
			'methods.ours.point=[predictive,adaptive,k20]' \
			'methods.fomm.point=[predictive]' 'methods.fs_vid2vid.point=[predictive]';; \
		esac; \
		$(RUN) --out $(RUNS)/$$part "$$@" || [ $$? = 1 ] || exit; \
	done
	code=0; for run in $(PARTS); do if [ -f $(RUNS)/$$run/scores.csv ]; then \
		$(KEPT) $(if $(filter reproduce,$@),compare,keep) $(RUNS)/$$run $(REFERENCE)/$$run || code=$$?; \
	fi; done; exit $$code
