# make TARGET. No target needs root. Tests that lack a service skip, and name it.

.DEFAULT_GOAL := help
.PHONY: help test race lint vuln fuzz bench docs site release ci

export PATH := $(PATH):/usr/local/go/bin
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 10s

help: ## lists the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

test: ## all tests, and what was skipped. With Redis, PostgreSQL and MariaDB on their ports (.ci/services make test starts them), node and chromium: nothing is
	go test -json work | go run ./internal/testing/skipped

race: ## the same with the race detector. Needs a C compiler
	go test -race -shuffle=on work

lint: ## gofmt -s, vet, staticcheck
	@test -z "$$(gofmt -s -l $$(git ls-files '*.go') | tee /dev/stderr)"
	go vet work
	go vet -tags sql work
	go run $(STATICCHECK) work
	go run $(STATICCHECK) -tags sql work

vuln: ## known vulnerabilities in what the modules call. Needs a module proxy
	.ci/vulncheck

fuzz: ## each fuzz target for FUZZTIME, 10s by default
	.ci/fuzz $(FUZZTIME)

bench: ## the bars of bench. Needs an idle machine; Redis and PostgreSQL for their rows
	go run ./bench -check

docs: ## runs the programs and commands of docs/. Needs curl, node and chromium
	cd interop && go test -count=1 -run Docs .

SITE ?= /tmp/guard-site
site: ## builds the site of docs/ and godoc in SITE, and checks its links. Needs node and npm
	.ci/site $(SITE)

release: ## tries a release from a local module proxy. Pushes nothing
	.ci/release-trial

ci: ## everything that must hold. It prints what to install; on Debian as root it does so
	.ci/run
