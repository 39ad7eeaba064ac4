# Everything a fresh machine needs is made here: git, Python 3.11 and Debian's packages are
# all that is asked for.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin

# What is imported is compiled once, whatever the environment says: installing compiles nothing,
# for most of what is installed is never imported.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test check pytest soak bench format clean
help:
	@echo "make demo    a simulated armoury, the real daemon, the monitor's feed on screen"
	@echo "make test    every check: format, lint, types, layering, tests"
	@echo "make soak    the long runs: hundreds of kills"
	@echo "make bench   what is fast, measured beside its own floor"

INSTALL := install --quiet --disable-pip-version-check -c constraints.txt
PIP     := $(BIN)/python -m pip $(INSTALL) --no-compile

# The machine's own pip, or the one that Python brings along, fetches the pinned one, which takes
# half of its time. pip uses one core and waits for the network: what is pinned is installed in
# shares, side by side. lgpio is a Raspberry Pi's alone.
PACKAGES := $(VENV)/.packages
$(PACKAGES): pyproject.toml constraints.txt
	$(PYTHON) -m venv --without-pip $(VENV)
	@$(PYTHON) -m pip --python $(BIN)/python $(INSTALL) pip 2>/dev/null || { \
	  $(BIN)/python -m ensurepip >/dev/null && $(BIN)/python -m pip $(INSTALL) pip; }
	grep --invert-match lgpio constraints.txt | xargs -P 3 -n 23 $(PIP) --no-deps
	@touch $@

# Whatever the pins should lack is installed here. Setuptools would warn of the one mode that makes
# an interpreter's start no longer.
READY := $(VENV)/.ready
setup: $(READY)
$(READY): $(PACKAGES)
	PYTHONWARNINGS=ignore $(PIP) --no-build-isolation \
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

test:
	@$(MAKE) --no-print-directory --jobs 2 --output-sync broker check compiled
	@$(MAKE) --no-print-directory pytest

# Collected once beside mypy, the tests are compiled for all that run them.
.PHONY: compiled
compiled: setup
	@said=$$($(BIN)/pytest --collect-only --quiet 2>&1) || { echo "$$said"; exit 1; }

check: $(PACKAGES)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Seven at a time on CI's two cores: what waits for a house or a wire leaves most of a core to
# others; their order is in tests/turns.py. What fails is run once more, and shown:
# docs/adr/0013-a-failed-test-is-run-once-more.md
RERUNS := --reruns 1 --rerun-show-tracebacks \
	$(addprefix --rerun-exclude-path=,tests/site tests/config tests/house)
pytest: setup broker
	$(BIN)/pytest -n 7 -m "not soak and not hardware" $(RERUNS)

soak: setup broker
	$(BIN)/pytest -m soak -o timeout=0

bench: setup broker
	$(BIN)/python -m benchmarks

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
