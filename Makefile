# Everything a fresh machine needs is made here: git, Python 3.11 and Debian's packages are
# all that is asked for.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
SETUP  := $(VENV)/.ready

.PHONY: help setup demo test check pytest soak bench format clean
help:
	@echo "make demo    a simulated armoury, the real daemon, the monitor's feed on screen"
	@echo "make test    every check: format, lint, types, layering, tests"
	@echo "make soak    the long runs: hundreds of kills"
	@echo "make bench   what is fast, measured beside its own floor"

setup: $(SETUP)
$(SETUP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt \
	  --config-settings editable_mode=compat -e '.[dev]'
	@touch $@

# A broker of our own runs from Debian's mosquitto; its service is not used.
.PHONY: broker
broker:
	@command -v mosquitto >/dev/null || test -x /usr/sbin/mosquitto && command -v mosquitto_sub >/dev/null || { \
	  SUDO=$$(test "$$(id -u)" = 0 || echo sudo); \
	  echo "installing Debian's mosquitto"; \
	  $$SUDO apt-get update -qq && $$SUDO env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends mosquitto mosquitto-clients >/dev/null; }

# The RTSP server that the camera driver is tested against; without it those tests are skipped.
.PHONY: rtsp
rtsp:
	@/usr/bin/python3 -c 'import gi; gi.require_version("GstRtspServer", "1.0")' 2>/dev/null || { \
	  SUDO=$$(test "$$(id -u)" = 0 || echo sudo); \
	  echo "installing GStreamer's RTSP server from Debian"; \
	  $$SUDO apt-get update -qq && $$SUDO env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends python3-gi gir1.2-gst-rtsp-server-1.0 \
	    gstreamer1.0-rtsp gstreamer1.0-plugins-base gstreamer1.0-plugins-good >/dev/null; }

demo: setup broker
	@$(BIN)/armoury demo

test: setup broker
	@$(MAKE) --no-print-directory --jobs 2 --output-sync check compiled
	@$(MAKE) --no-print-directory pytest

# Collected once beside mypy, the tests are compiled for all that run them.
.PHONY: compiled
compiled: export PYTHONDONTWRITEBYTECODE :=
compiled: setup
	@said=$$($(BIN)/pytest --collect-only --quiet 2>&1) || { echo "$$said"; exit 1; }

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Five at a time on CI's two cores: the tests of a whole site wait for half of their time; their
# order is in tests/turns.py. What fails is run once more, and shown:
# docs/adr/0013-a-failed-test-is-run-once-more.md
RERUNS := --reruns 1 --rerun-show-tracebacks \
	$(addprefix --rerun-exclude-path=,tests/site tests/config tests/house)
pytest: setup broker
	$(BIN)/pytest -n 5 -m "not soak and not hardware" $(RERUNS)

soak: setup broker
	$(BIN)/pytest -m soak -o timeout=0

bench: setup broker
	$(BIN)/python -m benchmarks

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
