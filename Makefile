.DEFAULT_GOAL := help
.PHONY: help check test race fuzz chat fmt tidy clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: ## Formatting, go vet, staticcheck and the core's tests: fast
	@scripts/check.sh

test: ## Everything, with real browsers and clients; installs what is missing
	@scripts/test.sh

race: ## The core's tests with the race detector
	go test -race -shuffle=on ./...

fuzz: ## Each fuzz target for FUZZTIME (default 30s)
	@scripts/fuzz.sh

chat: ## Run the chat example at ADDR (default :3000)
	@scripts/chat.sh

fmt: ## Format all Go files
	@find . -name node_modules -prune -o -name '*.go' -print0 | xargs -0 gofmt -l -w

tidy: ## go mod tidy in all modules; with CI=true fails if that changes anything
	@scripts/tidy.sh

clean: ## Remove what the other targets have made
	rm -rf bin artifacts examples/node_modules interop/node_modules
