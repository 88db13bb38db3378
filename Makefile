# SPDX-License-Identifier: Apache-2.0
# Thin front of meson. Every target works alone from a bare clone; what is missing is installed from Debian's
# packages by tools/install-deps.

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@tools/install-deps build
	@meson setup $(BUILD) --prefix=$(PREFIX) --buildtype=debugoptimized >/dev/null
	@echo "configured in $(BUILD)/"

demo: | deps-run deps-demo all
	@tools/demo $(BUILD)

test: | deps-run deps-test
	@tools/run-tests $(BUILD)

bench: | deps-run deps-bench all
	@bench/run $(BUILD)

fuzz: | deps-test
	@tools/run-fuzz

# A prefix that was asked for is compiled in, even when the tree was configured with another.
install: all
	@case "$(origin PREFIX)" in file) ;; *) \
		meson configure $(BUILD) -Dprefix=$(PREFIX) && ninja -C $(BUILD) ;; esac >/dev/null
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) $(BUILD)-*

deps-%:
	@tools/install-deps build $*

.PHONY: all demo test bench fuzz install clean
