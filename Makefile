# `make test` installs what it lacks (Debian packages, named first) and runs every check.
# `make machine` reads cards through the USB stack of an emulated machine; it takes about two minutes.

PACKAGES = pcscd libpcsclite-dev pkg-config gcc libc6-dev
SUDO = $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: test packages machine

test: packages
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	cargo test --workspace --all-features --locked

machine:
	tests/machine/run

packages:
	@missing=""; for p in $(PACKAGES); do \
	    dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "installing:$$missing"; \
	    $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $$missing; fi
