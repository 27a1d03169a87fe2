#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the system packages that Duet builds, runs its demo and passes its tests with. Safe to run again.
set -euo pipefail

packages=(
  ca-certificates git                             # SwiftPM fetches the Swift packages with git
  libopenblas-dev libblas-dev liblapack-dev       # matrix products
  libpng-dev libjpeg-dev libwebp-dev zlib1g-dev   # picture codecs
  libsqlite3-dev                                  # the catalog
  fonts-noto-color-emoji unicode-cldr-core        # the demo's pictures and their names
  python3-fonttools                               # takes the pictures out of the font
  python3-pil fonts-dejavu-core                   # draws the demo's contact sheet
)

if ! command -v swift >/dev/null; then
  echo "setup: no 'swift' on PATH; install Swift 6.2 or newer from https://www.swift.org/install/linux/" >&2
  exit 2
fi
if ! command -v apt-get >/dev/null; then
  printf 'setup: no apt-get here; install the equivalents of these Debian packages yourself:\n' >&2
  printf '  %s\n' "${packages[@]}" >&2
  exit 2
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: everything is installed" >&2
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: run this as root, or install sudo; missing: ${missing[*]}" >&2
    exit 2
  fi
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
