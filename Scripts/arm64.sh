#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The C kernels on arm64, in an emulator: built with warnings as errors, NEON with and without dot products compared with
# the scalar twins bit by bit, and the exact kernels' sum with this machine's. Installs qemu-user and a cross C library.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v qemu-aarch64 >/dev/null || [ ! -e /usr/aarch64-linux-gnu/lib/libc.so.6 ]; then
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends qemu-user libc6-dev-arm64-cross libgcc-12-dev-arm64-cross
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
sources=(Sources/CKernels/*.c Tests/Kernels/every_level.c)
flags=(-O2 -Wall -Wextra -Werror -Wno-unused-function -I Sources/CKernels/include)
clang "${flags[@]}" "${sources[@]}" -lm -o "$out/here"
clang --target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include -B/usr/lib/gcc-cross/aarch64-linux-gnu/12 \
  -L/usr/lib/gcc-cross/aarch64-linux-gnu/12 -L/usr/aarch64-linux-gnu/lib -fuse-ld=lld "${flags[@]}" \
  "${sources[@]}" -lm -o "$out/arm64"
"$out/here" | tee "$out/here.txt"
for cpu in cortex-a53 max; do  # without and with dot products
  echo "arm64, $cpu"
  qemu-aarch64 -cpu "$cpu" -L /usr/aarch64-linux-gnu "$out/arm64" | tee "$out/arm64.txt"
  diff <(grep exact "$out/here.txt") <(grep exact "$out/arm64.txt")
done
