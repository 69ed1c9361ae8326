# Thin: every target is also given as plain commands in the README.
PYTHON ?= $(shell for p in python3.12 python3.13 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.ready

# Tests start many processes, each of which would compile the program again where Python writes no bytecode.
COMPILED := env -u PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX="$(CURDIR)/.venv/bytecode"

.PHONY: run docs test test-fast test-slow coverage test-windows-rules fuzz soak lint bench bench-quality package smoke clean
.DEFAULT_GOAL := run

$(READY): pyproject.toml setup.py constraints.txt packaging/set_up.sh
	@PYTHON="$(PYTHON)" sh packaging/set_up.sh

run: $(READY)
	@$(BIN)/python packaging/fetch_weights.py vgg16 efficientnet-lite0 --quiet || true
	@$(BIN)/python packaging/start.py

test: $(READY)
	@$(BIN)/python packaging/start.py --test

test-fast: $(READY)
	@$(COMPILED) $(BIN)/python -m pytest -m fast -q -n 2

# Those of the window train networks in its own process, beside Qt: they have a process of their own, in one order. Names
# are printed, so that a log that breaks off shows which test was running.
test-slow: $(READY)
	@$(COMPILED) $(BIN)/python -m pytest -m "slow and not frozen" -v -n 2 --dist loadscope --durations=20 --ignore=tests/desktop_app
	@$(COMPILED) $(BIN)/python -m pytest -m "slow and not frozen" -v --durations=5 tests/desktop_app

test-windows-rules: $(READY)
	@$(COMPILED) CORESET_WINDOWS_RULES=1 CORESET_WINDOWS_REFUSED=0.01 $(BIN)/python -m pytest -m "not slow and not frozen" -q -n 2

# Code that runs only in engine processes counts as not covered.
coverage: $(READY)
	@$(COMPILED) $(BIN)/python -m pytest -m "not slow and not frozen" -q -n 2 --cov=core --cov=desktop_app --cov-report=term --cov-report=html:build/coverage

fuzz: $(READY)
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python -m pip install --quiet --constraint constraints.txt \
		--editable '.[fuzz]' || echo "Atheris could not be installed."
	@$(BIN)/python -m tests.fuzz

soak: $(READY)
	@$(BIN)/python -m tests.faults --write

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python packaging/link.py
	$(BIN)/mypy
	PYTHONPATH=build/link $(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	$(BIN)/python -m tests.wording

bench: $(READY)
	@for file in pca extraction onnx_model colour_texture frozen_backbone reselect scan selection_cost; do \
		echo "== $$file"; $(BIN)/python -m benchmarks.$$file || exit 1; done

bench-quality: $(READY)
	@$(BIN)/python -m benchmarks.quality

package: $(READY)
	@$(BIN)/python packaging/fetch_weights.py vgg16 efficientnet-lite0 --quiet || true
	@$(BIN)/python packaging/build.py

smoke: $(READY)
	@$(COMPILED) $(BIN)/python -m pytest -m frozen tests/packaging

clean:
	rm -rf .venv build dist out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

docs: $(READY)
	@$(BIN)/python packaging/link.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet && echo "The documentation is build/docs/index.html."
