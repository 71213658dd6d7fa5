# Two commands do everything: `make run` and `make test`.

CARGO ?= cargo
# Nothing that is run leaves files among sources, which builds would take for changes.
export PYTHONDONTWRITEBYTECODE := 1
WASM := wasm32-wasip2
PLUGINS := adaptive_tail_sampling attributes cardinality_guard count exceptions filter groupbyattrs groupbytrace k8sattributes metricstransform probabilistic_sampler redaction resource resourcedetection routing servicegraph span spanmetrics tail_sampling transform
GUESTS := hostile hostile_v2 hostile_roles stateful stateful_v2 importer misnamed sdk_processor sdk_connector holder grouper
GUEST_DIR := target/$(WASM)/guest
PLUGIN_DIR := target/release/plugins
# SIMD is in every engine of today, and makes searching texts several times faster.
GUEST_FLAGS := CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS="-C target-feature=+simd128"

PYTHON := tests/clients/.python
NODE := tests/clients/node/node_modules
TOOLS := target/tools

# Puts the plugins into the executable, whichever of the two was built last.
PACK = if test -x target/release/spanmill && test -f $(PLUGIN_DIR)/transform.wasm; then \
	target/release/spanmill pack-built-ins --plugins $(PLUGIN_DIR) --into target/release/spanmill; fi

.PHONY: dist edge edge-check edge-runtimes emulator browser ledger-bench transform-bench differential differential-goldens plugin-costs readme-examples tail-soak tail-bench tail-compare build run test plugins guests host wasm-target unit clients lint attacks fuzz bench bench-check bench-guests compare clean cosign-check deny sdks wasm-clang five-minutes language-guests compiled-guests examples

## Plugins and host in release: target/release/spanmill, with the built-ins inside it.
build: plugins host

## The quickstart pipeline.
run: build
	target/release/spanmill run

host:
	$(CARGO) build --release --locked -p spanmill
	@$(PACK)

## The executable to install, target/dist/spanmill: two thirds of what `make build` makes, for 23 minutes of processor time.
dist: plugins
	$(CARGO) build --profile dist --locked -p spanmill
	target/dist/spanmill pack-built-ins --plugins $(PLUGIN_DIR) --into target/dist/spanmill

wasm-target:
	@rustc --print target-libdir --target $(WASM) >/dev/null 2>&1 && test -d "$$(rustc --print target-libdir --target $(WASM))" \
		|| rustup target add $(WASM)

plugins: wasm-target
	$(GUEST_FLAGS) $(CARGO) build --locked --target $(WASM) --profile guest $(subst _,-,$(PLUGINS:%=-p spanmill-%))
	@mkdir -p $(PLUGIN_DIR)
	@for plugin in $(PLUGINS); do cp $(GUEST_DIR)/spanmill_$$plugin.wasm $(PLUGIN_DIR)/$$plugin.wasm; done
	@# One of another version may not know how; `host` puts them into the next one.
	@$(PACK) >/dev/null 2>&1 || true

## For small machines: the runtimes of both architectures, bundles with each, that they give the golden output, and what they take.
edge: build edge-runtimes emulator
	edge/measure

edge-runtimes:
	edge/build-runtime x86_64
	edge/build-runtime aarch64

# The same in short, for CI, with runtimes that are built quickly and run slowly.
edge-check: export EDGE_CARGO_FLAGS = --config profile.edge.opt-level=0 --config profile.edge.codegen-units=16 --config profile.edge.lto=false
edge-check: build edge-runtimes emulator
	SHORT=1 STARTS=3 edge/measure

# Runs what is built for the other architecture: Debian's package.
emulator:
	@command -v qemu-aarch64 >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null; } \
		|| { echo 'bundles of another architecture are run by qemu-user, a package of Debian' >&2; exit 1; }
	@command -v qemu-aarch64 >/dev/null \
		|| { apt-get update --quiet; apt-get install --quiet --yes --no-install-recommends qemu-user; }

## Everything that CI runs.
test: lint build guests clients browser emulator sdks five-minutes
	@# Two at a time: they fetch packages, and run tools that keep one processor busy.
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target language-guests differential-goldens readme-examples examples
	@$(MAKE) --no-print-directory compiled-guests edge-check unit fuzz

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets --features spanmill-benches/programs -- -D warnings
	@.ci/check-files
	@.ci/check-dependencies

# Licences, sources and duplicates among the dependencies; the first time builds cargo-deny, which takes minutes.
deny: $(TOOLS)/bin/cargo-deny
	$(TOOLS)/bin/cargo-deny --all-features check licenses bans sources

$(TOOLS)/bin/cargo-deny:
	$(CARGO) install --locked --root $(TOOLS) cargo-deny

# What tests alone are built of, or what is built for them once more: compiled soon rather than well. The binary that tests run is that of `make build`.
FOR_TESTS := spanmill $(addprefix spanmill-,admin distribution faults net runtime tests actions hostile matching ottl pattern probe sampling sdk series settings traces) \
	$(subst _,-,$(PLUGINS:%=spanmill-%))

# Unit tests, doc tests, and the tests of the real binary in tests/. All packages at once: with some of them, what they have in common would
# be compiled with other features, and so once more.
unit:
	$(CARGO) test --release --locked --workspace $(FOR_TESTS:%=--config profile.release.package.%.opt-level=1)

# Plugins for tests/, most of which misbehave, and the example, which is a crate of its own.
guests: wasm-target
	$(GUEST_FLAGS) $(CARGO) build --locked --target $(WASM) --profile guest -p spanmill-hostile --examples --features guests
	@mkdir -p target/release/guests
	@for guest in $(GUESTS); do cp $(GUEST_DIR)/examples/$$guest.wasm target/release/guests/$$guest.wasm; done
	cd examples/drop-routes && $(CARGO) test --locked --target-dir ../../target/example
	cd examples/drop-routes && $(CARGO) build --locked --target $(WASM) --release --target-dir ../../target/example
	@cp target/example/$(WASM)/release/drop_routes.wasm target/release/guests/drop_routes.wasm

PATH_OF_GO = PATH="$$PATH:$(dir $(GO))"

## The SDKs of other languages than Rust: their own tests.
sdks: wasm-clang
	cd sdk/go && $(PATH_OF_GO) go vet ./... && test -z "$$($(PATH_OF_GO) gofmt -l .)" && $(PATH_OF_GO) go test ./...
	sdk/c/run-tests
	cd sdk/js && npm ci --no-audit --no-fund && npm run lint && npm test
	test -x sdk/python/.venv/bin/mypy || { python3 -m venv sdk/python/.venv && sdk/python/.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable 'sdk/python[dev]'; }
	cd sdk/python && .venv/bin/black --quiet --check . && .venv/bin/mypy spanmill_sdk && .venv/bin/pytest --quiet

# What C and C++ plugins take: Debian's packages.
wasm-clang:
	@echo '#include <stdlib.h>' | clang --target=wasm32-wasi -fsyntax-only -xc - 2>/dev/null \
		|| { test "$$(id -u)" = 0 && command -v apt-get >/dev/null; } \
		|| { echo 'C plugins take clang, lld, wasi-libc, libclang-rt-dev-wasm32 and libc++-dev-wasm32, packages of Debian and Ubuntu' >&2; exit 1; }
	@echo '#include <stdlib.h>' | clang --target=wasm32-wasi -fsyntax-only -xc - 2>/dev/null \
		|| { apt-get update --quiet; apt-get install --quiet --yes --no-install-recommends clang lld wasi-libc libclang-rt-dev-wasm32 libc++-dev-wasm32; }

# Where what these compile is found by tests/, too.
PLUGIN_CACHE := SPANMILL_CACHE=$(abspath target/tmp/plugin-cache) SPANMILL_CACHE_MIB=2048

## From nothing to a live plugin, in each language; tests/ use what it builds.
five-minutes: host plugins wasm-clang
	@mkdir -p target/release/guests
	$(PATH_OF_GO) $(PLUGIN_CACHE) CARGO_TARGET_DIR=$(abspath target/five-minutes) tests/five-minutes --keep target/release/guests

## The other plugins in several languages that tests/ run: connectors, and those that misbehave.
language-guests: host wasm-clang
	$(CARGO) build --release --locked -p spanmill-componentize
	$(PATH_OF_GO) $(PLUGIN_CACHE) COMPONENTIZE=$(abspath target/release/componentize) CARGO_TARGET_DIR=$(abspath target/five-minutes) tests/language-guests target/release/guests

# One after the other, so that no test waits for it.
compiled-guests: host
	@for guest in target/release/plugins/*.wasm target/release/guests/*.wasm; do \
		$(PLUGIN_CACHE) target/release/spanmill inspect $$guest >/dev/null 2>&1 || true; done

## Each example in examples/, built, tested and held to the contract.
examples: host wasm-clang wasm-target
	$(PATH_OF_GO) CARGO_TARGET_DIR=$(abspath target/examples) tests/examples

# What tests/ run beside the binary, in folders of their own: OpenTelemetry's SDKs, and backends.
clients: $(PYTHON)/installed $(NODE)/.installed $(TOOLS)/prometheus $(TOOLS)/victoria-metrics $(TOOLS)/docker-registry $(TOOLS)/jaeger

# A real Chromium for the tests of the admin API's page, and what drives it: Debian's packages, which take too many others to be unpacked as
# the tools below are.
browser:
	@command -v chromedriver >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null; } \
		|| { echo 'the tests of the page take chromium, chromium-driver and fonts-dejavu-core, packages of Debian' >&2; exit 1; }
	@command -v chromedriver >/dev/null \
		|| { apt-get update --quiet; apt-get install --quiet --yes --no-install-recommends chromium chromium-driver fonts-dejavu-core; }

# Programs of Debian packages, unpacked without being installed.
$(TOOLS)/%:
	@command -v apt-get >/dev/null || { echo 'the tests run a real $*, of its Debian package; put usr/bin/$* into $@' >&2; exit 1; }
	@mkdir -p $(TOOLS)/packages
	cd $(TOOLS)/packages && rm -f $*_*.deb && { apt-get download --quiet $* || { apt-get update --quiet && apt-get download --quiet $*; }; }
	rm -rf $@.part && dpkg -x $(TOOLS)/packages/$*_*.deb $@.part && mv $@.part $@

JAEGER := github.com/jaegertracing/jaeger@v1.76.0

# There is no package of Jaeger, so it is built from its Go module; the first time takes minutes.
$(TOOLS)/jaeger:
	@command -v "$(GO)" >/dev/null || { echo 'the tests run a real Jaeger, which is built with Go: https://go.dev/dl' >&2; exit 1; }
	rm -rf $@.part && mkdir -p $@.part/usr/bin
	cd "$$(cd $(TOOLS) && $(GO) mod download -json $(JAEGER) | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')" \
		&& $(GO) build -p 2 -o $(abspath $@.part)/usr/bin/jaeger ./cmd/all-in-one
	mv $@.part $@

# Built from their Go modules; each takes minutes.
COSIGN := $(TOOLS)/cosign-v2.6.5 $(TOOLS)/cosign-v3.1.3

$(TOOLS)/cosign-v%:
	@mkdir -p $(TOOLS)
	cd "$$(cd $(TOOLS) && $(GO) mod download -json github.com/sigstore/cosign/v$(firstword $(subst ., ,$*))@v$* | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')" \
		&& $(GO) build -p 2 -ldflags "-X sigs.k8s.io/release-utils/version.gitVersion=v$*" -o $(abspath $@) ./cmd/cosign

## Signatures between Spanmill and the real cosign, versions 2 and 3; needs Go.
cosign-check: host plugins $(TOOLS)/docker-registry $(COSIGN)
	tests/cosign $(abspath target/release/spanmill) $(abspath $(TOOLS)/docker-registry/usr/bin/docker-registry) $(abspath $(COSIGN))

$(PYTHON)/installed: tests/clients/python/requirements.txt
	python3 -m venv $(PYTHON)
	$(PYTHON)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(NODE)/.installed: tests/clients/node/package-lock.json tests/clients/node/package.json
	cd tests/clients/node && npm ci --no-audit --no-fund
	@touch $@

## The attacks that tests/ runs short, at length; prints the table of tests/README.md.
attacks: build guests
	$(CARGO) run --release --locked -p spanmill-tests --bin attacks

fuzz:
	@test ! -f fuzz/Makefile || $(MAKE) -C fuzz

bench-guests: wasm-target
	$(GUEST_FLAGS) $(CARGO) build --locked --target $(WASM) --profile guest -p spanmill-probe
	@mkdir -p target/release/bench
	@cp $(GUEST_DIR)/spanmill_probe.wasm target/release/bench/probe.wasm

## CPU time a span and a call; benches/README.md has the figures and the method.
bench: build bench-guests
	$(CARGO) bench --locked -p spanmill-benches

## Instructions a span, held to benches/limits.txt; needs valgrind. UPDATE=1 writes the figures down.
bench-check: plugins
	@command -v valgrind >/dev/null || { echo 'bench-check counts instructions with valgrind; install the package `valgrind`' >&2; exit 1; }
	$(CARGO) build --release --locked -p spanmill-benches --features programs --bin chain-once --bin bench-check
	target/release/bench-check

GO ?= $(shell command -v go || echo /usr/local/go/bin/go)
COLLECTOR := target/collector/otelcol
# The builder is of the version that it builds.
COLLECTOR_VERSION := $(shell sed -n 's/^ *version: //p' benches/collector/builder.yaml)

$(COLLECTOR): benches/collector/builder.yaml
	@mkdir -p $(@D)
	PATH="$$PATH:$(dir $(GO))" $(GO) run go.opentelemetry.io/collector/cmd/builder@v$(COLLECTOR_VERSION) --config $<

## Spanmill beside the Collector, into benches/README.md; needs Go. COMPARE=full takes all sizes, stages and wires, COMPARE=stages,.. some.
compare: build bench-guests $(COLLECTOR)
	$(CARGO) build --release --locked -p spanmill-benches --features programs --bin compare --bin null-proxy --bin spanmill-native
	target/release/compare

## Spanmill beside the Collector: the same manifests and telemetry must come to the same, case by case; writes the goldens, and the table of
## tests/README.md; needs Go. CASES=N runs N random ones of each kind instead, SEED others of them, and writes nothing.
differential: build $(COLLECTOR)
	@$(if $(CASES),rm -rf target/differential && tests/differential/generate --count $(CASES) --seed $(or $(SEED),2) --to target/differential)
	tests/differential/run --record $(if $(CASES),--cases target/differential)

## The same beside the goldens that make differential has recorded, without the Collector.
differential-goldens: build
	python3 -B -m unittest discover -s tests/differential -p 'test_*.py'
	tests/differential/run

## The examples of the plugins' READMEs, in the real binary; UPDATE=1 writes what comes out into them.
readme-examples: build
	python3 -B -m unittest discover -s tests/readmes -p 'test_*.py'
	tests/readmes/run

## ns an item of each plugin with the settings of its README's example, written into the READMEs.
plugin-costs: build
	benches/plugins

## tail_sampling beside the Collector's at length: of 100,000 spans the same traces must be kept; needs Go.
tail-compare: host plugins $(COLLECTOR)
	tests/differential/tail-sampling

## Ten minutes of tail sampling with swaps, evictions and other rules: every span accounted for, memory flat. SOAK has other minutes.
tail-soak: host plugins
	$(CARGO) run --release --locked -p spanmill-tests --bin tail_soak -- $(or $(SOAK),10)

## Memory a held trace and CPU a span of tail_sampling, beside the Collector.
tail-bench: host plugins $(COLLECTOR)
	benches/tail-sampling

## ns a span of statements of transform, each alone, in the sandbox.
transform-bench: host plugins
	benches/transform

## CPU a span with a ledger and without, in turns.
ledger-bench: host plugins
	benches/ledger

clean:
	$(CARGO) clean
