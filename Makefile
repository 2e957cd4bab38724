# `make demo` runs the main job on this machine; `make test` runs every check; `make fuzz SECONDS=30` runs every
# target of `fuzz/` for that long; `make machine` reads cards and takes pages through the USB stack of an emulated
# machine, in about two minutes; `make test-client` tries `clients/js` and the clerk's page in a real browser;
# `make crash CYCLES=200 KILLS=700` cuts the power and kills, and looks for what was acknowledged. `make test-api` holds
# the local API against its OpenAPI document; `make test-examples` runs the short window programs. Each installs what
# it lacks, and names it first: Debian packages, npm's, Python's, and cargo's tools.

BUILD_PACKAGES = cmake gcc libc6-dev libpcsclite-dev nasm pkg-config
TEST_PACKAGES = $(BUILD_PACKAGES) curl e2fsprogs faketime fonts-arphic-uming fonts-dejavu-core libnss3-tools mount openssl pcscd poppler-utils procps qpdf
# A TPM made of software; where it cannot be had, its test is skipped by name.
TPM_PACKAGES = swtpm libtss2-tcti-swtpm0 libtss2-esys-3.0.2-0 libtss2-mu0 libtss2-rc0
FUZZ_PACKAGES = $(BUILD_PACKAGES) g++
API_PACKAGES = python3 python3-venv
EXAMPLE_PACKAGES = curl jq python3
# What `yidang demo` is given: `make demo DEMO=--once` ends after the last step.
DEMO =
SECONDS = 30
# Which targets are fuzzed, and how they are built. Every test run takes those that read cards.
TARGETS = $$($(FUZZ) list)
FUZZ_FEATURES =
CARD_TARGETS = card_text profile sam_frame serial_resync
# A service that is built already, for `make test-client` and `make test-api`.
YIDANG ?=
# How often power is cut at the agent and at the repository, how often they are killed, and from which seed the moments
# are drawn: from the time where there is none. MUTATION=directory-fsync or ledger-normal tells the rig a lie that it
# must notice.
CYCLES = 200
KILLS = 700
SEED =
MUTATION =
CRASH_PACKAGES = $(BUILD_PACKAGES) e2fsprogs mount
SUDO = $(if $(filter 0,$(shell id -u)),,sudo)
# Where cargo puts what it builds; tools of a fixed version beside it.
TARGET_DIR = $(abspath $(or $(CARGO_TARGET_DIR),target))
FUZZ_VERSION = 0.13.2
FUZZ = CARGO_TARGET_DIR=$(TARGET_DIR) PATH=$(TARGET_DIR)/tools/bin:$$PATH cargo fuzz

.PHONY: demo test deny fuzz machine test-client test-api test-examples crash crash-can-fail

demo:
	@$(call install,$(BUILD_PACKAGES))
	cargo run --release --locked -- demo $(DEMO)

test:
	@$(call install,$(TEST_PACKAGES))
	@$(call install,$(TPM_PACKAGES)) || true
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	cargo test --workspace --all-features --locked
	$(MAKE) --no-print-directory crash CYCLES=12 KILLS=12
	$(MAKE) --no-print-directory crash-can-fail CYCLES=12
	$(MAKE) --no-print-directory machine
	$(MAKE) --no-print-directory test-client
	$(MAKE) --no-print-directory test-api
	$(MAKE) --no-print-directory test-examples
	$(MAKE) --no-print-directory fuzz TARGETS="$(CARD_TARGETS)" FUZZ_FEATURES=--no-default-features
	$(MAKE) --no-print-directory deny

# Bans, licences and sources. The advisory database is asked only where it can be reached.
deny:
	@command -v cargo-deny >/dev/null || { echo "installing: cargo-deny"; cargo install --quiet --locked cargo-deny; }
	cargo deny --locked --all-features check bans licenses sources
	@echo "skipped: cargo deny check advisories (its database is not reachable from every machine)"

fuzz:
	@$(call install,$(FUZZ_PACKAGES))
	@test -x $(TARGET_DIR)/tools/bin/cargo-fuzz || { echo "installing: cargo-fuzz $(FUZZ_VERSION)"; \
	    CARGO_TARGET_DIR=$(TARGET_DIR) cargo install cargo-fuzz --version $(FUZZ_VERSION) --locked --root $(TARGET_DIR)/tools; }
	@set -e; for target in $(TARGETS); do echo "fuzzing: $$target"; \
	    mkdir -p fuzz/corpus/$$target fuzz/seeds/$$target; \
	    $(FUZZ) run --sanitizer none $(FUZZ_FEATURES) $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
	    -max_total_time=$(SECONDS) -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 -verbosity=0; done

machine:
	tests/machine/run

# Cutting power needs root and loop devices; where there are none, that part is named and skipped.
crash:
	@$(call install,$(CRASH_PACKAGES))
	cargo build --locked --quiet -p yidang -p yidang-crash-rig --bins
	$(SUDO) $(TARGET_DIR)/debug/crash-rig --cycles $(CYCLES) --kills $(KILLS) \
	    $(if $(SEED),--seed $(SEED)) $(if $(MUTATION),--mutation $(MUTATION))

# Whether losses are noticed at all.
crash-can-fail:
	$(MAKE) --no-print-directory crash MUTATION=ledger-normal
	$(MAKE) --no-print-directory crash MUTATION=directory-fsync

# The client of window programs and the clerk's page, in a real browser against the real service: YIDANG=PATH with
# yidang-repository beside it, or what cargo builds.
test-client:
	@command -v npm >/dev/null || { $(call install,nodejs npm); } || true
	@command -v chromium >/dev/null || { $(call install,chromium); } || true
	@command -v certutil >/dev/null || { $(call install,libnss3-tools); } || true
	@if ! command -v npm >/dev/null; then echo "SKIPPED clients/js: npm cannot be had" >&2; exit 0; fi; \
	test -n "$(YIDANG)" || cargo build --locked --bins || exit 1; \
	cd clients/js && npm ci --silent --no-audit --no-fund && CARGO_TARGET_DIR=$(TARGET_DIR) YIDANG=$(abspath $(YIDANG)) npm test --silent

# The local API of the real service, called by everything that its document allows: YIDANG=PATH, or what cargo builds.
test-api:
	@$(call install,$(API_PACKAGES)) || true
	@test -n "$(YIDANG)" || cargo build --locked --bins
	@CARGO_TARGET_DIR=$(TARGET_DIR) YIDANG=$(abspath $(YIDANG)) tests/api/run

# Short window programs in several languages, each against the real service; Java and .NET where they are there already.
test-examples:
	@$(call install,$(EXAMPLE_PACKAGES)) || true
	@test -n "$(YIDANG)" || cargo build --locked --bins
	@command -v python3 >/dev/null || { echo "SKIPPED clients/examples: python3 cannot be had" >&2; exit 0; }; \
	clients/examples/check $(or $(abspath $(YIDANG)),$(TARGET_DIR)/debug/yidang)

# Debian packages of a list that are not there yet.
define install
missing=""; for p in $(1); do \
    dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
if [ -n "$$missing" ]; then echo "installing:$$missing"; \
    $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $$missing; fi
endef
