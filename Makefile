# Two commands on a fresh Debian machine with Rust and git: `make demo` and `make test`.
# Both install what they lack (see .ci/setup; tests also .ci/setup-interop). One release profile
# serves all, so RocksDB and libp2p are compiled once.

CARGO ?= cargo
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
DEMO_DIR := $(CURDIR)/target/demo-net
BUILD := $(CARGO) build --release --workspace --locked

.PHONY: setup tools interop build demo test bench lint

setup: tools interop

# what a build needs
tools:
	@./.ci/setup

# Node and the libraries that the credential tests compare with
interop:
	@./.ci/setup-interop

build: tools
	$(BUILD)

# the main job on real input: a network of four nodes, from register to proof
demo: build
	@rm -rf $(DEMO_DIR) && mkdir -p $(dir $(DEMO_DIR))
	@$(TARGET)/release/titian devnet up --validators 4 --dir $(DEMO_DIR) \
	  && { $(TARGET)/release/titian devnet demo --dir $(DEMO_DIR); status=$$?; \
	       $(TARGET)/release/titian devnet down --dir $(DEMO_DIR); exit $$status; }

test: build interop
	$(CARGO) test --release --workspace --locked

# its own networks, and Malachite alone beside them: a table, and target/bench.json. The JavaScript
# libraries are measured too if `make interop` has installed them
bench: build
	@$(TARGET)/release/titian-bench --out target/bench.json

lint: tools
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --workspace --all-targets --locked -- -D warnings
