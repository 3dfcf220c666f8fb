# Two commands: `make demo` and `make test`. Each sets up what it needs, once, below .venv and .tools.
PYTHON ?= python3
UV := .venv/bin/uv
SAM := .tools/sam/bin/sam
export SAM_CLI_TELEMETRY := 0
export UV_NO_PROGRESS := 1

TRAFFIC ?=
TIME_ZONE ?=
ENGINE ?=
BENCH ?= all
HOSTS ?=
NETWORKS ?=
TESTS ?=

.DEFAULT_GOAL := help
.PHONY: help setup java demo test unit ci iam mutants fuzz faults fortnight bench lint lint-template pin-images lock clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

.venv/.ready: requirements/setup.lock requirements/project.lock pyproject.toml emulator/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Name another with: make PYTHON=python3.12 ..."; exit 1; }
	@echo "setting up .venv (once)"
	@$(PYTHON) -m venv .venv || { echo "The venv module is missing; install it with: apt-get install python3-venv"; exit 1; }
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/setup.lock
	@VIRTUAL_ENV=.venv $(UV) pip install --quiet --require-hashes -r requirements/project.lock
	@VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --editable . --editable ./emulator
	@touch $@

# Each tool pins what the project pins otherwise (boto3, pydantic), so each has an environment of its own.
.tools/%/.ready: requirements/%.lock .venv/.ready
	@echo "setting up .tools/$* (once)"
	@$(UV) venv --quiet --clear --python .venv/bin/python .tools/$*
	@VIRTUAL_ENV=.tools/$* $(UV) pip install --quiet --require-hashes -r $<
	@touch $@

.tools/%/.ready: requirements/%/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing; install it with: apt-get install npm"; exit 1; }
	@echo "setting up .tools/$* (once)"
	@mkdir -p .tools/$* && cp requirements/$*/package*.json .tools/$*
	@cd .tools/$* && npm ci --silent --no-fund --no-audit
	@touch $@

setup: .venv/.ready .tools/sam/.ready  ## install everything that demo and test need

java:
	@command -v "$${JAVA_HOME:+$$JAVA_HOME/bin/}java" >/dev/null || { echo "ENGINE=spark needs Java 17 or newer, and there is none; install it with: apt-get install openjdk-17-jre-headless"; exit 1; }

demo: $(if $(filter spark,$(ENGINE)),java) setup  ## run the monthly pipeline end to end on this machine; TRAFFIC=<folder of logs> uses yours, TIME_ZONE=<zone> for local times
	@.venv/bin/ndr demo $(if $(TRAFFIC),--traffic "$(TRAFFIC)") $(if $(TIME_ZONE),--time-zone "$(TIME_ZONE)") $(if $(ENGINE),--engine $(ENGINE))

test: setup $(if $(shell command -v npm),.tools/local-stepfunctions/.ready .tools/report-page/.ready) $(if $(shell command -v java),.tools/iceberg-spark/.ready)  ## run all tests, or TESTS="path path"; what Java, Docker, Chromium or npm would have run is listed at the end where they are absent
	@.venv/bin/python -m pytest --numprocesses 2 --dist loadfile $(TESTS)

unit: setup  ## run the unit tests alone, property tests with fewer examples, in less than a minute
	@HYPOTHESIS_PROFILE=quick .venv/bin/python -m pytest --numprocesses 2 --dist worksteal -m unit

ci:  ## run what must pass before a change lands, as .ci/run does
	@.ci/run

fuzz: setup .tools/fuzz/.ready  ## give every parser hostile input, 100,000 cases in all: CASES=1000 SEED=7 for others
	@PYTHONPATH=$$(echo .tools/fuzz/lib/python*/site-packages) .venv/bin/python -m tests.hostile.fuzz $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED))

faults: setup  ## inject every kind of fault into the account and the jobs, and check what is published
	@.venv/bin/python -m tests.faults

mutants: setup  ## change each comparison and constant of a module and see its tests fail: MODULES="ndr.jobs.leases" for some
	@PYTHONPATH=contract:lambdas:pipeline_defs:spark_jobs:local:emulator .venv/bin/python -m tests.mutants $(MODULES)

fortnight: setup  ## simulate days of production against the bulk build: DAYS=14 SEED=1
	@.venv/bin/python -m tests.fortnight $(if $(DAYS),--days $(DAYS)) $(if $(SEED),--seed $(SEED))

iam: setup  ## take each statement of each role away and see that something fails; ends with how many are needed
	@.venv/bin/python -m tests.iam

bench: setup .tools/bench/.ready  ## run the benchmarks: BENCH=fg_b HOSTS=1000 for one, BENCH=detection NETWORKS=2 for fewer networks
	@$(if $(HOSTS),HOSTS="$(HOSTS)") $(if $(NETWORKS),NETWORKS="$(NETWORKS)") .venv/bin/python -m benchmarks $(BENCH)

lint: setup  ## check the code: ruff, mypy, import-linter
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/lint-imports

lint-template: setup .tools/cfn-lint/.ready .tools/checkov/.ready .tools/asl-validator/.ready  ## check the template and the machines: sam validate, cfn-lint, checkov, asl-validator
	@AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint --template template.yaml
	@.tools/cfn-lint/bin/cfn-lint --non-zero-exit-code warning template.yaml
	@# and as CloudFormation gets it, with the machines' definitions inlined; SAM gives an alias half of a function's
	@# policies, so these (W3011) are checked in the template alone
	@.venv/bin/python -m tests.translated_template build/translated.json
	@.tools/cfn-lint/bin/cfn-lint --non-zero-exit-code warning --ignore-checks W3011 -- build/translated.json
	@.tools/checkov/bin/checkov --config-file .checkov.yaml
	@# the template substitutes $${Name}; a number stands for each, so that expressions parse
	@mkdir -p build/statemachines && for machine in statemachines/*.asl.json; do \
		sed -E 's/\$$\{Partition\}/aws/g; s/\$$\{[A-Za-z]+\}/1/g' $$machine > build/$$machine && \
		.tools/asl-validator/node_modules/.bin/asl-validator --json-path build/$$machine || exit 1; done

pin-images:  ## pin the base images of the Dockerfiles to the digests that their tags have now
	@$(PYTHON) requirements/pin_base_images.py

lock: .venv/.ready  ## resolve requirements/*.lock anew
	@for name in setup sam checkov cfn-lint fuzz bench iceberg-spark; do $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url requirements/$$name.in -o requirements/$$name.lock; done
	@$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --all-extras pyproject.toml -o requirements/project.lock
	@for name in asl-validator local-stepfunctions report-page; do (cd requirements/$$name && npm install --silent --no-fund --no-audit --package-lock-only --omit-lockfile-registry-resolved); done
	@$(UV) pip compile --quiet --no-deps --python-version 3.13 --generate-hashes --no-annotate --no-header --no-emit-index-url -c requirements/project.lock lambdas/requirements.in -o lambdas/requirements.txt
	@$(UV) pip compile --quiet --upgrade --python-version 3.11 --python-platform x86_64-manylinux_2_28 --only-binary :all: --generate-hashes --no-annotate --no-header --no-emit-index-url -c requirements/project.lock --extra pipelines --extra lambdas pyproject.toml lambdas/upsert_pipelines/requirements.in -o lambdas/upsert_pipelines/requirements.txt
	@for image in processing processing-spark; do $(UV) pip compile --quiet --python-version 3.11 --python-platform linux --generate-hashes --no-annotate --no-header --no-emit-index-url -c requirements/project.lock --extra jobs $$([ $$image = processing ] || echo --extra spark) pyproject.toml -o requirements/$$image.lock; done

clean:  ## remove what the commands made
	@-.venv/bin/ndr down 2>/dev/null
	@rm -rf .venv .tools .aws-sam .ndr build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
