# The commands of the project; `make` alone lists them. Settings: RUNTIME=docker|local, SERVER=granian, OVERLAY=tls,
# ANOTHER_SERVER, PYTHON=python3.13, AUTH_SERVER_PORT, PROTECTED_API_PORT, CALLING_SERVICE_PORT; for `make try`, CASE, AGAINST; for
# `make client`, NAME, FILE, ROTATE; for `make exercise`, N, SOLUTION; for `make drill`, NAME, WRONG, RECORD; for
# `make interop`, SIDE, ROW, PAGES; for `make fuzz`, MINUTES, FUZZ_SEED; for `make soak`, MINUTES, RATE, FAULT_SECONDS, SEED,
# SLOW_SENDERS; for `make mutate`, MODULE, CHILDREN.
VENV ?= $(CURDIR)/.venv
export VENV RUNTIME SERVER OVERLAY ANOTHER_SERVER PYTHON
SERVICES = auth-server protected-api calling-service
COVERAGE = --cov --cov-branch --cov-report=term:skip-covered
LOCK = "$$VENV/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	--no-strip-extras --custom-compile-command 'make lock'

.DEFAULT_GOAL = help
.PHONY: help up flow try lessons exercise client down clean doctor logs test test-e2e test-scale test-swarm lint format \
	standards supply-chain size lock bench bench-peers bench-import bench-scale bench-telemetry screenshots theft drill fuzz \
	soak mutate venv interop interop-ci

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'Settings go in front, as in RUNTIME=local make up: RUNTIME, SERVER, OVERLAY, ANOTHER_SERVER, EXPLAIN, the ports. README.md explains them.'

up: ## start the three services, run one import, show the flow
	@stack/stack up
	@$(MAKE) --no-print-directory flow

flow: ## run one import with a fresh token and print its four steps
	@stack/stack flow

try: ## play a case of the gallery and print it: CASE=wrong-secret; AGAINST another, to see what differs; without CASE, list them
	@stack/stack try $(CASE) $(if $(AGAINST),--against $(AGAINST))

lessons: venv ## write docs/lessons, the glossary and the snippets of two languages from their files
	PYTHONPATH=calling-service "$$VENV/bin/python" -m flow_explorer.lessons docs/lessons
	PYTHONPATH=calling-service "$$VENV/bin/python" -m flow_explorer.glossary docs/glossary.md
	PYTHONPATH=tests-e2e "$$VENV/bin/python" -m two_languages

exercise: venv ## copy a service with a planted bug, then check the mend: N=3; SOLUTION=1 shows ours; without N, list them
	@"$$VENV/bin/python" -m exercises

drill: venv ## break one thing in a stack of its own: NAME=token-stampede; WRONG=1 leaves a protection out; without NAME, list
	@PYTHONPATH=tests-e2e:calling-service "$$VENV/bin/python" -m drills $(if $(NAME),'$(value NAME)') $(if $(WRONG),--wrong) $(if $(RECORD),--record)

client: ## make a secret for a client, NAME=nightly-report, into FILE; ROTATE=1 makes its second
	@$(foreach setting,NAME FILE ROTATE,$(setting)='$(subst ','\'',$(value $(setting)))') stack/stack client

logs: ## follow what the services print
	@stack/stack logs

down: ## stop the services, keep their data
	@stack/stack down

clean: ## stop the services, delete all data, and the secrets that make up made
	@stack/stack clean

doctor: ## print what make up needs and finds here, each problem with what to do
	@stack/stack doctor

test: venv ## run what needs no Docker: unit tests, end-to-end tests on local processes, the docs' commands
	"$$VENV/bin/pytest" --numprocesses=auto $(if $(CI),$(COVERAGE),-m 'not long')
	RUNTIME=local "$$VENV/bin/pytest" --numprocesses=3 --dist=loadfile -m 'not interop and not swarm$(if $(CI),, and not long)' tests-e2e

test-e2e: venv ## run the end-to-end tests against the Compose stack
	RUNTIME=docker "$$VENV/bin/pytest" --numprocesses=2 --dist=loadfile -m 'not interop and not swarm' tests-e2e

test-scale: venv ## run the end-to-end tests against OVERLAY=scale while replicas are killed; SHORT=1 for those on replicas
	RUNTIME=docker OVERLAY=scale "$$VENV/bin/pytest" -m 'not interop and not swarm' \
		$(if $(SHORT),tests-e2e/test_token_refusals.py tests-e2e/test_scale_*.py,tests-e2e)

test-swarm: venv ## update and roll back each service of deploy/swarm in a swarm, under load from other people's clients
	RUNTIME=docker "$$VENV/bin/pytest" -m swarm tests-e2e/test_swarm.py

interop: venv ## run other people's programs with the stack, and write their pages; SIDE, ROW for some of them, PAGES=1 for none
	@SIDE='$(SIDE)' ROW='$(value ROW)' $(if $(PAGES),PAGES=1) PYTHONPATH=tests-e2e "$$VENV/bin/python" -m interop

interop-ci: venv ## run the programs that CI runs
	RUNTIME=local "$$VENV/bin/pytest" --numprocesses=2 -m interop tests-e2e/interop

lint: venv ## check the code with ruff and strict mypy
	"$$VENV/bin/ruff" check .
	"$$VENV/bin/ruff" format --check .
	"$$VENV/bin/mypy" stack exercises drills bench proof deploy/fast deploy/workload-identity deploy/mtls deploy/observability tests-e2e
	MYPYPATH=deploy/mcp-server:calling-service/calling_service "$$VENV/bin/mypy" deploy/mcp-server
	@for service in $(SERVICES); do \
		echo "mypy $$service"; (cd $$service && "$$VENV/bin/mypy" --config-file ../pyproject.toml .) || exit 1; done

format: venv ## format the code, and fix what ruff can fix
	"$$VENV/bin/ruff" format .
	"$$VENV/bin/ruff" check --fix .

supply-chain: venv ## check the workflows with zizmor and their schemas, and the lock files with pip-audit where it can ask
	@stack/supply-chain

standards: venv ## write docs/standards.md and docs/threat-model.md from data files and the markers in the tests
	PYTHONPATH=tests-e2e "$$VENV/bin/python" -m standards

size: ## print the modules and lines of code of each package
	@"$(or $(PYTHON),python3)" stack/size.py

bench: venv ## measure the services beside bare Flask, and the page; then bench-import
	PYTHONPATH=tests-e2e:protected-api "$$VENV/bin/python" -m bench
	PYTHONPATH=tests-e2e "$$VENV/bin/python" -m bench.app_alone
	PYTHONPATH=tests-e2e:protected-api:calling-service "$$VENV/bin/python" -m bench.rungs
	PYTHONPATH=tests-e2e:protected-api:auth-server "$$VENV/bin/python" -m bench.databases
	PYTHONPATH=tests-e2e "$$VENV/bin/python" -m bench.page
	PYTHONPATH=tests-e2e "$$VENV/bin/python" -m bench.start
	@$(MAKE) --no-print-directory bench-import

bench-peers: venv ## measure beside node-oidc-provider and express-oauth2-jwt-bearer (Node 20); ROUNDS, SECONDS
	PYTHONPATH=tests-e2e:protected-api "$$VENV/bin/python" -m bench.peers

bench-import: venv ## measure rows per second and peak memory of the import job; ROWS=1000000 for a million
	PYTHONPATH=tests-e2e "$$VENV/bin/python" -m bench.imports

bench-scale: venv ## measure how the cost of a request grows with the tables; SCALE=0.1 for a tenth of them
	PYTHONPATH=tests-e2e:protected-api "$$VENV/bin/python" -m bench.scale

bench-telemetry: venv ## measure what the metrics and traces of OVERLAY=observability add to a request
	PYTHONPATH=tests-e2e:deploy/observability "$$VENV/bin/python" -m bench.telemetry

fuzz: venv ## send generated input to everything that reads: MINUTES=20; it keeps what it finds and tries it first
	FUZZ_SECONDS=$$((60 * $(or $(MINUTES),5))) "$$VENV/bin/pytest" -m fuzz --numprocesses=auto --dist=worksteal --quiet

soak: venv ## load the stack while services are killed and keys change: MINUTES=60; SLOW_SENDERS=8 for these alone
	@MINUTES='$(MINUTES)' PYTHONPATH=tests-e2e "$$VENV/bin/python" -m proof.soak

mutate: venv ## change the code that must not be wrong, bit by bit, and see whether the tests notice: MODULE=grant for one part
	@MODULE='$(MODULE)' "$$VENV/bin/python" -m proof.mutation

screenshots: venv ## take docs/screenshots again from the running stack, in Chromium
	"$$VENV/bin/python" tests-e2e/screenshots.py

theft: venv ## steal from a client of each rung, and write docs/theft.md
	PYTHONPATH=tests-e2e:calling-service:auth-server "$$VENV/bin/python" -m theft

lock: venv ## renew the lock files with the newest versions that the pyproject.toml files allow
	$(LOCK) --group dev $(SERVICES:%=%/pyproject.toml) --output-file requirements-dev.txt
	for service in $(SERVICES); do \
		$(LOCK) --constraint requirements-dev.txt $$service/pyproject.toml --output-file $$service/requirements.txt; done
	$(LOCK) --constraint requirements-dev.txt deploy/fast/requirements.in --output-file deploy/fast/requirements.txt
	$(LOCK) --constraint requirements-dev.txt proof/mutation/requirements.in --output-file proof/mutation/requirements.txt
	for folder in deploy/mcp-server deploy/kubernetes .github; do \
		$(LOCK) $$folder/requirements.in --output-file $$folder/requirements.txt; done
	$(LOCK) --constraint requirements-dev.txt deploy/observability/requirements.in \
		--output-file deploy/observability/requirements.txt
	for folder in tests-e2e/another_server tests-e2e/two_languages bench/peers; do npm update --prefix $$folder --package-lock-only; done

venv: ## install the tools for tests and development into .venv, unless they are there
	@stack/stack venv
