# make demo    the demo notebooks in JupyterLab          make test    everything that a change has to pass
# make lint    style and types only                      make bundle  llmwidgets/static/widget.js from js/src
# make bench   measurements into benchmarks/RESULTS.md   make screenshots   real states as pictures, into screenshots/
#
# The files .venv/.made-* say what has been made, so that a second run is quick.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
NPM := npm --prefix js

.PHONY: demo test lint lint-python lint-js test-js test-python bundle bench screenshots browser clean
.DELETE_ON_ERROR:

demo: $(VENV)/.made-demo
	$(BIN)/llmwidgets demo

# The last lines are pytest's own summary.
test: lint test-js test-python

lint: lint-python lint-js

lint-python: $(VENV)/.made-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-js: js/node_modules/.package-lock.json
	$(NPM) run check

test-js: js/node_modules/.package-lock.json browser
	$(NPM) test

test-python: $(VENV)/.made-test js/node_modules/.package-lock.json browser
	$(BIN)/python -m pytest -q

bundle: js/node_modules/.package-lock.json
	$(NPM) run build

bench: $(VENV)/.made-test browser benchmarks/peer/node_modules/.package-lock.json benchmarks/lens/.venv/.made
	$(BIN)/python -m benchmarks

screenshots: $(VENV)/.made-test browser
	$(BIN)/python -m tests.browser.screenshots

$(VENV)/.made-venv:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade pip
	touch $@

# torch comes first and alone: 2.13.0 is to be had as a CPU build; left to the dependencies, pip would take the newest, with CUDA.
$(VENV)/.made-torch: $(VENV)/.made-venv
	$(PIP) install --quiet torch==2.13.0 || $(PIP) install --quiet torch
	touch $@

$(VENV)/.made-demo: $(VENV)/.made-torch pyproject.toml
	$(PIP) install --quiet --editable '.[demo]'
	touch $@

$(VENV)/.made-test: $(VENV)/.made-torch pyproject.toml
	$(PIP) install --quiet --editable '.[bertviz,demo]' --group test
	touch $@ $(VENV)/.made-demo

# Install scripts may be refused: the packages used here bring their programs as files.
js/node_modules/.package-lock.json: js/package-lock.json js/package.json
	$(NPM) ci --ignore-scripts --no-audit --no-fund
	touch $@

benchmarks/peer/node_modules/.package-lock.json: benchmarks/peer/package-lock.json benchmarks/peer/package.json
	npm --prefix benchmarks/peer ci --ignore-scripts --no-audit --no-fund
	touch $@

# TransformerLens, measured beside us, has dependencies that are not ours, so it has an environment of its own (1.8 GB).
benchmarks/lens/.venv/.made: benchmarks/lens/requirements.txt
	$(PYTHON) -m venv benchmarks/lens/.venv
	benchmarks/lens/.venv/bin/python -m pip --disable-pip-version-check install --quiet torch==2.13.0
	benchmarks/lens/.venv/bin/python -m pip --disable-pip-version-check install --quiet --requirement benchmarks/lens/requirements.txt
	touch $@

# A Chromium: the one on the PATH, else Debian's, else Playwright's own.
browser: $(VENV)/.made-test
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core; then :; \
	else $(BIN)/python -m playwright install chromium; fi

clean:
	rm -rf $(VENV) benchmarks/lens/.venv js/node_modules benchmarks/peer/node_modules dist screenshots test-results
