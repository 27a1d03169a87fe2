#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real clients: the README's curl commands as they stand there, and OpenAI's Python client for embeddings.

usage: clients_test.py DUET LIBRARY        (needs curl, and the package `openai`)
"""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from daemon import Daemon

README = Path(__file__).parents[2] / "README.md"


def examples():
    """The README's commands that begin with curl, with the lines that continue them."""
    text = README.read_text(encoding="utf-8")
    return [re.sub(r"^    ", "", match, flags=re.M) for match in re.findall(r"^    curl(?:.*\\\n)*.*$", text, flags=re.M)]


def curl(daemon, folder):
    commands = examples()
    assert len(commands) >= 5, f"the README has {len(commands)} curl commands"
    variables = daemon.environment | {"DUET": daemon.base, "KEY": daemon.key}
    for command in commands:
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], env=variables, cwd=folder,
                              capture_output=True, text=True, check=False)
        print(f"{'ok     ' if done.returncode == 0 else 'FAILED '} {command.splitlines()[0]}", flush=True)
        if done.returncode:
            sys.exit(f"{command}\n{done.stdout}{done.stderr}")


def openai(daemon):
    from openai import OpenAI
    client = OpenAI(base_url=daemon.base + "/v1", api_key=daemon.key)
    answer = client.embeddings.create(model="builtin", input=["a cat", "狗"], encoding_format="float")
    assert [row.index for row in answer.data] == [0, 1]
    vectors = [row.embedding for row in answer.data]
    assert all(abs(sum(x * x for x in vector) - 1) < 1e-3 for vector in vectors), "unit vectors"
    print(f"ok      OpenAI's client, floats: 2 x {len(vectors[0])}")
    default = client.embeddings.create(model="builtin", input="a cat").data[0].embedding  # asks for base64
    assert max(abs(a - b) for a, b in zip(default, vectors[0])) < 1e-6
    print("ok      OpenAI's client, its default encoding")


def main():
    with Daemon(sys.argv[1], sys.argv[2]) as daemon, tempfile.TemporaryDirectory() as folder:
        _, answer = daemon.search({"text": "cat"}, limit=1)
        shutil.copy(answer["hits"][0]["path"], folder)
        curl(daemon, folder)
        openai(daemon)


if __name__ == "__main__":
    main()
