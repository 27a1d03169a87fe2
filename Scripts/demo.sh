#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The main job, end to end, on a machine that has only Swift: sets it up, builds Duet, takes some 3,600 pictograms out of
# an installed font, indexes them with their English and Chinese names, and asks by text, by picture, and by both. What
# queries of both find is also drawn: Index/demo/contact-sheet.html and .png. With --readme the latter replaces README's
# picture.
set -euo pipefail
cd "$(dirname "$0")/.."

Scripts/setup.sh
echo "demo: building (the first time takes some minutes)" >&2
swift build -c release --product duet
duet=$(swift build -c release --product duet --show-bin-path)/duet
pictures=Index/demo/pictures
# Debian's own Python has the packages that setup installs; another one on PATH may not.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
if [ ! -e "$pictures/emoji.json" ]; then
  "$python" Scripts/extract_emoji.py --captions "$pictures"
fi

show() { # show ARGUMENTS…: prints the command, its hits and how long it took
  local shown='' argument started ended
  for argument in "$@"; do
    case $argument in *' '*) argument="\"$argument\"" ;; esac
    shown+=" $argument"
  done
  printf '\n$ duet%s\n' "$shown"
  started=$(date +%s%N)
  "$duet" "$@" || [ $? -eq 1 ] # nothing found is an answer
  ended=$(date +%s%N)
  printf '  (%d ms, a cold process)\n' $(((ended - started) / 1000000))
}

"$duet" index "$pictures" --model builtin
composed=(
  grinning-face_1f600.png cat
  person_1f9d1.png firefighter
  waving-hand_1f44b.png "dark skin tone"
)
"$python" Scripts/contact_sheet.py "$duet" "$pictures" Index/demo/contact-sheet "${composed[@]}"
[ "${1:-}" != --readme ] || cp Index/demo/contact-sheet.png Index/contact-sheet.png

cd "$pictures"
show search -k 5 "red apple"
show search -k 5 "雪人"
show search -k 5 --image grinning-face_1f600.png
for ((place = 0; place < ${#composed[@]}; place += 2)); do
  show search -k 5 --image "${composed[place]}" --text "${composed[place + 1]}"
done
show search -k 2 --image grinning-face_1f600.png --text cat --json
show search "quarterly revenue report"
printf '\nThe three queries of picture and text, as a page: %s\n' Index/demo/contact-sheet.html
