#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proofs of `duet serve` that need other programs: hostile callers, a library that changes under 32 clients, schemathesis
# against /openapi.json, curl and OpenAI's client, and the page in a headless Chromium.
#
#   Scripts/daemon_proofs.sh [DUET [LIBRARY]]        (default: the release build, and the demo's library)
#
# Installs Chromium and Python's venv with apt-get where they are missing, and PyPI packages into .build/proofs.
set -euo pipefail
cd "$(dirname "$0")/.."
duet=$(realpath "${1:-.build/release/duet}")
library=$(realpath "${2:-Index/demo/pictures}")
[ -x "$duet" ] || { echo "daemon_proofs: $duet is missing; run Scripts/demo.sh" >&2 && exit 2; }

missing=()
for package in chromium curl python3-venv; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
venv=.build/proofs
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet -r Tests/Daemon/requirements.txt -r Tests/Browser/requirements.txt
python=$(realpath "$venv")/bin/python

"$python" Tests/Daemon/hostile_test.py "$duet" "$library"
"$python" Tests/Daemon/switch_test.py "$duet" "$library"
"$python" Tests/Daemon/clients_test.py "$duet" "$library"
# Left out: a request that fits the schema may be refused for what it says (no such model, no picture), and a job that was
# cancelled can still be looked at.
"$python" Tests/Daemon/served.py "$duet" "$library" -- \
  "$venv/bin/schemathesis" --config-file Tests/Daemon/schemathesis.toml run '{base}/openapi.json' -H 'Authorization: Bearer {key}' --checks all \
  --exclude-checks positive_data_acceptance,use_after_free --exclude-path-regex 'events|session' --max-examples "${EXAMPLES:-50}" \
  --no-color
"$python" Tests/Daemon/served.py "$duet" "$library" -- \
  "$python" Tests/Browser/page_test.py '{base}' '{token}' ${SCREENSHOTS:+--screenshots "$SCREENSHOTS"}
echo "daemon_proofs: all passed" >&2
