#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The heavy proofs, outside CI: what the tests do, many times over and from other seeds, and what needs more of a machine
# than a test may ask for. Each part says on its own line that it passed, failed, or was skipped and why.
set -uo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'USAGE'
usage: Scripts/soak.sh [OPTIONS] [PART…]        (default: all parts)

parts
  kills       `duet index` is killed -9 at random moments; every resumed run must get to the same library
  fuzz        random damage to catalogs, and every other test that honours DUET_SOAK
  parity      embeddings against PyTorch at full size (Scripts/parity.sh); needs Python with torch
  arm64       the C kernels on arm64, in an emulator (Scripts/arm64.sh); needs qemu-user and a cross compiler, or root or sudo to install them
  clean-root  README's two commands in a root that has only Swift (Scripts/clean_root.sh); needs root and debootstrap

options
  --kills N   so many kills of runs with many small segments (default 50), and a fifth as many with large ones
  --fuzz N    so many times the everyday number of random cases (default 100)
  --seed N    the seed that a failed part printed as DUET_SEED=N (default: a new one)
  -h, --help  this text

environment
  PYTHON      the Python of the parity part (default: python3)

Takes some minutes for kills and fuzz after the build; parity and clean-root half an hour and more.
Exit status: 0 all that ran passed, 1 a part failed, 2 usage.
USAGE
}

kills=50 fuzz=100 parts=()
while [ $# -gt 0 ]; do
  case $1 in
    --kills | --fuzz | --seed)
      [[ ${2:-} =~ ^[0-9]+$ ]] || { echo "soak: $1 takes a number" >&2 && exit 2; }
      case $1 in
        --kills) kills=$2 ;;
        --fuzz) fuzz=$2 ;;
        --seed) export DUET_SEED=$2 ;;
      esac
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    kills | fuzz | parity | arm64 | clean-root) parts+=("$1") ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done
[ ${#parts[@]} -gt 0 ] || parts=(kills fuzz parity arm64 clean-root)

failed=0
run() { # run PART COMMAND…
  local part=$1
  shift
  echo "soak: $part begins: $*" >&2
  if "$@"; then
    echo "soak: $part passed" >&2
  else
    echo "soak: $part FAILED" >&2
    failed=1
  fi
}
skip() { echo "soak: $1 skipped: $2" >&2; }

for part in "${parts[@]}"; do
  case $part in
    # The everyday number is ten; a factor of one would be an everyday run, with its seed.
    kills) DUET_SOAK=$(((kills + 9) / 10 > 2 ? (kills + 9) / 10 : 2)) run kills Scripts/test.sh --filter KillTests ;;
    fuzz) DUET_SOAK=$((fuzz > 2 ? fuzz : 2)) run fuzz Scripts/test.sh --skip KillTests ;;
    parity)
      python=${PYTHON:-python3}
      modules='import torch, transformers, tokenizers, safetensors, numpy, PIL'
      if why=$("$python" -c "$modules" 2>&1); then
        PYTHON=$python run parity Scripts/parity.sh
      else
        skip parity "$python cannot '$modules' (${why##*$'\n'}); name one that can with PYTHON=…"
      fi
      ;;
    arm64)
      if ! command -v qemu-aarch64 >/dev/null && [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then
        skip arm64 'it needs qemu-user and a cross compiler, or root or sudo to install them'
      else
        run arm64 Scripts/arm64.sh
      fi
      ;;
    clean-root)
      if [ ! -x Scripts/clean_root.sh ]; then
        skip clean-root 'there is no Scripts/clean_root.sh'
      elif [ "$(id -u)" -ne 0 ]; then
        skip clean-root 'it needs root'
      elif ! command -v debootstrap >/dev/null; then
        skip clean-root 'it needs debootstrap'
      else
        run clean-root Scripts/clean_root.sh
      fi
      ;;
  esac
done
exit "$failed"
