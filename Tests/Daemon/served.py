#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command beside a daemon of its own; {base}, {key} and {token} in its words stand for the daemon's.

usage: served.py DUET LIBRARY -- COMMAND…
"""
import subprocess
import sys

from daemon import Daemon


def main():
    duet, library, _, *command = sys.argv[1:]
    with Daemon(duet, library) as daemon:
        for name in ("base", "key", "token"):
            command = [word.replace("{%s}" % name, getattr(daemon, name)) for word in command]
        status = subprocess.run(command, check=False).returncode
        alive = daemon.ask("GET", "/livez")[0]
    if status or alive != 200:
        sys.exit(f"FAILED with status {status}, the daemon afterwards {alive}")


if __name__ == "__main__":
    main()
