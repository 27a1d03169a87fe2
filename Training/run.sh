#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Trains the built-in model, from a bare Debian machine to the checkpoint. Safe to stop and run again: what is there is kept.
#
#   Training/run.sh WORK_DIR [train.py's options]
#
# WORK_DIR/model receives the checkpoint; copy its four files over Sources/CBuiltinModel to compile it in.
set -euo pipefail
cd "$(dirname "$0")"
work=${1:?usage: Training/run.sh WORK_DIR [options of train.py]}
shift
mkdir -p "$work"
work=$(cd "$work" && pwd)

packages=(
  fonts-noto-color-emoji unicode-cldr-core python3-fonttools python3-venv      # the pictures, their names
  fonts-symbola tuxpaint-stamps-default gnome-icon-theme oxygen-icon-theme     # more pictures
  ruby-gemojione                                                               # held-out renderings
  wordnet-base scowl unicode-data edict rime-data-emoji opencc                     # plain text
)
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

if [ ! -x "$work/venv/bin/python" ]; then
  python3 -m venv "$work/venv"
fi
python=$work/venv/bin/python
"$python" -m pip install --quiet -r requirements.txt

data=$work/data
mkdir -p "$data"
make() { # make FILE COMMAND…: runs the command unless its result is there
  if [ ! -e "$1" ]; then
    "${@:2}"
  fi
}
make "$work/noto/emoji.json" /usr/bin/python3 ../Scripts/extract_emoji.py --captions "$work/noto"
make "$data/pictures.json" "$python" pictures.py "$work/noto" "$data"
make "$data/triplets.jsonl" "$python" triplets.py "$data/pictures.json" "$data/triplets.jsonl"
make "$data/texts.jsonl" "$python" texts.py "$data/pictures.json" "$data/texts.jsonl"
make "$data/meanings.npy" "$python" teacher.py "$data/texts.jsonl" "$data/meanings.npy"
"$python" train.py "$data" "$work/model" "$@"
