# `make hello` shows what rsock is for, `make test` proves it. Every target does its own set-up.
#
#   PYTHON=...       the interpreter to work with; without it `python3`, if that is 3.9 to 3.13
#   CONFORMANCE=...  where the conformance tool lies (for `make compat`)
#   PROFILE=full     all of the interpreter's test modules, not only the quick ones
#   CHECK=1          the benchmarks fail when a target is missed
#   QUICK=1          `make bench-servers` with few connections and few, short turns

PYTHON ?= $(shell sh tests/compat/pythons --first)
CONFORMANCE ?= ../shared/conformance
PROFILE ?= quick
CHECK ?=
QUICK ?=

PY := .venv/bin/python
# What cargo asks about Python; the build by maturin finds it by itself.
export PYO3_PYTHON := $(CURDIR)/$(PY)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help hello test build lint rust-lint python-lint rust-test python-test bench bench-servers bench-fetch compat format clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

hello: build ## let a server and a client talk, both on rsock
	@$(PY) examples/hello.py

test: build rust-lint python-lint rust-test python-test ## build, then run all tests and lints

build: ## make .venv with the tools and a release build, if it is not up to date
	@test -n "$(PYTHON)" || { \
		echo "No Python 3.9 to 3.13 with venv was found. Install one, or name it: make PYTHON=..."; exit 1; }
	@command -v cargo >/dev/null || { \
		echo "No cargo was found. Install a Rust toolchain (1.85 or later) and try again."; exit 1; }
	@sh tests/compat/environment "$(PYTHON)" .venv dev

lint: build rust-lint python-lint ## run all lints

rust-lint: build
	cargo fmt --check
	cargo clippy --quiet --locked --all-targets -- -D warnings
	cargo clippy --quiet --locked --all-targets --features python -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --no-deps
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --no-deps --features python --document-private-items

python-lint: build
	$(PY) -m ruff check --quiet
	$(PY) -m ruff format --check --quiet
	$(PY) -m mypy
	@# Some names are loaded when they are used, which the older stubtest does not wait for.
	$(PY) -c 'import rsock, runpy; [str(getattr(rsock, name)) for name in rsock._LATER]; runpy.run_module("mypy.stubtest", run_name="__main__")' rsock --mypy-config-file pyproject.toml --allowlist tests/compat/stubtest.txt

rust-test: ## run the tests of the layers that need no Python
	cargo test --quiet --locked --no-default-features

python-test: build ## run the tests of the module
	$(PY) -m pytest --quiet

bench: build ## time each call, the import, and the start of rsock run, beside those of Python
	$(PY) benches/calls.py $(if $(CHECK),--check)
	$(PY) benches/import_time.py $(if $(CHECK),--check)
	$(PY) benches/start_up.py $(if $(CHECK),--check)

bench-servers: build ## hold the servers against a bare loop in C, uvloop, asyncio, gevent
	@sh tests/compat/environment "$(PYTHON)" .venv bench
	$(PY) benches/servers.py $(if $(CHECK),--check) $(if $(QUICK),--quick)
	$(PY) benches/serve_while_busy.py $(if $(CHECK),--check) $(if $(QUICK),--quick)
	$(PY) benches/idle_memory.py $(if $(CHECK),--check) $(if $(QUICK),--quick)
	$(PY) benches/stopping.py $(if $(CHECK),--check) $(if $(QUICK),--quick)

bench-fetch: build ## time fetching beside other clients, where nginx is installed
	@sh tests/compat/environment "$(PYTHON)" .venv bench
	$(PY) benches/fetch.py $(if $(CHECK),--check) $(if $(QUICK),--quick)

compat: ## run the interpreters' own tests on every Python that is found
	@sh tests/compat/conformance "$(CONFORMANCE)" "$(PROFILE)"

format: build ## put all code into shape, and what is made of it
	cargo fmt
	$(PY) -m ruff check --fix --quiet
	$(PY) notebooks/strip.py
	$(PY) -m ruff format --quiet
	$(PY) docs/make_reference.py

clean: ## remove all that was built
	cargo clean --quiet
	rm -rf .venv .venvs .mypy_cache .ruff_cache .pytest_cache
