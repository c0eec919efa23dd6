# `make` alone prints the targets.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/gapless/bin
GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)
MISSPELL_VERSION := v0.8.0
MISSPELL := $(TOOLS)/misspell-$(MISSPELL_VERSION)
# Deployed binaries are built with the newest patch of Go, whatever is installed,
# for its fixes of net/http and crypto/tls. make vuln reports a newer one.
TOOLCHAIN := go1.26.10
GOVULNCHECK_VERSION := v1.9.0
GOVULNCHECK := $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION)

.PHONY: help
help: ## Print the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 26

.PHONY: dev
dev: $(if $(ISOLATED),build-isolated) ## Run Gapless and a local AWS; console on http://localhost:3000. ISOLATED=1: functions as processes.
	@go build -o build/gapless ./localdev
	@exec build/gapless dev $(if $(ISOLATED),--isolated build/isolated) $(if $(SAM),--sam=$(SAM)) $(if $(LOCALSTACK),--localstack=$(LOCALSTACK)) $(ARGS)

# Looks for tokens in the output of tests in any language.
LEAKS := 2>&1 | $(CURDIR)/build/gapless leaks --plain

.PHONY: leaks
leaks:
	@go build -o build/gapless ./localdev

# The tests in the browser skip themselves; this says so where nobody misses it.
BROWSER_CHECK := command -v "$${CHROMIUM:-chromium}" chromium-browser google-chrome chrome >/dev/null || \
	echo "NO BROWSER: the tests of the console and of the SDK in a browser are skipped (localdev/browser). Install chromium."; \
	test -d localdev/browser/node_modules/axe-core || \
	echo "NO AXE-CORE: the accessibility of the console is not checked. Run make axe (Node) first."

.PHONY: axe
axe: ## Install the accessibility checker for the tests in localdev/browser (Node).
	cd localdev/browser && npm ci

.PHONY: test-browser
test-browser: axe leaks ## Test the console and the TypeScript SDK in Chromium; screenshots in build/screenshots.
	go test -count=1 -v ./localdev/browser $(LEAKS)

.PHONY: screenshot
screenshot: ## Take the README's picture of the console (Chromium): localdev/console/screenshot.png, at most 256 KiB.
	@rm -f build/screenshots/desktop-light.png
	go test -count=1 -run '^TestLook$$' ./localdev/browser
	@test $$(wc -c <build/screenshots/desktop-light.png) -le 262144 || { echo "build/screenshots/desktop-light.png has more than 256 KiB" >&2; exit 1; }
	cp build/screenshots/desktop-light.png localdev/console/screenshot.png

.PHONY: test
test: leaks ## Run every test that needs only Go and Node, and those in Chromium if it is installed; look for tokens in their output.
	@$(BROWSER_CHECK)
	go test -race -json ./... | build/gapless leaks
	@if command -v npm >/dev/null; then $(MAKE) test-js; else echo 'NO NODE HERE: THE TYPESCRIPT SDK WAS NOT TESTED' >&2; fi

.PHONY: test-dynamodb-local
test-dynamodb-local: ## Run the store tests against the official DynamoDB Local (Java, Maven).
	@# One package at a time: they share the server, and one clears it.
	.ci/dynamodb-local go test -race -p 1 -count=1 ./localdev/conformance/... ./localdev/dynamodb/...

.PHONY: cost
cost: ## Print the calls and capacity units of each operation beside its budget.
	@go test -count=1 -run '^TestCost$$' -v ./localdev/cost | sed -n '/^  *operation/,/^--- /{/^---/!p}'

.PHONY: lint
lint: $(GOLANGCI) prose ## Check formatting, imports, manners, spelling and prose.
	$(GOLANGCI) run ./...

.PHONY: prose
prose: $(MISSPELL) ## Check spelling, and count the habits of CONTRIBUTING.md in comments and Markdown.
	git ls-files '*.md' '*.ts' '*.tsx' '*.mjs' Makefile | xargs $(MISSPELL) -error
	go run ./localdev/prose

$(MISSPELL):
	mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go install github.com/golangci/misspell/cmd/misspell@$(MISSPELL_VERSION)
	mv $(TOOLS)/misspell $@

$(GOLANGCI):
	mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(TOOLS)/golangci-lint $@

.PHONY: vuln
vuln: $(GOVULNCHECK) ## Look for known vulnerabilities in what our code calls.
	GOTOOLCHAIN=$(TOOLCHAIN) GOVULNCHECK=$(GOVULNCHECK) .ci/vuln

$(GOVULNCHECK):
	mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
	mv $(TOOLS)/govulncheck $@

.PHONY: verify
verify: ## Fail if a generated file or go.mod is stale.
	go mod tidy -diff
	go mod verify

.PHONY: bench
bench: ## Run each benchmark once, so that none can rot.
	go test -run '^$$' -bench . -benchtime 1x ./...

OUT ?= build

.PHONY: build
build: ## Build each function as Lambda runs it, into build/<function>/bootstrap.
	@for f in functions/*/; do \
		name=$$(basename $$f); \
		echo "$(OUT)/$$name/bootstrap"; \
		GOOS=$(or $(GOOS),linux) GOARCH=$(or $(GOARCH),arm64) CGO_ENABLED=0 GOTOOLCHAIN=$(TOOLCHAIN) go build -tags lambda.norpc -trimpath \
			-ldflags='-s -w' -o $(OUT)/$$name/bootstrap ./$$f; \
	done

.PHONY: build-isolated
build-isolated: ## Build the functions for this machine, into build/isolated/.
	@$(MAKE) --no-print-directory -s build OUT=build/isolated GOOS=$$(go env GOHOSTOS) GOARCH=$$(go env GOHOSTARCH) >/dev/null

# The SAM CLI runs the functions in containers: see localdev/sam/README.md. AWS is
# the address of make dev's AWS, seen from a container.
AWS := http://host.docker.internal:3002
SAM_PORT := 3001
SAM_LOCAL = --template build/sam/$@.json --region us-east-1 \
	--add-host host.docker.internal:host-gateway $(SAM_FLAGS)

# SAM restarts a container when its code or template is written. So only changed
# files move from build/sam.new to build/sam.
define SAM_PREPARE
@$(MAKE) --silent build OUT=build/sam.new GOARCH=$$(go env GOHOSTARCH) >/dev/null
@go run ./localdev sam-template --build build/sam --aws $(AWS) $(SAM_ENV) >build/sam.new/$@.json
@cd build/sam.new && for f in */bootstrap $@.json; do \
	cmp -s $$f ../sam/$$f || { mkdir -p ../sam/$$(dirname $$f) && rm -f ../sam/$$f && cp $$f ../sam/$$f; }; \
done
endef

.PHONY: sam-invoke
sam-invoke: SAM_ENV = --env GAPLESS_JWT_MAX_LIFETIME=876000h
sam-invoke: ## Run FUNCTION in a container on events/FUNCTION-EVENT.json, beside make dev ARGS=--containers.
	@test -f events/$(FUNCTION)-$(EVENT).json || { \
		echo "make sam-invoke FUNCTION=… EVENT=…: there is no events/$(FUNCTION)-$(EVENT).json, but"; \
		for f in events/*.json; do f=$${f#events/}; f=$${f%.json}; echo "  $${f%%-*} $${f#*-}"; done; exit 1; }
	$(SAM_PREPARE)
	@sam local invoke gapless-local-$(FUNCTION) --event events/$(FUNCTION)-$(EVENT).json $(SAM_LOCAL)

.PHONY: sam-start
sam-start: ## Serve the functions in containers, for make dev SAM=http://127.0.0.1:3001.
	$(SAM_PREPARE)
	@exec sam local start-lambda --port $(SAM_PORT) --warm-containers EAGER $(SAM_LOCAL)

.PHONY: test-sam
test-sam: leaks ## Run the functions on the SAM CLI (Docker; .ci/docker make test-sam installs both).
	go test -count=1 -timeout 15m -v -run '^TestSAM$$' ./localdev $(LEAKS)

.PHONY: test-localstack
test-localstack: ## Run the stack on LocalStack, at LOCALSTACK=http://127.0.0.1:4566; it must reach this machine's loopback.
	GAPLESS_LOCALSTACK=$(or $(LOCALSTACK),$(error LOCALSTACK=http://127.0.0.1:4566 is not set)) \
		go test -count=1 -v -run '^TestLocalStack$$' ./localdev/stack

CDK := npx --yes aws-cdk@2.1148.1

.PHONY: synth
synth: build ## Write the CloudFormation templates to cdk.out/; options by ARGS="-c stage=prod".
	$(CDK) synth --quiet $(ARGS)

.PHONY: deploy
deploy: build ## Deploy to AWS (stage dev unless ARGS says otherwise); see infra/README.md.
	$(CDK) deploy --all $(ARGS)

.PHONY: destroy
destroy: build ## Remove the stacks of make deploy, with the same ARGS.
	$(CDK) destroy --all $(ARGS)

.PHONY: template
template: ## Regenerate the committed templates in infra/assembly/ (Node).
	go test -count=1 -tags infra -run '^TestTemplateIsCommitted$$' ./infra -update

.PHONY: verify-template
verify-template: ## Fail if the committed templates are stale (Node).
	@command -v node >/dev/null || { echo "make verify needs Node: without it CDK cannot say whether infra/assembly is stale" >&2; exit 1; }
	go test -count=1 -tags infra -run '^TestTemplateIsCommitted$$' ./infra

verify: verify-template

PAGE_SDK := $(CURDIR)/localdev/console/page/gapless.js
JS_READY := pkg/client/js/node_modules/.package-lock.json

$(JS_READY): pkg/client/js/package-lock.json
	cd pkg/client/js && npm ci

.PHONY: page
page: $(JS_READY) ## Bundle the TypeScript SDK for the console's page (Node).
	cd pkg/client/js && node scripts/page.mjs $(PAGE_SDK)

.PHONY: verify-page
verify-page: $(JS_READY) ## Fail if the SDK in the console's page is stale (Node).
	cd pkg/client/js && node scripts/page.mjs $(PAGE_SDK) --check

verify: verify-page

.PHONY: test-isolated
test-isolated: build-isolated leaks ## Run the end-to-end tests with the functions as processes.
	go test -count=1 ./localdev/e2e -isolated $(CURDIR)/build/isolated $(LEAKS)
	go test -count=1 -run 'TestWayOfAMessage|TestRoomIsShown' ./localdev/console -isolated $(CURDIR)/build/isolated

.PHONY: measure
measure: build-isolated ## Print the start time, processor time and memory of each function as a process (Linux).
	@go test -count=1 -v -run '^TestMeasure$$' ./localdev/e2e -isolated $(CURDIR)/build/isolated | sed -n 's/.*measure_test.go:[0-9]*: //p'

# The oldest commit whose functions must work beside today's on the same tables,
# as during a deployment and after a rollback. Raising it is a line in
# CHANGELOG.md, because users must update to it first.
COMPATIBLE := 4b12222e3ef835c70236c9dc4fecc5b78d0f2f46

.PHONY: test-upgrade
test-upgrade: build-isolated ## Run old and new functions side by side, on the same tables, during a chat.
	@if ! git cat-file -e '$(COMPATIBLE)^{commit}' 2>/dev/null; then \
		echo "SKIPPED: test-upgrade needs commit $(COMPATIBLE), which this checkout does not have (git fetch --unshallow)"; \
	else \
		old=$$(mktemp -d); trap 'rm -rf "$$old"' EXIT; \
		git archive '$(COMPATIBLE)' | tar -x -C "$$old"; \
		$(MAKE) --no-print-directory -s -C "$$old" build GOARCH=$$(go env GOHOSTARCH) >/dev/null; \
		go test -count=1 -v -run '^TestOldAndNewSideBySide$$' ./localdev/e2e \
			-isolated $(CURDIR)/build/isolated -previous "$$old"; \
	fi

CFN_LINT_VERSION := 1.58.0
CFN_LINT := $(TOOLS)/cfn-lint-$(CFN_LINT_VERSION)/bin/cfn-lint

$(CFN_LINT):
	@if python3 -m venv $(dir $(@D)) && $(@D)/pip install -q --disable-pip-version-check cfn-lint==$(CFN_LINT_VERSION); then :; \
	else rm -rf $(dir $(@D)); echo "SKIPPED: cfn-lint needs Python 3 with venv, and the network"; fi

.PHONY: test-infra
test-infra: build test-isolated test-upgrade $(CFN_LINT) ## Test the CDK app (Node): assertions, cdk-nag, cfn-lint (Python); and the deployed functions, in one process and as processes.
	go vet -tags infra ./infra/...
	go test ./localdev/e2e
	GAPLESS_BUILD=$(CURDIR)/build CFN_LINT=$$(ls $(CFN_LINT) 2>/dev/null || true) go test -count=1 -tags infra ./infra/...

.PHONY: test-oidc
test-oidc: leaks ## Log in with a real OpenID provider, and connect with its tokens (Node 20 or later).
	cd localdev/e2e/testdata/oidc && npm ci --silent --no-audit --no-fund
	GAPLESS_OIDC=1 go test -race -count=1 -run '^TestRealOpenIDProvider$$' -v ./localdev/e2e $(LEAKS)

.PHONY: test-js
test-js: leaks ## Build, test and measure the TypeScript SDK (Node 20 or later), on the local stack too.
	@# With -race, as all of the stack has been built so by then.
	cd pkg/client/js && npm ci && npm run check
	@# npm test builds first: some tests are of the built package.
	cd pkg/client/js && { npm test && npm run size && GOFLAGS="$${GOFLAGS:-} -race" npm run test:integration; } $(LEAKS)

.PHONY: test-js-runtimes
test-js-runtimes: ## Try the TypeScript SDK in Deno, Bun and Chromium (looked for), and its package as others resolve it.
	cd pkg/client/js && npm ci && npm run build && npm --prefix test/runtimes ci && npm run test:runtimes

.PHONY: sizes
sizes: ## Measure the TypeScript SDK beside other clients, and write the table into its README.
	cd pkg/client/js && npm ci && npm run build && npm run size -- --write

.PHONY: pack
pack: $(JS_READY) ## Show what would be published to npm as @gapless-rooms/client (Node).
	cd pkg/client/js && npm run build && npm pack --dry-run

.PHONY: verify-licence
verify-licence: ## Fail if the licence in the npm package is not the repository's.
	cmp LICENSE pkg/client/js/LICENSE

verify: verify-licence

SCALE ?= 1

.PHONY: test-proxies
test-proxies: ## Try the SDKs behind nginx and HAProxy, 6 minutes; SCALE=12 divides all times.
	go test ./localdev/proxy -count=1 -timeout 20m -parallel 8 -v -scale $(SCALE)

SEEDS ?= 300
FIRST ?= 1
PAIRS ?= 2000
FOR ?= 0
CLASS ?=

SEED ?= 1

.PHONY: soak-js
soak-js: ## Check the TypeScript SDK's guarantees under faults from SEED, FOR=10m.
	cd pkg/client/js && npm ci && GAPLESS_SOAK_FOR=$(patsubst 0,10m,$(FOR)) GAPLESS_SOAK_SEED=$(SEED) GAPLESS_TEST_TIMEOUT=86400000 node scripts/test.mjs test/soak

.PHONY: sim
sim: ## Run the simulation with SEEDS seeds from FIRST on, at most for FOR, of CLASS or their own.
	GOGC=400 go test ./localdev/sim -count=1 -timeout 0 -run '^TestSeeds$$' -v -seeds $(SEEDS) -first $(FIRST) -for $(FOR) -class "$(CLASS)"

.PHONY: sim-crash
sim-crash: ## Kill every function before and after each call of AWS, and list the calls.
	GOGC=400 go test ./localdev/sim -count=1 -timeout 0 -run '^TestCrash' -v -every-crash -pairs 300
	@cat localdev/sim/testdata/crash-points.txt

.PHONY: sim-crash-pairs
sim-crash-pairs: ## Kill functions at PAIRS pairs of calls, sampled from number FIRST on.
	GOGC=400 go test ./localdev/sim -count=1 -timeout 0 -run '^TestCrashPairs$$' -v -pairs $(PAIRS) -first $(FIRST)

.PHONY: sim-mutants
sim-mutants: ## Show that the simulation finds every deliberate bug.
	GOGC=400 go test ./localdev/sim -count=1 -timeout 0 -run '^TestMutants$$' -v -all-mutants

.PHONY: mutants-client
mutants-client: ## Show that the Go SDK's tests find every deliberate bug of a list.
	go test ./pkg/client -count=1 -timeout 30m -run '^TestMutants$$' -v -mutants | grep -E '^ *--- |^(FAIL|ok)|_test.go'

# A sample is too small for the 95 % of the whole, and leaves the simulation out.
SAMPLE := -sample 60 -for 4m -floor 75 -judges '^pkg|conformance|clienttest|e2e'

.PHONY: mutants
mutants: ## Find bugs that no test notices, in PACKAGES=pkg/limit or all; CHANGED=COMMIT: a sample, in what differs from it.
	go run ./localdev/mutation $(if $(PACKAGES),-packages $(PACKAGES)) $(if $(CHANGED),-changed $(CHANGED) $(SAMPLE)) $(ARGS)

.PHONY: mutants-js
mutants-js: $(JS_READY) ## Find bugs in the TypeScript SDK that no test notices, with FLAGS for Stryker (an hour).
	cd pkg/client/js/mutation && npm ci --no-audit --no-fund && npm run mutants -- $(FLAGS)

.PHONY: sim-model
sim-model: ## Explore every interleaving of the protocols of log, delivery and membership.
	go test ./localdev/sim/model -count=1 -timeout 60m -v -large

.PHONY: test-security
test-security: ## Attack tokens, tickets, secrets, handshakes, permissions, hooks and limits; print the table of attacks.
	go test -race -count=1 -v ./pkg/auth ./pkg/ticket ./pkg/revocation ./pkg/hook ./pkg/limit ./localdev/leak | grep -E '^ *--- |^(FAIL|ok)|_test.go'
	go test -race -count=1 -v -run 'Ticket|URL|Secret|AsPrinted|TestAuth|Ephemeral' ./localdev/e2e | grep -E '^ *--- |^(FAIL|ok)|_test.go'
	go test -race -count=1 -v -run 'Handshakes|Headers|Tokens' ./pkg/handler | grep -E '^ *--- |^(FAIL|ok)|_test.go'
	go test -race -count=1 -run 'OneWay|Access' ./pkg/config
	go test -race -count=1 -v -run 'Revoked|Users|Rooms|Presence|Token|Membership|Hooks' ./pkg/sweep | grep -E '^ *--- |^(FAIL|ok)|_test.go'
	go test -race -count=1 -run Connections ./pkg/storetest/memory
	go test -race -count=1 -v -run 'Hook|Verdict|Stay|Grants|Presence|Exists|Count|Floods|BadInput|Condemned|Hello' ./localdev/e2e | grep -E '^ *--- |^(FAIL|ok)|_test.go'
