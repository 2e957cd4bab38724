# `make test` installs what it lacks (Debian packages, named first) and runs every check.
# `make fuzz SECONDS=30` runs every target of `fuzz/` for that long; it installs cargo-fuzz under `target/tools`.

PACKAGES = pcscd libpcsclite-dev pkg-config gcc libc6-dev
SUDO = $(if $(filter 0,$(shell id -u)),,sudo)

# Where cargo puts what it builds; its tools beside it.
TARGET_DIR = $(abspath $(or $(CARGO_TARGET_DIR),target))
FUZZ_VERSION = 0.13.2
FUZZ = CARGO_TARGET_DIR=$(TARGET_DIR) PATH=$(TARGET_DIR)/tools/bin:$$PATH cargo fuzz
SECONDS = 30

.PHONY: test packages fuzz

test: packages
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	cargo test --workspace --all-features --locked

packages:
	@missing=""; for p in $(PACKAGES); do \
	    dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "installing:$$missing"; \
	    $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $$missing; fi

fuzz: PACKAGES += g++
fuzz: packages
	@test -x $(TARGET_DIR)/tools/bin/cargo-fuzz || { echo "installing: cargo-fuzz $(FUZZ_VERSION)"; \
	    CARGO_TARGET_DIR=$(TARGET_DIR) cargo install cargo-fuzz --version $(FUZZ_VERSION) --locked --root $(TARGET_DIR)/tools; }
	$(FUZZ) build --sanitizer none
	@set -e; for target in $$($(FUZZ) list); do echo "fuzzing: $$target"; \
	    mkdir -p fuzz/corpus/$$target fuzz/seeds/$$target; \
	    $(FUZZ) run --sanitizer none $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
	    -max_total_time=$(SECONDS) -rss_limit_mb=2048 -timeout=10 -print_final_stats=1; done
