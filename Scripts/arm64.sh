#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The C kernels on arm64, in an emulator: built with warnings as errors, NEON with and without dot products compared with
# the scalar twins bit by bit, and the exact kernels' sum with this machine's. Installs qemu-user and a cross compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v qemu-aarch64 >/dev/null || ! command -v aarch64-linux-gnu-gcc >/dev/null ||
  [ ! -e /usr/aarch64-linux-gnu/include/stdio.h ]; then
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" apt-get install -qq -y --no-install-recommends qemu-user gcc-aarch64-linux-gnu \
    libc6-dev-arm64-cross lld
fi
# Whatever version of it this machine has.
gcc=$(dirname "$(aarch64-linux-gnu-gcc -print-libgcc-file-name)")
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
sources=(Sources/CKernels/*.c Tests/Kernels/every_level.c)
flags=(-O2 -Wall -Wextra -Werror -Wno-unused-function -I Sources/CKernels/include)
clang "${flags[@]}" "${sources[@]}" -lm -o "$out/here"
clang --target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include -B"$gcc" -L"$gcc" \
  -L/usr/aarch64-linux-gnu/lib -fuse-ld=lld "${flags[@]}" \
  "${sources[@]}" -lm -o "$out/arm64"
"$out/here" | tee "$out/here.txt"
for cpu in cortex-a53 max; do  # without and with dot products
  echo "arm64, $cpu"
  qemu-aarch64 -cpu "$cpu" -L /usr/aarch64-linux-gnu "$out/arm64" | tee "$out/arm64.txt"
  diff <(grep exact "$out/here.txt") <(grep exact "$out/arm64.txt")
done
