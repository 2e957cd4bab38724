# `make demo` runs the main job on this machine; `make test` runs every check. Each installs what it lacks, and
# names it first: Debian packages, and cargo-deny.

BUILD_PACKAGES = gcc libc6-dev libpcsclite-dev pkg-config
TEST_PACKAGES = $(BUILD_PACKAGES) faketime pcscd
# What `yidang demo` is given: `make demo DEMO=--once` ends after the last step.
DEMO =
SUDO = $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: demo test deny

demo:
	@$(call install,$(BUILD_PACKAGES))
	cargo run --release --locked -- demo $(DEMO)

test:
	@$(call install,$(TEST_PACKAGES))
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	cargo test --workspace --all-features --locked
	$(MAKE) --no-print-directory deny

# Bans, licences and sources. The advisory database is asked only where it can be reached.
deny:
	@command -v cargo-deny >/dev/null || { echo "installing: cargo-deny (crate)"; cargo install --quiet --locked cargo-deny; }
	cargo deny --locked --all-features check bans licenses sources
	@echo "skipped: cargo deny check advisories (its database is not reachable from every machine)"

define install
missing=""; for p in $(1); do \
    dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
if [ -n "$$missing" ]; then echo "installing:$$missing"; \
    $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $$missing; fi
endef
