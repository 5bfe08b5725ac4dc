.DEFAULT_GOAL := help
.PHONY: help check test race lint api-diff release-check fuzz bench bench-quick bench-million chat fmt tidy clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: ## Formatting, go vet, staticcheck, English and the core's tests: fast
	@scripts/check.sh

test: ## Everything, with real browsers and clients; installs what is missing
	@scripts/test.sh

race: ## The core's tests with the race detector
	@scripts/test-module.sh .

lint: ## golangci-lint with the linters of .golangci.yml
	@scripts/lint.sh

release-check: ## Use the modules as others do, from a module proxy and without replace
	@scripts/release-check.sh

api-diff: ## Compare the exported API with the last release
	@scripts/api-diff.sh

fuzz: ## Each fuzz target for FUZZTIME (default 30s)
	@scripts/fuzz.sh

bench: ## Ours, Node and the floor, interleaved, five rounds: about a quarter of an hour
	cd bench && go run . -rounds 5 -o results.json -svg chart.svg

bench-quick: ## The essential rows of bench, in less than five minutes
	cd bench && go run . -quick

bench-million: ## A million idle clients, or as many as fit
	cd bench && go run . million -o million.json

chat: ## Run the chat example at ADDR (default :3000)
	@scripts/chat.sh

fmt: ## Format all Go files
	@find . -name node_modules -prune -o -name '*.go' -print0 | xargs -0 gofmt -l -w

tidy: ## go mod tidy in all modules; with CI=true fails if that changes anything
	@scripts/tidy.sh

clean: ## Remove what the other targets have made
	rm -rf bin artifacts
	find . -name node_modules -prune -exec rm -rf {} +
