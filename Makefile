# Everything sets itself up: a machine with Python 3.11 or newer, pip and apt is enough.
#
#   make demo              the whole gateway on simulated devices against local clouds (Ctrl-C ends it)
#   make test              format, lint, types and tests, the live ones with a real broker too
#   make test-page         the console's page in a real browser (installs chromium)
#   make test-slow         the long tiers: a hundred thousand broken frames a decoder, and the like
#   make fuzz              hostile bytes to every decoder and entry: four fuzzers, an hour of processor
#                          time each; FUZZ_SECONDS=120 is shorter, FUZZ=--resume goes on after Ctrl-C
#   make board             gatewayd on a virtual board: real kernel, buses, radio (needs root, QEMU)
#   make bench             this machine's figures beside its own limits and ThingsBoard Gateway
#   make compare           the same kill and outage for gatewayd and ThingsBoard Gateway: who lost what
#   make lock              newest versions that fit, for all supported Pythons

PYTHON ?= python3
VENV ?= .venv
DEMO_SECONDS ?=
FUZZ_SECONDS ?= 3600
BIN = $(VENV)/bin
SUDO = $(if $(filter 0,$(shell id -u)),,sudo)
APT = $(SUDO) apt-get install -y -qq --no-install-recommends

.PHONY: demo test test-page test-slow fuzz board bench compare lock clean

demo: $(VENV)/.run
	$(BIN)/gatewayd demo $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS))

test: $(VENV)/.test broker
	$(BIN)/python -m tests

test-page: $(VENV)/.test
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	  echo "==> installing chromium, a real browser for the page"; \
	  { $(SUDO) apt-get update -qq; $(APT) chromium; } || exit 1; }
	$(BIN)/python -m pytest tests/live/test_page.py -m page

test-slow: $(VENV)/.test broker
	$(BIN)/python -m pytest -m "slow and not alone" -n 2 --dist worksteal --timeout 3600
	$(BIN)/python -m pytest -m "slow and alone" --timeout 3600

fuzz: $(VENV)/.fuzz
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(FUZZ)

BOARD_NEEDS = qemu-system-x86 seabios ipxe-qemu mmdebstrap e2fsprogs kmod cpio zstd socat

board: $(VENV)/.test
	@PATH="$$PATH:/usr/sbin:/sbin"; for each in qemu-system-x86_64 mmdebstrap mke2fs depmod cpio zstd socat; do \
	  command -v $$each >/dev/null || { echo "==> installing QEMU, and what builds a small Debian"; \
	    $(SUDO) apt-get update -qq && $(APT) $(BOARD_NEEDS); break; }; done
	@PATH="$$PATH:/usr/sbin:/sbin" $(BIN)/python -m pytest tests/board -m board --timeout 900

bench: $(VENV)/.test broker
	$(BIN)/python -m tests.bench $(BENCH)

compare: $(VENV)/.test broker
	$(BIN)/python -m tests.compare $(COMPARE)

lock: $(VENV)/.test
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --all-extras --no-emit-index-url \
	  --no-header --upgrade pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: broker
broker:
	@PATH="$$PATH:/usr/sbin" command -v mosquitto >/dev/null || { \
	  echo "==> installing mosquitto, a real broker for the live tests"; \
	  { $(SUDO) apt-get update -qq; $(APT) mosquitto; } || exit 1; }
	@command -v dbus-daemon >/dev/null || { \
	  echo "==> installing dbus-daemon, a real bus for the Bluetooth tests"; \
	  { $(SUDO) apt-get update -qq; $(APT) dbus-daemon || $(APT) dbus; } || exit 1; }
	@command -v faketime >/dev/null || { \
	  echo "==> installing faketime, for a daemon that starts in 1970"; \
	  { $(SUDO) apt-get update -qq; $(APT) faketime; } || exit 1; }

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "gatewayd needs Python 3.11 or newer; try make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "==> making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { \
	  rm -rf $(VENV); $(SUDO) apt-get update -qq && $(APT) python3-venv && $(PYTHON) -m venv $(VENV); }

$(VENV)/.run: pyproject.toml requirements.lock | $(VENV)/bin/pip
	@echo "==> installing gatewayd"
	@$(BIN)/pip install -q --disable-pip-version-check -c requirements.lock -e '.[sandbox]'
	@touch $@

$(VENV)/.test: pyproject.toml requirements.lock | $(VENV)/bin/pip
	@echo "==> installing gatewayd and what its tests need"
	@$(BIN)/pip install -q --disable-pip-version-check -c requirements.lock -e '.[ble,sandbox,test]'
	@touch $@ $(VENV)/.run

$(VENV)/.fuzz: $(VENV)/.test
	@echo "==> installing atheris, which guides the fuzzing"
	@$(BIN)/pip install -q --disable-pip-version-check 'atheris>=3.0'
	@touch $@
