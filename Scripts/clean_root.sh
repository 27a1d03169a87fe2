#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves README's two commands on a bare machine: makes a minimal Debian root with debootstrap that has Swift and
# nothing else, and runs each command there from a fresh clone of HEAD, in a root of its own. Needs root, debootstrap
# and some 8 GB of disk; every mount lives in a private mount namespace and is gone with it, however this ends.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'USAGE'
usage: Scripts/clean_root.sh [OPTIONS] [COMMAND…]     (default: Scripts/demo.sh Scripts/test.sh)

  --root DIR        where the roots are made             (default: a new folder in $TMPDIR)
  --swift DIR       the Swift toolchain to lend          (default: the one that `swift` on PATH lies in)
  --suite NAME      the Debian or Ubuntu release         (default: this machine's)
  --mirror URL      where packages come from             (default: this machine's apt's)
  --bind DIR        lend DIR too, read-only; may repeat  (say, a local mirror of Swift packages)
  --gitconfig FILE  git's system configuration in there; may repeat
  --user            run as an ordinary user with sudo, not as root
  --keep            keep the roots; a later run with the same --root begins from the base that is there
USAGE
}

root='' swift='' suite='' mirror='' user='' keep='' binds=() gitconfigs=() commands=()
while [ $# -gt 0 ]; do
  case $1 in
    --root) root=$2 && shift ;;
    --swift) swift=$2 && shift ;;
    --suite) suite=$2 && shift ;;
    --mirror) mirror=$2 && shift ;;
    --bind) binds+=("$(realpath "$2")") && shift ;;
    --gitconfig) gitconfigs+=("$(realpath "$2")") && shift ;;
    --user) user=tester ;;
    --keep) keep=1 ;;
    -h | --help) usage && exit 0 ;;
    -*) usage >&2 && exit 2 ;;
    *) commands+=("$1") ;;
  esac
  shift
done
[ ${#commands[@]} -gt 0 ] || commands=(Scripts/demo.sh Scripts/test.sh)

fail() {
  echo "clean root: $*" >&2
  exit 2
}
[ "$(id -u)" -eq 0 ] || fail "needs root, for debootstrap, mounts and chroot"
command -v debootstrap >/dev/null || fail "no debootstrap; apt-get install debootstrap"
if [ -z "$swift" ]; then
  swift=$(realpath "$(command -v swift)") || fail "no 'swift' on PATH; name a toolchain with --swift"
  swift=${swift%/usr/bin/*}
fi
[ -x "$swift/usr/bin/swift" ] || fail "$swift holds no usr/bin/swift"
suite=${suite:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
mirror=${mirror:-$(apt-get indextargets --format '$(REPO_URI)' "Codename: $suite" | sort -u | head -n 1)}
[ -n "$mirror" ] || fail "apt knows no mirror of $suite; name one with --mirror"
root=$(realpath "${root:-$(mktemp -d)}")
mkdir -p "$root"
# A user inside must be able to walk down to the clone.
chmod 755 "$root"

# What swift.org asks for on Debian (run-time libraries only where it names headers: the fewer, the stronger the proof).
# sudo is what `--user` logs in with.
has_swift=(
  binutils ca-certificates gcc g++ git gnupg libcurl4 libedit2 libncurses6 libpython3-stdlib libsqlite3-0 libxml2 libz3-4
  pkg-config sudo tzdata unzip
)

in_root() { # in_root ROOT PROGRAM…: runs it with the root's own environment
  local at=$1
  shift
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM=dumb HOME=/root \
    DEBIAN_FRONTEND=noninteractive chroot "$at" "$@"
}

make_base() { # make_base ROOT
  debootstrap --variant=minbase "$suite" "$1" "$mirror" >&2
  lend_network "$1"
  in_root "$1" apt-get install -y -qq --no-install-recommends "${has_swift[@]}" >&2
  in_root "$1" useradd --create-home --shell /bin/bash tester
  echo 'tester ALL=(ALL) NOPASSWD: ALL' >"$1/etc/sudoers.d/tester"
  touch "$1/.complete"
}

lend_network() { # lend_network ROOT: names resolve there as here
  cat /etc/resolv.conf >"$1/etc/resolv.conf"
  cat /etc/hosts >"$1/etc/hosts"
}

lend_swift() { # lend_swift ROOT: the toolchain on PATH, a login shell's too, and whatever else was asked for
  local at=$1 folder
  for folder in "$swift" ${binds[@]+"${binds[@]}"}; do
    mkdir -p "$at$folder"
    mount --bind "$folder" "$at$folder"
    mount -o remount,bind,ro "$at$folder"
  done
  for folder in "$swift"/usr/bin/*; do
    ln -sf "$folder" "$at/usr/local/bin/"
  done
  for folder in ${gitconfigs[@]+"${gitconfigs[@]}"}; do
    cat "$folder" >>"$at/etc/gitconfig"
  done
  # What is lent belongs to root, and git would not let another user clone from it.
  [ ${#binds[@]} -eq 0 ] || printf '[safe]\n\tdirectory = *\n' >>"$at/etc/gitconfig"
}

run_command() { # run_command ROOT COMMAND: in a fresh clone of HEAD; mounts end with the namespace
  local at=$1 command=$2 home=/root
  [ -z "$user" ] || home=/home/$user
  lend_network "$at"
  lend_swift "$at"
  mount -t proc proc "$at/proc"
  mount --rbind /dev "$at/dev"
  mount --rbind /sys "$at/sys"
  mkdir -p "$at$home"
  git clone --quiet --no-local --no-hardlinks . "$at$home/duet"
  [ -z "$user" ] || in_root "$at" chown -R "$user:" "$home/duet"
  local run='cd ~/duet && git status --short --branch && exec '"$command"
  if [ -n "$user" ]; then
    in_root "$at" su --login "$user" --command "$run"
  else
    in_root "$at" bash -c "$run"
  fi
}

trap '[ -n "$keep" ] || rm -rf --one-file-system "$root"' EXIT
[ -e "$root/base/.complete" ] || (rm -rf --one-file-system "$root/base" && make_base "$root/base")
echo "clean root: $suite in $root, Swift from $swift, commit $(git rev-parse --short HEAD)" >&2

failed=()
for command in "${commands[@]}"; do
  # A root of its own: what one command installs must not help the next.
  at=$root/run
  rm -rf --one-file-system "$at"
  cp -a "$root/base" "$at"
  started=$SECONDS
  # The functions travel by `declare`: the namespace is another process.
  if unshare --mount --pid --fork --kill-child bash -euo pipefail -c "
    $(declare -p swift binds gitconfigs user)
    $(declare -f in_root lend_network lend_swift run_command)
    run_command \"\$@\"" _ "$at" "$command"; then
    echo "clean root: PASSED in $((SECONDS - started)) s as ${user:-root}: $command" >&2
  else
    echo "clean root: FAILED as ${user:-root}: $command" >&2
    failed+=("$command")
  fi
done
[ ${#failed[@]} -eq 0 ]
