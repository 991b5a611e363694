# The README's commands. Everything is created in the checkout; outside of it only pip and npm keep their caches.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=
# Tests wait for servers and browsers half of the time, so run more processes than cores.
TESTERS ?= $(shell cores=$$(nproc); echo $$((cores + cores / 2)))
# Keep bytecode even if the environment disables it: otherwise hundreds of commands would compile all modules.
export PYTHONDONTWRITEBYTECODE :=
# What the tests run beside what pip installs.
PROGRAMS := arp-scan busybox chromium-headless-shell curl dnsmasq-base faketime freeradius-utils iproute2 mount \
	nginx-light nmap openssl prometheus systemd util-linux

test test-quick test-postgres coverage: export TMPDIR := $(shell .ci/temporary-folder)

# The browser bundle: built when one of its sources has changed.
WEB := sessiontrack/web/static/manifest.json
WEB_SOURCES := $(shell find bundling sessiontrack/web -name static -prune -o -type f -not -name '*.py*' -print) \
	bundling/bundle.py package.json package-lock.json

.DEFAULT_GOAL := help
# Every target that `make help` lists.
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\#.*/\1/p' $(MAKEFILE_LIST))

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

install: $(VENV)/run.done $(WEB) ## install into .venv, and start nothing
	@mkdir -p instance && chmod 700 instance

run: install ## install, migrate, create the first admin, and serve  (ARGS="--port 8080")
	@exec $(BIN)/sessiontrack serve $(ARGS)

demo: $(VENV)/run.done $(WEB) ## serve a made-up home office, from the folder demo  (ARGS="--port 8080")
	@test -e demo/sessiontrack.sqlite3 || SESSIONTRACK_INSTANCE=demo $(BIN)/sessiontrack demo
	@SESSIONTRACK_INSTANCE=demo exec $(BIN)/sessiontrack serve $(ARGS)

test: $(VENV)/test.done $(WEB) ## install the tests' requirements, and run all tests  (ARGS="-k calendar")
	.ci/install-programs $(PROGRAMS)
	$(BIN)/python -m pytest --numprocesses $(TESTERS) --dist worksteal $(ARGS)

coverage: $(VENV)/test.done $(WEB) ## the same tests; fails where they run less than 95 % of the code and its branches
	.ci/install-programs $(PROGRAMS)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses $(TESTERS) --dist worksteal $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-quick: $(VENV)/test.done $(WEB) ## the short tests that start no process and no browser  (ARGS="-k calendar")
	$(BIN)/python -m pytest --quick -p no:schemathesis --numprocesses auto $(ARGS)

test-postgres: $(VENV)/test.done $(WEB) ## the same tests on a private PostgreSQL  (ARGS="-k calendar")
	.ci/install-programs $(PROGRAMS) pgbouncer postgresql-15
	$(BIN)/python -m tests.support.postgres $(BIN)/python -m pytest --numprocesses $(TESTERS) --dist worksteal $(ARGS)

web: $(WEB) ## build the browser bundle

screenshots: $(VENV)/test.done $(WEB) ## draw every page into build/screenshots, and the README's picture  (ARGS="build/shots /ui/devices")
	.ci/install-programs chromium-headless-shell fonts-inter
	$(BIN)/python -m tests.programs.screenshots $(ARGS)

lint: $(VENV)/test.done ## ruff, and bandit for security
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/bandit --quiet --recursive sessiontrack --configfile .ci/bandit.yaml

types: $(VENV)/test.done ## mypy
	$(BIN)/mypy

format: $(VENV)/test.done ## format the files with ruff
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/test.done $(WEB) ## measure all calls beside their floors, with 10^4 to 10^7 sessions; scans; long answers; the web UI
	.ci/install-programs chromium-headless-shell
	$(BIN)/python -m benchmarks.run --sessions 1e4,1e5,1e6,1e7 $(ARGS)
	$(BIN)/python -m benchmarks.scans
	$(BIN)/python -m benchmarks.neighbours
	$(BIN)/python -m benchmarks.long
	$(BIN)/python -m benchmarks.start
	$(BIN)/python -m benchmarks.web

bench-quick: $(VENV)/test.done ## the same with 10^5 sessions and few clients, in under a minute
	$(BIN)/python -m benchmarks.run --sessions 1e5 --clients 1 --seconds 0.3 $(ARGS)

bench-flat: $(VENV)/test.done ## check that all calls are as fast with 10^7 sessions as with 10^4  (ARGS="--sessions 1e4,1e6 --only search")
	$(BIN)/python -m benchmarks.flat $(ARGS)

bench-web: $(VENV)/test.done $(WEB) ## measure the web UI only  (ARGS="--devices 1000 --loads 15 --pages")
	.ci/install-programs chromium-headless-shell
	$(BIN)/python -m benchmarks.web $(ARGS)

crash: $(VENV)/test.done ## kill the server during writes, and each command that takes long  (ARGS="--rounds 50")
	$(BIN)/python -m tests.programs.crash $(ARGS)
	$(BIN)/python -m tests.programs.killed $(ARGS)

keep: $(VENV)/test.done ## measure pings during a backup, pruning, or a reader that never ends
	$(BIN)/python -m benchmarks.keeping $(ARGS)

soak: $(VENV)/test.done ## 2,000 people, scans and open pages for 10 minutes on two cores  (ARGS="--minutes 2")
	$(BIN)/python -m benchmarks.soak $(ARGS)

leak: $(VENV)/test.done ## check that a million requests use no more resources  (ARGS="--requests 100000")
	$(BIN)/python -m benchmarks.leak $(ARGS)

hostile: $(VENV)/test.done ## measure the cost of hostile bodies, compared with an empty one  (ARGS="--requests 100")
	$(BIN)/python -m benchmarks.hostile $(ARGS)

logins: $(VENV)/test.done ## measure what refused logins reveal, and what logins cost others
	$(BIN)/python -m benchmarks.logins $(ARGS)

clients: $(VENV)/clients.done $(WEB) ## run published clients of other projects against a server  (ARGS="build/clients", for pictures)
	.ci/install-programs chromium-headless-shell
	$(BIN)/python -m tests.programs.clients $(ARGS)

firefox: $(VENV)/firefox.done $(WEB) ## try the web UI in Debian's Firefox
	.ci/install-programs firefox-esr
	$(BIN)/python -m tests.programs.firefox

fuzz: $(VENV)/fuzz.done ## 10,000 and more generated calls, then the parsers for 10 minutes  (ARGS="--minutes 2")
	FUZZ_FACTOR=5 $(BIN)/python -m pytest -s -n auto tests/contract/test_schemathesis.py tests/presence/test_presence_properties.py \
		tests/device_sessions/test_devices_merge.py
	FUZZ_FACTOR=60 $(BIN)/python -m pytest -s tests/presence/test_history_machine.py
	$(BIN)/python -m fuzz $(ARGS)

mutants: $(VENV)/test.done ## change lines of the pure modules, and see whether their tests notice  (ARGS="values.periods --seconds 60")
	$(BIN)/python -m fuzz.mutants $(ARGS)

audit: $(VENV)/test.done ## look for known vulnerabilities in the installed packages; needs the package index
	$(BIN)/pip-audit --strict --no-deps --disable-pip --requirement constraints.txt

migration: $(VENV)/test.done ## write a migration from the models  (NAME="Add a column")
	$(BIN)/python -m sessiontrack.migrations "$(NAME)"

settings: $(VENV)/test.done ## update the table in docs/reference.md and the English catalogue from config.py
	$(BIN)/python -m bundling.settings

formats: $(VENV)/test.done ## update the lists of scan formats in docs/
	$(BIN)/python -m sessiontrack.sources docs/sources.md docs/reference.md

deploy: $(VENV)/test.done ## update deploy/ from its templates
	$(BIN)/python -m sessiontrack.deployment deploy

deb: $(VENV)/run.done ## one Debian package in dist/  (ARGS="--architecture arm64")
	$(BIN)/python bundling/deb.py $(ARGS)

image: $(VENV)/run.done ## a container image, by podman on a Debian that debootstrap makes; as root
	.ci/install-programs debootstrap podman buildah crun
	$(BIN)/python bundling/deb.py
	bundling/image.sh

container: image $(VENV)/test.done ## run that image in containers, and test it; as root  (ARGS="-k sigterm")
	$(BIN)/python -m pytest -p no:cacheprovider -p no:randomly -x tests/appliance/container.py $(ARGS)

appliance: $(VENV)/test.done ## boot a Debian with systemd, and test an installation in it; as root  (ARGS="-k scan")
	.ci/install-programs debootstrap systemd-container lintian faketime freeradius-utils
	$(BIN)/python bundling/deb.py
	$(BIN)/python -m pytest -p no:cacheprovider -p no:randomly -x tests/appliance/life.py $(ARGS)

constraints: ## update constraints.txt to the newest versions that setup.cfg allows, and their hashes in requirements/
	rm -rf $(VENV)/fresh && $(PYTHON) -m venv $(VENV)/fresh
	$(VENV)/fresh/bin/python -m pip install --quiet --upgrade pip
	$(VENV)/fresh/bin/python -m pip install --quiet '.[test,fuzz]'
	( echo "# What CI installs; made by: make constraints"; \
	  $(VENV)/fresh/bin/python -m pip freeze --exclude sessiontrack ) > constraints.txt
	rm -rf $(VENV)/fresh
	$(MAKE) hashes

hashes: ## update requirements/ to the versions of constraints.txt, with the hashes that CI and the package check
	rm -rf $(VENV)/fresh && $(PYTHON) -m venv $(VENV)/fresh
	$(VENV)/fresh/bin/python -m pip install --quiet uv
	.ci/pin-hashes $(VENV)/fresh/bin/uv
	rm -rf $(VENV)/fresh

clean: ## remove all that was built; the instance folder stays
	rm -rf $(VENV) build *.egg-info node_modules sessiontrack/web/static .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sessiontrack needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/run.done: $(VENV)/made setup.cfg constraints.txt
	$(PIP) install --constraint constraints.txt --editable .
	touch $@

# What is not as its hash says is not installed. Our own package comes after, built by the setuptools of that list.
$(VENV)/test.done: $(VENV)/made setup.cfg constraints.txt requirements/test.txt
	$(PIP) install --require-hashes --requirement requirements/test.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@ $(VENV)/run.done

$(WEB): $(VENV)/made $(WEB_SOURCES)
	$(BIN)/python bundling/bundle.py --requires > $(VENV)/web-requires
	$(PIP) install --requirement $(VENV)/web-requires
	$(BIN)/python bundling/bundle.py

$(VENV)/clients.done: $(VENV)/test.done tests/clients/package-lock.json tests/clients/requirements.txt
	$(BIN)/python bundling/bundle.py --requires > $(VENV)/web-requires
	$(PIP) install --requirement $(VENV)/web-requires
	$(BIN)/python bundling/bundle.py --install tests/clients
	$(PYTHON) -m venv $(VENV)/openapi
	$(VENV)/openapi/bin/python -m pip --disable-pip-version-check --quiet install --requirement tests/clients/requirements.txt
	touch $@

$(VENV)/firefox.done: $(VENV)/test.done tests/firefox/package-lock.json
	$(BIN)/python bundling/bundle.py --requires > $(VENV)/web-requires
	$(PIP) install --requirement $(VENV)/web-requires
	$(BIN)/python bundling/bundle.py --install tests/firefox
	touch $@

$(VENV)/fuzz.done: $(VENV)/test.done
	$(PIP) install --constraint constraints.txt --editable '.[test,fuzz]'
	touch $@
