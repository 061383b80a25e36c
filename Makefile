# make demo: train a landslide detector on the practice cube.   make test: everything that must hold.   Both set up .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The memory allocator keeps a little of what is freed, enough for a batch, and hands the rest back. Kept too little, each batch fetches its memory anew, which
# makes training several times slower; kept all, a notebook needs 200 MB more. Linux only; other systems ignore it.
export MALLOC_ARENA_MAX ?= 2
export MALLOC_MMAP_THRESHOLD_ ?= 33554432
export MALLOC_TRIM_THRESHOLD_ ?= 67108864

.PHONY: demo check test notebooks measure prints slides kit lint unit-test slow-test notebook-test browser-test site clean

demo: $(VENV)/.ready
	$(BIN)/landslides demo

# Lint, types and unit tests, in about five minutes
check: lint unit-test

test: check slow-test notebook-test

prints: $(VENV)/.ready
	$(BIN)/python tools/prints.py

# NAMES="00_start_here 01_explore" makes these only; npm fetches the slides' script once
slides: $(VENV)/.ready
	$(BIN)/python tools/slides.py $(NAMES)

# KIT names the folder that shall appear; SYSTEM=Windows or PYTHON_VERSION=3.12 if the room's machines are not like this one
kit: $(VENV)/.ready
	$(BIN)/python tools/kit/fetch.py $(if $(KIT),"$(KIT)",$(error name the folder: make kit KIT=/media/stick/landslides)) $(if $(SYSTEM),--system $(SYSTEM)) $(if $(PYTHON_VERSION),--python $(PYTHON_VERSION))

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/build.py --check

# Tests of one file run in one process, so that what they share is made once.
unit-test: $(VENV)/.ready
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile -m "not notebook and not slow and not browser"

slow-test: $(VENV)/.ready
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal -m slow

notebook-test: $(VENV)/.ready
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal -m notebook

# Notebooks in JupyterLab, and every page of the website where there is one in out/site. It needs a Chromium; NOTEBOOKS="00 02" chooses the notebooks.
NOTEBOOKS ?=
browser-test: $(VENV)/.web
	@command -v npm >/dev/null && npm install --prefix tests/browser --no-package-lock --ignore-scripts --no-audit --no-fund --silent \
	|| echo "npm or its registry cannot be had: pages are not checked for what shuts readers out"
	NOTEBOOKS="$(NOTEBOOKS)" $(BIN)/pytest -m browser tests/browser

# The website in out/site. Each notebook is run once and kept in out/executed; NOTEBOOKS="00 01" runs these only and shows the others as they are.
site: $(VENV)/.web
	$(BIN)/python tools/website/make.py $(NOTEBOOKS)

notebooks: $(VENV)/.ready
	$(BIN)/python tools/build.py

measure: $(VENV)/.ready
	$(BIN)/python tools/measure.py; status=$$?; $(BIN)/python tools/build.py; exit $$status

# uv resolves the dependencies as of the day in pyproject.toml; an older uv that does not know all settings there, and so
# would read none of them, is not taken. The versions so found are kept for the second step, which takes the same versions in the
# build that suits this machine (without an NVIDIA card a much smaller one for CPUs), and, where that index cannot be reached, the default build. All is
# compiled once, which takes a minute: otherwise each start of Python compiles it anew where the bytecode may not be kept.
$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3")'
	@set -eu; \
	interpreter=$$($(PYTHON) -c 'import sys; print(sys.executable)'); \
	if command -v uv >/dev/null && ! uv cache dir 2>&1 | grep -q "Failed to parse"; then uv=uv; uv venv --quiet --allow-existing --python "$$interpreter" $(VENV); \
	else "$$interpreter" -m venv $(VENV); $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9.8'; uv=$(BIN)/uv; fi; \
	echo "setting up $(VENV): a few minutes on the first time, 2 to 7 GB of disk"; \
	"$$uv" pip compile --quiet --python $(BIN)/python --all-extras pyproject.toml --output-file $(VENV)/versions.txt; \
	install="$$uv pip install --compile-bytecode --python $(BIN)/python --constraint $(VENV)/versions.txt --editable .[event,test]"; \
	$$install --quiet --torch-backend=auto --exclude-newer-package torch=false --exclude-newer-package torchvision=false 2>$(VENV)/torch-index.log \
	|| { echo "PyTorch's own builds cannot be had (why: $(VENV)/torch-index.log); taking the default build"; $$install; }
	@touch $@

$(VENV)/.web: $(VENV)/.ready
	@uv=$$(command -v uv || echo $(BIN)/uv); "$$uv" pip install --quiet --python $(BIN)/python --constraint $(VENV)/versions.txt --editable '.[browser,site]'
	@touch $@

clean:
	rm -rf $(VENV) out
