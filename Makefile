# `make demo` and `make test` set themselves up. Folders share names with verbs, so every verb is phony.
.PHONY: install demo test check extract fuse rerun speed trials published clean

PYTHON ?= python3
TORCH ?= auto
VENV := .venv/bin/python
CACHE ?= cache
RECIPE ?= weightfree
PROTOCOL ?= quick
RUN ?= out/$(notdir $(COHORT))-$(PROTOCOL)
WORKERS ?= 2

install: .venv/installed-$(TORCH)

.venv/installed-$(TORCH): pyproject.toml constraints.txt scripts/install.py
	TORCH=$(TORCH) $(PYTHON) scripts/install.py
	rm -f .venv/installed-*
	touch $@

demo: install
	sh scripts/demo.sh

test: install
	$(MAKE) --no-print-directory check

check:
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy
	.venv/bin/lint-imports
	$(VENV) -m pytest -n 2

extract: install
	$(VENV) -m extract run $(COHORT) --root $(ROOT) --cache $(CACHE) --recipe $(RECIPE) --workers $(WORKERS)

fuse: install
	$(VENV) -m fuse benchmark $(COHORT) --cache $(CACHE) --protocol $(PROTOCOL) --out $(RUN) --jobs $(WORKERS)

rerun: install
	$(VENV) -m fuse rerun $(RUN)

speed: install
	$(VENV) -m tests.speed

trials: install
	$(VENV) -m tests.trials

published: install
	$(VENV) -m tests.published

clean:
	rm -rf demo out results
