# Every target is used by people and by CI alike.
CARGO ?= cargo
STATE ?= .averis
TOOLS := $(STATE)/tools
NEXTEST := $(shell command -v cargo-nextest 2>/dev/null)

.PHONY: run build test check fmt clippy docs edge deployment monitoring stress chaos openapi configuration bench

## Builds, finds or gets PostgreSQL, and runs the platform with two demo tenants.
run: build
	sh scripts/get-postgres.sh $(STATE)
	./target/debug/averis up --demo --state-dir $(STATE)

build:
	$(CARGO) build --locked -p averis

## All tests, on one private PostgreSQL that ends with them.
test:
	sh scripts/get-postgres.sh $(STATE)
	sh scripts/get-tools.sh $(STATE) nginx prometheus
	$(CARGO) build --locked --workspace --all-targets
	./target/debug/with-postgres $(if $(NEXTEST),$(CARGO) nextest run --locked --workspace,$(CARGO) test --locked --workspace --all-targets)

## The whole platform as seven processes behind nginx with TLS: everything by all three ways to name a tenant, and every service replaced under load.
edge:
	sh scripts/get-postgres.sh $(STATE)
	sh scripts/get-tools.sh $(STATE) nginx prometheus
	$(CARGO) build --locked --workspace --all-targets
	AVERIS_STRESS=long ./target/debug/with-postgres $(CARGO) test --locked -p averis --test it -- --nocapture --test-threads=1 edge telemetry

## Checks all that deploys: manifests, alert rules, dashboards, compose file, Dockerfile, and the commands that the documents tell to type.
deployment:
	sh scripts/get-postgres.sh $(STATE)
	$(CARGO) build --locked --workspace --all-targets
	sh scripts/get-tools.sh $(STATE) nginx prometheus manifests compose
	PYTHONDONTWRITEBYTECODE=1 $(TOOLS)/python/bin/python scripts/deployment/check.py $(TOOLS)

## Writes what of k8s/components/monitoring is made from the alert rules; `deployment` compares it.
monitoring:
	sh scripts/get-tools.sh $(STATE) nginx prometheus manifests compose
	PYTHONDONTWRITEBYTECODE=1 $(TOOLS)/python/bin/python scripts/deployment/check.py $(TOOLS) --write

## What CI checks besides the tests.
check: fmt clippy docs

fmt:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

## The long forms of the proofs that `test` runs in short.
stress:
	sh scripts/get-postgres.sh $(STATE)
	$(CARGO) build --locked --workspace --all-targets
	AVERIS_STRESS=long ./target/debug/with-postgres $(CARGO) test --locked -p averis -p averis-ecomm --test it -- --nocapture --test-threads=1 stress

## 2,000 checkouts over 10 tenants while services and PostgreSQL are killed; then everything is audited. AVERIS_SEED repeats a run.
chaos:
	sh scripts/get-postgres.sh $(STATE)
	$(CARGO) build --locked --workspace --all-targets
	AVERIS_STRESS=long $(CARGO) test --locked -p averis --test it -- --nocapture chaos

## Writes the OpenAPI documents that a test compares with the code.
openapi:
	AVERIS_WRITE_OPENAPI=1 $(CARGO) test --locked -p averis --test it openapi

## Writes docs/operations/configure.md from the code; a test compares them.
configuration:
	AVERIS_WRITE_CONFIGURATION=1 $(CARGO) test --locked -p averis --test it configuration::the_page

## Builds release, prepares tenants, and prints the table of bench/README.md.
bench:
	sh scripts/get-postgres.sh $(STATE)
	$(CARGO) build --locked --release -p averis -p averis-pricing --bin averis --example quote
	./target/release/examples/quote
	python3 bench/quotes.py
	python3 bench/run.py
	python3 bench/telemetry.py
	$(CARGO) build --locked --release --workspace --bins --example checkouts
	./target/release/examples/checkouts
