# `make` alone prints the targets.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/gapless/bin
GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)

.PHONY: help
help: ## Print the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 26

.PHONY: dev
dev: ## Run Gapless and a local AWS on ws://localhost:3001/local.
	@go run ./localdev dev $(ARGS)

.PHONY: test
test: ## Run every test that needs nothing but Go.
	go test -race ./...

.PHONY: test-dynamodb-local
test-dynamodb-local: ## Run the store tests against the official DynamoDB Local (Java, Maven).
	.ci/dynamodb-local go test -race -count=1 ./localdev/conformance/... ./localdev/dynamodb/...

.PHONY: cost
cost: ## Print the calls and capacity units of each operation beside its budget.
	@go test -count=1 -run '^TestCost$$' -v ./localdev/cost | sed -n '/^  *operation/,/^--- /{/^---/!p}'

.PHONY: lint
lint: $(GOLANGCI) ## Check formatting, imports and manners.
	$(GOLANGCI) run ./...

$(GOLANGCI):
	mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(TOOLS)/golangci-lint $@

.PHONY: verify
verify: ## Fail if a generated file or go.mod is stale.
	go mod tidy -diff
	go mod verify

.PHONY: bench
bench: ## Run each benchmark once, so that none can rot.
	go test -run '^$$' -bench . -benchtime 1x ./...

.PHONY: build
build: ## Build each function as Lambda runs it, into build/<function>/bootstrap.
	@for f in functions/*/; do \
		name=$$(basename $$f); \
		echo "build/$$name/bootstrap"; \
		GOOS=linux GOARCH=$(or $(GOARCH),arm64) CGO_ENABLED=0 go build -tags lambda.norpc -trimpath \
			-ldflags='-s -w' -o build/$$name/bootstrap ./$$f; \
	done
