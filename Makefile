# Everything runs inside .venv, made from requirements.lock. `make help` lists the commands.

PYTHON ?= python3
CORES = all
CONFIG =
SONG =
KEPT =
ARGS =
export CONFIG SONG KEPT

IN_VENV = PATH="$$PWD/.venv/bin:$$PATH"

# Names what .venv was made from and where. Written last, so that an unfinished .venv counts as none.
KEY = $$({ cat requirements.lock pyproject.toml; pwd; } | cksum)

.DEFAULT_GOAL := help
.PHONY: help run paper estimate test lint docs benchmark lock setup clean files-exist

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

run: files-exist setup ## run the demo; or CONFIG=file.yaml, SONG=file.wav, CORES=n, ARGS="more for snakemake"
	@case "$$SONG" in "" | /*) ;; *) SONG="$$PWD/$$SONG" ;; esac; \
	$(IN_VENV); export PATH; \
	set -- --cores "$(CORES)"; \
	[ -z "$$CONFIG" ] || set -- "$$@" --configfile "$$CONFIG"; \
	[ -z "$$SONG$$KEPT" ] || set -- "$$@" --config; \
	[ -z "$$SONG" ] || set -- "$$@" "song=$$SONG"; \
	[ -z "$$KEPT" ] || set -- "$$@" "kept=$$KEPT"; \
	exec snakemake "$$@" $(ARGS)

paper: ## both papers at full scale: 30 to 40 CPU hours, goes on where it was interrupted; SONG=, CORES=; less with KEPT=docs/data/kept
	@$(MAKE) --no-print-directory run CONFIG=config/paper.yaml

estimate: files-exist setup ## what `make run` would cost, same options; ARGS="--job-seconds 300" for a cluster
	@case "$$SONG" in "" | /*) ;; *) SONG="$$PWD/$$SONG" ;; esac; \
	$(IN_VENV); export PATH; \
	set -- --cores "$(CORES)"; \
	[ -z "$$CONFIG" ] || set -- "$$@" --configfile "$$CONFIG"; \
	[ -z "$$SONG" ] || set -- "$$@" --song "$$SONG"; \
	[ -z "$$KEPT" ] || set -- "$$@" --kept "$$KEPT"; \
	exec python workflow/scripts/estimate.py "$$@" $(ARGS)

test: setup ## run the tests; ARGS="more for pytest"
	@$(IN_VENV) exec python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup ## check style and common faults
	@$(IN_VENV); export PATH; \
	ruff check && ruff format --check && snakefmt --check $(wildcard Snakefile) workflow

docs: setup ## make config/README.md anew from the models of parameters
	@.venv/bin/python -m simcore.documentation > config/README.md.new && mv config/README.md.new config/README.md

benchmark: setup ## time the clock beside its peers (results/benchmarks; nothing else should run)
	@[ "$$(cat .venv-peers/made-from 2>&1)" = "$$(cksum < benchmarks/peers.lock)" ] || { \
		echo "Setting up .venv-peers (once) ..."; \
		"$(PYTHON)" -m venv --clear .venv-peers && \
		install() { .venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$$1"; } && \
		install benchmarks/peers.lock && cksum < benchmarks/peers.lock > .venv-peers/made-from || \
			echo "Brian2 could not be installed (see above): it is left out." >&2; \
		install benchmarks/nest.lock || echo "NEST could not be installed (see above): it is left out." >&2; }
	@$(IN_VENV) exec python benchmarks/clock.py --peers .venv-peers/bin/python $(ARGS)

COMPILE = uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-annotate --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock"

lock: setup ## make the lock files anew, with the newest versions
	@$(IN_VENV); export PATH; \
	$(COMPILE) --all-extras --output-file requirements.lock pyproject.toml && \
	$(COMPILE) --output-file benchmarks/peers.lock benchmarks/peers.in && \
	$(COMPILE) --constraint benchmarks/peers.lock --output-file benchmarks/nest.lock benchmarks/nest.in

setup: ## make .venv, if it is missing or stale (the others do so by themselves)
	@[ "$$(cat .venv/made-from 2>&1)" = "$(KEY)" ] && .venv/bin/python -c "" 2>/dev/null && exit; \
	"$(PYTHON)" -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null || \
		{ echo "Python 3.11 or newer is needed, but '$(PYTHON)' is not: install it, or name it, as in 'make run PYTHON=python3.12'." >&2; exit 1; }; \
	"$(PYTHON)" -c "import ensurepip, venv" 2>/dev/null || \
		{ echo "'$(PYTHON)' lacks its modules venv and ensurepip: install them (Debian, Ubuntu: package python3-venv)." >&2; exit 1; }; \
	[ ! -L .venv ] || \
		{ echo ".venv is a link, and what it leads to would be emptied: remove the link (rm .venv), then try again." >&2; exit 1; }; \
	echo "Setting up .venv (1 to 2 minutes, once) ..."; \
	rm -f .venv/made-from; \
	"$(PYTHON)" -m venv --clear .venv && \
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . && \
	echo "$(KEY)" > .venv/made-from || \
		{ echo "Setting up .venv failed (see above): check the network and the space on the disk, then try again." >&2; exit 1; }

files-exist:
	@for file in "$$CONFIG" "$$SONG"; do \
		[ -z "$$file" ] || [ -f "$$file" ] || { echo "There is no file '$$file': check the path." >&2; exit 1; }; \
	done
	@case "$$CONFIG" in "" | *.yaml | *.yml | *.json) ;; *) echo "CONFIG is '$$CONFIG', which is no study: name a .yaml file." >&2; exit 1 ;; esac

clean: ## remove .venv and all caches; results and their records stay
	@rm -rf .venv .venv-peers .cache .pytest_cache .hypothesis .ruff_cache simcore.egg-info build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
