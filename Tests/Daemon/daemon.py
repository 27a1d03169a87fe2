# SPDX-License-Identifier: Apache-2.0
"""Starts a `duet serve` of its own, and speaks HTTP to it, raw where it has to be."""
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import urllib.parse
from pathlib import Path


class Daemon:
    """`with Daemon(duet, library) as daemon:` serves a library on a free port, with sockets, keys and cache of its own."""

    def __init__(self, duet, library, *options):
        self.duet, self.library, self.options = str(duet), str(library), options
        self.folder = tempfile.TemporaryDirectory()
        self.environment = os.environ | {
            f"XDG_{name}": self.folder.name for name in ("RUNTIME_DIR", "CACHE_HOME", "CONFIG_HOME")}
        self.key = self.run("serve", "key", "create", "test", "--scope", "admin").stdout.strip()

    def run(self, *arguments, **options):
        return subprocess.run([self.duet, *arguments], env=self.environment, capture_output=True, text=True, check=False,
                              **options)

    def start(self):
        self.process = subprocess.Popen(
            [self.duet, "serve", "--index", self.library, "--port", "0", *self.options], env=self.environment,
            stdout=subprocess.PIPE, stderr=(Path(self.folder.name) / "log").open("a"), text=True)
        self.page = self.process.stdout.readline().strip()
        if not self.page:
            raise SystemExit("the daemon did not start: " + self.log)
        address = urllib.parse.urlsplit(self.page)
        self.port, self.token = address.port, address.fragment.removeprefix("token=")
        self.base = f"http://127.0.0.1:{self.port}"
        return self

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    __enter__ = start

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()
        self.folder.cleanup()

    @property
    def log(self):
        return (Path(self.folder.name) / "log").read_text(encoding="utf-8")

    @property
    def memory(self):
        """Resident bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) << 10
        return 0

    def ask(self, method, path, body=None, headers=None, key=True, timeout=60):
        """(status, headers, body) of one request on a connection of its own; JSON bodies are encoded."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = dict(headers or {})
        if key:
            headers.setdefault("Authorization", f"Bearer {self.key}")
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def search(self, *terms, **fields):
        status, _, body = self.ask("POST", "/v1/search", {"terms": list(terms), **fields})
        return status, json.loads(body)

    def raw(self, data, timeout=20):
        """The first line of what comes back for bytes as they are; empty when the connection is closed without a word."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(data)
            return connection.recv(65536).split(b"\r\n")[0].decode("latin-1")
