#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Parity with the reference at full size: ViT-B/16 and ViT-L/14 checkpoints with random weights, through `duet embed`.
#
# Not part of the tests: it needs Python with torch, transformers, tokenizers, safetensors, numpy and Pillow, 2.5 GB of
# disk and some minutes.   PYTHON=python3  DUET=path/to/duet  Scripts/parity.sh [base] [large]
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if [ -z "${DUET:-}" ]; then
  swift build -c release --product duet
  DUET=$(swift build -c release --show-bin-path)/duet
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
[ $# -gt 0 ] || set -- base large
"$python" Fixtures/Models/parity_full.py "$DUET" "$folder" "$@"
