# Everything lives in .venv, made from the hashed locks; nothing else on the machine is touched.
PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

.PHONY: run demo test lint unit check-install chaos attack bench bench-redirect bench-pipeline bench-reload bench-routing bench-send bench-yaml bench-manager bench-workers bench-footprint helm image-check bench-backup bench-broadcast bench-flows bench-spend load audit sbom docs translations axe lighthouse api-client api-fuzz lock soak
.DEFAULT_GOAL = run

run: $(VENV)/.run       ## start everything; Ctrl-C stops it
	@$(BIN)/python -m launch

demo: $(VENV)/.run      ## the same with the sandbox instead of Telegram, a sample fleet and visitors
	@$(BIN)/python -m launch demo

test: lint unit         ## all checks

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

# Each of the hundreds of processes that tests start would compile all of it again: 6.0 s of CPU for a worker instead of 2.1.
unit check-install: export PYTHONDONTWRITEBYTECODE =

unit: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n 4 --dist loadfile --ignore tests/installed

check-install: $(VENV)/.dev ## the first commands and the Procfile in a clean clone with requirements.lock alone; about three minutes
	PYTHON="$(PYTHON)" $(BIN)/python -m pytest -q tests/installed

# How each figure is measured, and what it means: docs/benchmarks.md. ARGS go to the command, as in ARGS=--quick
bench: $(VENV)/.dev     ## what a click and an update cost here: requests/s, replies/s, round trips, queries
	-$(BIN)/python -m tools.benchmarks.redirect --only rate --rounds 3 --seconds 5
	$(BIN)/python -m tools.benchmarks.pipeline --only people,steady --no-peers --rounds 3 $(ARGS)

bench-redirect: $(VENV)/.dev ## every figure of the redirect engine; about ten minutes, on a quiet machine
	$(BIN)/python -m tools.benchmarks.redirect $(ARGS)

chaos: $(VENV)/.dev     ## kill, cut and starve an installation under load, print what held; make chaos OPTIONS="--kills 5 --updates 1000"
	$(BIN)/python -m tools.chaos $(OPTIONS)

attack: $(VENV)/.dev    ## attack installations over their sockets, print what held; make attack OPTIONS="--short --only tenants"
	$(BIN)/python -m tools.attack $(OPTIONS)

image-check: $(VENV)/.dev ## build the container image with buildah and run an installation of it, without Docker (root, Debian: buildah, mmdebstrap); OPTIONS="--no-build"
	$(BIN)/python -m tools.image_check $(OPTIONS)

LOAD = build/load-venv
load: $(VENV)/.dev $(LOAD)/.installed ## 5,000 visitors to a hundred bots in an open loop, the promises beside what was measured; five minutes; make load OPTIONS="--short"
	$(BIN)/python -m tools.load --locust $(LOAD)/bin/locust $(OPTIONS)

soak: $(VENV)/.dev      ## let an installation work for an hour that stands for twelve, say what of it grows without bound; make soak OPTIONS="--minutes 10"
	$(BIN)/python -m tools.soak $(OPTIONS)

# Without the tools or the advisory data both say `skipped: …` and why, with exit code 0.
SUPPLY = build/supply-venv
sbom: $(VENV)/.dev      ## build/sbom.json: what requirements.lock names as a CycloneDX bill of materials, validated
	-@$(MAKE) --silent $(SUPPLY)/.installed
	@$(BIN)/python -m tools.supply sbom --tools $(SUPPLY)/bin

audit: $(VENV)/.dev     ## known vulnerabilities of what requirements.lock names
	-@$(MAKE) --silent $(SUPPLY)/.installed
	@$(BIN)/python -m tools.supply audit --tools $(SUPPLY)/bin

CLIENT = build/api-client-venv
api-client: $(VENV)/.dev $(CLIENT)/.installed ## have a generator make a client of the API's document, and that client change one field
	$(BIN)/python -m pytest -q tests/blueprints/test_generated_client.py

FUZZ = build/api-fuzz-venv
api-fuzz: $(VENV)/.dev $(FUZZ)/.installed ## have schemathesis look for a 5xx and for what the API's document does not say; make api-fuzz OPTIONS="--examples 100"
	$(BIN)/python -m tools.api_fuzz --schemathesis $(FUZZ)/bin/schemathesis $(OPTIONS)

$(SUPPLY)/.installed: tools/supply/requirements.txt
$(LOAD)/.installed: tools/load/requirements.txt
$(CLIENT)/.installed: tools/api_client/requirements.txt
$(FUZZ)/.installed: tools/api_fuzz/requirements.txt
build/%/.installed: | $(BIN)/python
	@mkdir -p build
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

docs: $(VENV)/.run      ## write docs/configuration.md, .env.example, docs/licences.md and docs/doctor.md from their sources
	$(BIN)/python -m launch.configuration --write
	$(BIN)/python -m launch.licences
	$(BIN)/python -m launch.doctor_page

bench-reload: $(VENV)/.dev ## a thousand reloads of a plugin under 300 updates/s; some ten minutes, on a quiet machine
	$(BIN)/python -m tools.benchmarks.reload $(ARGS)

bench-backup: $(VENV)/.dev  ## backup and restore of 1,000,000 clicks and 1,000 bots, and what /go pays meanwhile; some five minutes
	$(BIN)/python -m tools.benchmarks.backup $(ARGS)

bench-broadcast: $(VENV)/.dev ## broadcasts: a list of 1,000,000, 100 kill -9 of workers, pausing, the brake, replies beside one; half an hour; ARGS="--kills 10"
	$(BIN)/python -m tools.benchmarks.broadcast $(ARGS)

bench-spend: $(VENV)/.dev ## a million lines of costs imported and a tenth of them corrected: sums, time, memory; two minutes; ARGS="100000 --postgresql"
	$(BIN)/python -m tools.benchmarks.spend_import $(ARGS)

bench-routing: $(VENV)/.dev ## what ten plugins cost a worker over one; three minutes
	$(BIN)/python -m tools.benchmarks.routing $(ARGS)

HTTP_CLIENTS = build/http-clients
bench-send: $(VENV)/.dev $(HTTP_CLIENTS)/.installed ## what a call of the Bot API costs by HTTP client; two minutes, on a quiet machine
	$(BIN)/python -m tools.benchmarks.http_clients $(ARGS)

$(HTTP_CLIENTS)/.installed: tools/benchmarks/peers/http_clients.txt

bench-yaml: $(VENV)/.dev ## 500 bots as YAML files planned and applied, 300 wrong files read; a minute
	$(BIN)/python -m tools.benchmarks.bot_files $(ARGS)

bench-manager: $(VENV)/.dev ## the manager bot: command to answer, /status of 1,000 bots, the webhook guard's pace, another identity; a minute
	$(BIN)/python -m tools.benchmarks.manager $(ARGS)

bench-workers: $(VENV)/.dev ## bots' own programs: updates/s of each way over a plugin, 100 kill -9 of copies; five minutes; ARGS=--quick
	$(BIN)/python -m tools.benchmarks.workers $(ARGS)

bench-footprint: $(VENV)/.dev ## memory and CPU of every process with 100 and with 1,000 bots; ten minutes
	$(BIN)/python -m tools.benchmarks.footprint $(ARGS)

bench-flows: $(VENV)/.dev ## a live flow edited a thousand times with 10,000 people inside, and how late follow-ups are sent; fifteen minutes
	$(BIN)/python -m tools.benchmarks.flow_edits
	$(BIN)/python -m tools.benchmarks.timers $(ARGS)

HELM = build/helm-venv
helm: $(VENV)/.dev $(HELM)/.installed ## render deploy/kubernetes/ from the Helm chart; make helm VALUES=mine.yaml prints what those values make
	@$(BIN)/python -m tools.helm --python $(HELM)/bin/python $(if $(VALUES),--values $(VALUES)) $(ARGS)

$(HELM)/.installed: tools/helm/requirements.txt

BENCH = build/bench-venv
bench-pipeline: $(VENV)/.dev $(BENCH)/.installed ## measure the pipeline beside its peers; minutes, on a quiet machine
	$(BIN)/python -m tools.benchmarks.pipeline $(ARGS)

$(BENCH)/.installed: tools/benchmarks/peers/requirements.txt

CATALOGUE = build/messages.pot
translations: $(VENV)/.dev ## bring translations/ up to the texts in the source, and compile them
	@mkdir -p build
	$(BIN)/pybabel -q extract -F babel.cfg --no-location --sort-output -o $(CATALOGUE) .
	$(BIN)/pybabel -q update -i $(CATALOGUE) -d translations -N --no-wrap --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel -q compile -d translations

AXE = axe-core@4.14.1
axe:                    ## fetch axe-core for the browser tests (needs npm; licence MPL-2.0, not part of this repository)
	@mkdir -p .node_modules/axe-core build
	cd build && npm pack --silent $(AXE) >/dev/null && tar -xzf axe-core-*.tgz -C ../.node_modules/axe-core --strip-components=1

LIGHTHOUSE = lighthouse@12.8.2
lighthouse: $(VENV)/.dev ## have Lighthouse open the pool's and the bot's page (needs npm, Node 18 and chromium); ARGS="--rounds 1"
	test -x build/lighthouse/node_modules/.bin/lighthouse || npm install --silent --prefix build/lighthouse $(LIGHTHOUSE)
	CHROME_PATH=$$(command -v chromium || command -v chromium-browser) \
		$(BIN)/python -m tools.lighthouse --lighthouse build/lighthouse/node_modules/.bin/lighthouse $(ARGS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Python 3.11 or newer is needed; \`$(PYTHON)\` is not. Name another with: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# The stamps keep a second start from installing again; a changed lock renews them.
$(VENV)/.run: requirements.lock | $(BIN)/python
	@echo "Installing what requirements.lock names into $(VENV); half a minute, the first time …"
	@$(INSTALL) -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "Installing what requirements-dev.lock names into $(VENV) …"
	@$(INSTALL) -r requirements-dev.lock
	@touch $@

.PHONY: sandbox-clients
CLIENTS = build/sandbox-clients
sandbox-clients: $(VENV)/.run $(CLIENTS)/.made ## let aiogram, python-telegram-bot, pyTelegramBotAPI, Telegraf and grammY drive the sandbox (needs npm and Node 18)
	$(BIN)/python -m tools.sandbox_clients --python $(CLIENTS)/venv/bin/python --node-modules $(CLIENTS)/node_modules

CLIENT_FILES = $(addprefix tools/sandbox_clients/,requirements.txt package.json package-lock.json)
$(CLIENTS)/.made: $(CLIENT_FILES) | $(BIN)/python
	@mkdir -p $(CLIENTS)
	test -x $(CLIENTS)/venv/bin/python || $(PYTHON) -m venv $(CLIENTS)/venv
	$(CLIENTS)/venv/bin/python -m pip install --quiet --disable-pip-version-check -r tools/sandbox_clients/requirements.txt
	cp tools/sandbox_clients/package*.json $(CLIENTS)
	npm ci --silent --prefix $(CLIENTS)
	@touch $@

PC = $(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-options --strip-extras --allow-unsafe
lock: $(VENV)/.dev      ## renew the locks from pyproject.toml
	$(PC) -o requirements.lock pyproject.toml
	$(PC) --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml
