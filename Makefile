# Two environments: .venv serves (requirements.txt, no TensorFlow); .venv-dev trains and tests (all extras of
# pyproject.toml, as uv.lock pins them). Only making them reaches the network. A stamp file in each dates it.

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$python && break; \
	done)
SERVE := .venv/bin/python
DEV := .venv-dev/bin/python
UV = $(shell sed -n '/^name = "uv"$$/{n;s/version = "\(.*\)"/\1/p}' uv.lock)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check format words models articles bench soak scale fuzz fit lock audit notebooks kit

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

run: .venv/.installed  ## serve the page on http://localhost:5000
	@$(SERVE) app.py

# Two files at a time, each in one process with the servers and networks that its tests share.
test: .venv-dev/.installed  ## run the whole test suite
	$(DEV) -m pytest --numprocesses 2 --dist loadfile

check: .venv-dev/.installed  ## format, lint, types, tests: what CI runs
	$(DEV) -m ruff format --check .
	$(DEV) -m ruff check .
	$(DEV) -m mypy
	@$(MAKE) --no-print-directory test

format: .venv-dev/.installed  ## format the code and mend what lint can mend
	$(DEV) -m ruff check --fix-only .
	$(DEV) -m ruff format .

# Keywords beside gettext and its kin: what marks the words of errors, and those that are translated where they are shown.
EXTRACT := extract web xray templates --mapping pyproject.toml --no-wrap --add-location file --sort-by-file \
	-k "Phrase damaged UnreadableImageError UnsupportedImageError ImageTooLargeError NotAChestXrayError FormError"

bench: .venv-dev/.installed  ## measure speed and memory beside the reference way (10 minutes)
	-@$(DEV) -m benchmarks

soak: .venv-dev/.installed  ## 5,000 mixed uploads by 16 clients: no error, no growth, nothing left over
	@$(DEV) -m benchmarks.soak

scale: .venv-dev/.installed  ## the tests that need more than most: an archive on Ray, with a node that is killed
	$(DEV) -m pytest -m scale

words: .venv-dev/.installed  ## find new words for translations/, then compile what is translated
	$(DEV) -m babel.messages.frontend --quiet $(EXTRACT) --output-file translations/messages.pot
	$(DEV) -m babel.messages.frontend --quiet update --input-file translations/messages.pot --output-dir translations \
		--no-wrap --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(DEV) -m babel.messages.frontend compile --directory translations --statistics

# The lab is fetched into a folder of its own; its kernel is the one that has our packages.
notebooks: .venv-dev/.installed  ## open the notebooks in Jupyter Lab (about 60 MB to download, once)
	@$(DEV) -m ipykernel install --prefix .venv-dev --name python3 >/dev/null
	JUPYTER_PATH=.venv-dev/share/jupyter $(DEV) -m uv tool run --from jupyterlab==4.6.6 jupyter-lab notebooks

fuzz: .venv-dev/.installed  ## read 50,000 damaged films in child processes: no crash, no hang, flat memory
	$(DEV) -m benchmarks.fuzz

fit: .venv-dev/.installed  ## build, weigh and run what each host of docs/deploy.md would install (5 minutes)
	@$(DEV) -m benchmarks.fit

lock: .venv-dev/.installed  ## write uv.lock and requirements.txt from pyproject.toml; UPGRADE=1 takes newer versions
	$(DEV) -m uv lock --quiet $(if $(UPGRADE),--upgrade)
	@{ echo "# Serving, for pip and for hosts. Written by \`make lock\` from pyproject.toml, which says why each is there."; \
		$(DEV) -m uv export --quiet --frozen --no-emit-project --no-annotate --no-header; } > requirements.txt

audit: .venv-dev/.installed  ## ask PyPI for known weaknesses of what is served with
	$(DEV) -m uv tool run pip-audit==2.10.1 --strict --disable-pip --require-hashes -r requirements.txt

kit: .venv-dev/.installed  ## install what training needs: then `.venv-dev/bin/python -m training`

models: .venv-dev/.installed  ## train all that is served, from the published radiographs to model/ (hours)
	$(DEV) -m training prepare
	$(DEV) -m training segment
	$(DEV) -m training export lungs
	$(DEV) -m training backbone
	for source in siim nih kermany cohen; do $(DEV) -m training backbone --left-out $$source || exit 1; done
	$(DEV) -m training export backbone
	$(DEV) -m training explore --at-most 300
	$(DEV) -m training head training/configs/covid_normal.toml
	$(DEV) -m training head training/configs/covid_pneumo.toml
	$(DEV) -m training head training/configs/three_classes.toml
	$(DEV) -m training head training/configs/findings.toml
	$(DEV) -m training out-of-distribution
	$(DEV) -m training export screen
	$(DEV) -m training opacity
	$(DEV) -m training export opacity
	$(DEV) -m training evaluate runs/covid_normal runs/covid_pneumo runs/three_classes runs/findings
	$(DEV) -m training audit
	$(DEV) -m training export head covid_normal
	$(DEV) -m training export head covid_pneumo
	$(DEV) -m training export head three_classes
	$(DEV) -m training export head findings

articles: .venv-dev/.installed  ## run the two-model tutorial again, each of its numbers beside ours (5 minutes, once the features are there)
	$(DEV) -m training articles

.venv/.installed: requirements.txt
	$(call environment,.venv,about 100 MB to download)
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

# pip downloads, as it is set up on this machine; uv only says what uv.lock pins.
.venv-dev/.installed: uv.lock
	$(call environment,.venv-dev,about 800 MB to download)
	@$(DEV) -m pip install --quiet --disable-pip-version-check "uv==$(UV)"
	@$(DEV) -m uv export --quiet --frozen --all-extras --no-emit-project --output-file .venv-dev/requirements.txt
	@$(DEV) -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv-dev/requirements.txt
	@touch $@

# $(call environment,FOLDER,SIZE): always from an empty folder, so that it holds what is listed and nothing else.
define environment
	@test -n "$(PYTHON)" || { echo "Expected Python 3.11, 3.12 or 3.13 on the PATH; found" \
		"$$(python3 --version 2>/dev/null || echo none). Install one, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo "Expected Python 3.11, 3.12 or 3.13; PYTHON=$(PYTHON) is $$($(PYTHON) --version 2>&1)."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) cannot make environments: sudo apt-get install python3-venv"; exit 1; }
	@echo "Installing into $(1) with $$($(PYTHON) --version), once ($(2)) ..."
	@$(PYTHON) -m venv --clear $(1)
endef
