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

# Stage 2 alone needs no imaging library: where nothing is installed yet, `make fuse` installs [fuse] only.
ALL := .venv/installed-$(TORCH)
ENOUGH_FOR_FUSE := $(if $(wildcard $(ALL)),$(ALL),.venv/installed-fuse-$(TORCH))

install: $(ALL)

$(ALL): pyproject.toml constraints.txt scripts/install.py
	TORCH=$(TORCH) $(PYTHON) scripts/install.py all
	touch $@

.venv/installed-fuse-$(TORCH): pyproject.toml constraints.txt scripts/install.py
	TORCH=$(TORCH) $(PYTHON) scripts/install.py fuse
	touch $@

demo: install
	sh scripts/demo.sh

test: install
	$(MAKE) --no-print-directory check

# The tests start Python some hundred times: where PYTHONDONTWRITEBYTECODE is set, each would compile the checkout.
check: export PYTHONDONTWRITEBYTECODE =
check:
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy
	.venv/bin/lint-imports
	$(VENV) -m pytest -n 2 --dist worksteal

extract: install
	$(VENV) -m extract run $(COHORT) --root $(ROOT) --cache $(CACHE) --recipe $(RECIPE) --workers $(WORKERS) $(if $(WEIGHTS),--weights $(WEIGHTS))

fuse: $(ENOUGH_FOR_FUSE)
	$(VENV) -m fuse benchmark $(COHORT) --cache $(CACHE) --protocol $(PROTOCOL) --out $(RUN) --jobs $(WORKERS)

rerun: $(ENOUGH_FOR_FUSE)
	$(VENV) -m fuse rerun $(RUN)

speed: install
	$(VENV) -m tests.speed

trials: install
	$(VENV) -m tests.trials

published: install
	$(VENV) -m tests.published

clean:
	rm -rf demo out results
