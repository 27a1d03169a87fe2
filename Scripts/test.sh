#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up a bare machine and passes the tests, offline once the packages are there. Arguments go to `swift test`.
set -euo pipefail
cd "$(dirname "$0")/.."

Scripts/setup.sh
# One configuration for everything: optimised code, as users run it, with internals visible to the tests.
exec swift test --scratch-path .build/tests -c release -Xswiftc -enable-testing --explicit-target-dependency-import-check error "$@"
