# What a newcomer needs: `make demo` and `make test`. Everything lands in .venv and .build; nothing else is touched.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test test-engine check docs bench bench-image images sizes clean help
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.ready ## make .venv with imagelint and its development tools

.venv/.ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: setup ## lint the Java Dockerfile and weigh a small image archive; needs no Docker
	@$(BIN)/python fixtures/demo

test: setup ## all tests that this machine can run; those that need a Docker engine skip where there is none
	$(BIN)/python -m pytest

test-engine: setup ## the long tests against a real Docker engine; run before an issue is called done
	IMAGELINT_REQUIRE_ENGINE=1 IMAGELINT_ENGINE_SLOW=1 $(BIN)/python -m pytest tests/engine

check: setup ## ruff, mypy --strict, import contracts, docs/rules up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd fixtures/images && MYPYPATH=../.. ../../$(BIN)/mypy --config-file= --strict --python-version 3.11 --cache-dir ../../.mypy_cache --scripts-are-modules build engine.py parts.py recipes.py sizes miniature.py
	$(BIN)/mypy --strict fixtures/rpm/rpm_databases.py
	$(BIN)/mypy --strict --scripts-are-modules docs/generate
	MYPYPATH=fixtures/rules/acme_rules $(BIN)/mypy --strict -p acme_rules
	$(BIN)/lint-imports
	$(BIN)/python docs/generate --check

docs: setup ## write docs/rules anew from the rules' docstrings
	$(BIN)/python docs/generate

bench: setup ## time the program; ratios in one run, never a test
	$(BIN)/python benchmarks/run

images: setup ## build the course's images with the Docker engine (about two minutes)
	$(BIN)/python fixtures/images/build

bench-image: ## build the images that benchmarks/image reads (about eight minutes; needs `make images` once)
	docker build --network host --label org.imagelint.test=1 --target big --tag imagelint-test/big:1 benchmarks/big
	docker build --network host --label org.imagelint.test=1 --target purged --tag imagelint-test/big:2 benchmarks/big
	docker build --network host --label org.imagelint.test=1 --target grown --tag imagelint-test/big:3 benchmarks/big

sizes: setup ## print the README's table of the course's images (after `make images`)
	@$(BIN)/python fixtures/images/sizes

clean: ## remove what the other targets made
	rm -rf .venv .build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
