#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a daemon must refuse: each attempt gets the right status, and the daemon goes on answering.

usage: hostile_test.py DUET LIBRARY

DUET is the program, LIBRARY a folder with a library of pictures (the demo's). Needs nothing but Python.
"""
import base64
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

from daemon import Daemon

failures = []


def expect(name, got, *wanted):
    ok = got in wanted
    print(f"{'ok     ' if ok else 'FAILED '} {name}: {got}" + ("" if ok else f", wanted {' or '.join(map(str, wanted))}"))
    if not ok:
        failures.append(name)


def png(width, height, rows=b""):
    """A PNG file of any stated size; grey, 8 bits."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def bodies(daemon):
    megabyte = b"x" * (1 << 20)
    authorization = f"Authorization: Bearer {daemon.key}\r\n"
    head = ("POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + authorization).encode()
    expect("a declared length of 1 GB", daemon.raw(head + b"Content-Length: 1073741824\r\n\r\n").split(" ")[1], "413")
    before = daemon.memory
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=60) as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(100):
                connection.sendall(b"100000\r\n" + megabyte + b"\r\n")
            status = connection.recv(4096).split(b" ")[1].decode()
        except OSError:  # closed while we still sent: the answer may be there to be read
            try:
                status = connection.recv(4096).split(b" ")[1].decode()
            except (OSError, IndexError):
                status = "closed"
    expect("a body of 100 MB in chunks", status, "413", "closed")
    expect("memory after it", "flat" if daemon.memory - before < 200 << 20 else f"+{daemon.memory - before}", "flat")
    expect("10,000 terms", daemon.search(*[{"text": "x"}] * 10_000)[0], 422)
    expect("a text of 17 kB", daemon.search({"text": "x" * 17_000})[0], 422)
    deep = b'{"terms":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    expect("100,000 nested lists", daemon.ask("POST", "/v1/search", deep, {"Content-Type": "application/json"})[0], 400, 422)
    expect("a JSON number too large", daemon.ask(
        "POST", "/v1/search", b'{"terms":[{"text":"x","weight":1e999}]}', {"Content-Type": "application/json"})[0], 400, 422)


def strangers(daemon):
    """Bodies of callers who have no key."""
    megabyte = b"x" * (1 << 20)
    json_type = {"Content-Type": "application/json"}
    for path in ("/v1/search", "/v1/embeddings", "/v1/index"):
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 40000000\r\n\r\n"
        expect(f"40 MB to {path}, announced", daemon.raw(head.encode()).split(" ")[1], "401")
    expect("5 kB for the page's token", daemon.ask("POST", "/v1/session", megabyte[:5_000], json_type, key=False)[0], 413)
    expect("100 kB of folders", daemon.ask("POST", "/v1/index", megabyte[:100_000], json_type)[0], 413)


def crowd(daemon):
    """Bodies that together are more than the daemon takes, none of them finished; then one that only trickles."""
    head = ("POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {daemon.key}\r\nContent-Length: %d\r\n\r\n")
    size = 48 << 20
    before, held, answers = daemon.memory, [], []
    for _ in range(7):
        connection = socket.create_connection(("127.0.0.1", daemon.port), timeout=60)
        held.append(connection)
        try:
            connection.sendall((head % size).encode() + b" " * (size - 1))
        except OSError:  # refused while we still sent
            pass
    for connection in held:
        connection.settimeout(2)
        try:
            answers.append(connection.recv(4096).split(b" ")[1].decode())
        except OSError:
            answers.append("")
    print(f"        (answers to seven bodies of 48 MiB: {answers}, memory +{daemon.memory - before >> 20} MiB)")
    expect("bodies beyond what all may have", "503" in answers and answers.count("") >= 5, True)
    expect("a small search beside them", daemon.search({"text": "cat"})[0], 200)
    for connection in held:
        connection.close()
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=60) as connection:
        connection.sendall((head % 100).encode())
        connection.settimeout(1)
        answer, start = b"", time.monotonic()
        while not answer and time.monotonic() - start < 55:
            connection.sendall(b" ")
            try:
                answer = connection.recv(4096)
            except TimeoutError:
                pass
        expect("a body that trickles", answer.split(b" ")[1].decode() if answer else "nothing", "408")


def pictures(daemon):
    bomb = png(16_000, 12_000, bytes(16_001) * 12_000)
    for name, picture in (("a header of 100,000 x 100,000", png(100_000, 100_000)), ("a truncated picture", png(64, 64)),
                          ("no picture", b"hello")):
        expect(name + ", uploaded", daemon.ask("PUT", "/v1/uploads", picture, {"Content-Type": "image/png"})[0], 422)
        text = base64.b64encode(picture).decode()
        expect(name + ", in a query", daemon.search({"image": text})[0], 422)
    print(f"        ({len(bomb):,} bytes that unpack to 192 MB)")
    before = daemon.memory
    expect("a picture of 192 megapixels, within the limit",
           daemon.ask("PUT", "/v1/uploads", bomb, {"Content-Type": "image/png"})[0], 201, 422)
    expect("memory after it", "flat" if daemon.memory - before < 700 << 20 else f"+{daemon.memory - before}", "flat")


def access(daemon):
    for path in ("/v1/stats", "/v1/items/1", "/v1/items/1/original", "/metrics"):
        expect(f"{path} without a key", daemon.ask("GET", path, key=False)[0], 401)
    expect("a search without a key", daemon.ask("POST", "/v1/search", {"terms": [{"text": "x"}]}, key=False)[0], 401)
    expect("a wrong key", daemon.ask("GET", "/v1/stats", headers={"Authorization": "Bearer duet_x"})[0], 401)
    expect("a rebinding Host", daemon.ask("GET", "/v1/stats", headers={"Host": "evil.example"})[0], 421)
    expect("a foreign Origin", daemon.ask(
        "POST", "/v1/search", {"terms": [{"text": "x"}]}, {"Origin": "http://evil.example"})[0], 403)
    expect("a form", daemon.ask("POST", "/v1/index", b"a=b", {"Content-Type": "application/x-www-form-urlencoded"})[0], 415)
    expect("the command line's route over TCP", daemon.ask("POST", "/v1/command?directory=x", {})[0], 404)
    for item in ("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "-1", "9" * 30, "0x1", "1%00"):
        for tail in ("/thumbnail", "/original", ""):
            expect(f"item {item[:24]}{tail}", daemon.ask("GET", f"/v1/items/{item}{tail}")[0], 404)
    expect("an address as an item", daemon.ask("GET", "/v1/items/http%3A%2F%2F169.254.169.254%2F/original")[0], 404)
    expect("an address as a picture", daemon.search({"image": "http://169.254.169.254/"})[0], 422)
    for folder in ("/etc", "../../etc", "/", "a\0b"):
        expect(f"indexing {folder!r}", daemon.ask("POST", "/v1/index", {"folders": [folder]})[0], 422)
    expect("assets outside the page", daemon.ask("GET", "/assets/..%2f..%2fetc%2fpasswd")[0], 404)


def links(duet, pictures):
    """A file that becomes a link out of the root after it was indexed."""
    with tempfile.TemporaryDirectory() as folder:
        source = next(pictures.rglob("*.png"))
        shutil.copy(source, Path(folder) / "a.png")
        os.mkdir(Path(folder) / "inner")
        shutil.copy(source, Path(folder) / "inner/b.png")
        subprocess.run([duet, "index", "-q", "--model", "builtin", folder], check=True)
        with Daemon(duet, folder) as daemon:
            _, answer = daemon.search({"text": "x"}, cut="off")
            ids = {hit["relative"]: hit["id"] for hit in answer["hits"]}
            (Path(folder) / "a.png").unlink()
            (Path(folder) / "a.png").symlink_to("/etc/passwd")
            shutil.rmtree(Path(folder) / "inner")
            (Path(folder) / "inner").symlink_to("/etc")
            for name in ("a.png", "inner/b.png"):
                for tail in ("original", "thumbnail?size=512"):
                    expect(f"{name}, a link by now, {tail}", daemon.ask("GET", f"/v1/items/{ids[name]}/{tail}")[0], 403, 410)


def slow(daemon):
    """Two thousand callers that never finish their request."""
    held = []
    for _ in range(2_000):
        connection = socket.create_connection(("127.0.0.1", daemon.port), timeout=20)
        connection.sendall(b"GET /v1/stats HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        held.append(connection)
    start = time.monotonic()
    expect("a search beside 2,000 slow connections", daemon.search({"text": "cat"})[0], 200)
    print(f"        (answered in {1000 * (time.monotonic() - start):.0f} ms)")
    for connection in held:
        connection.close()


def sudden_death(duet, pictures):
    """kill -9 while serving and indexing; the library is sound, and the next daemon answers."""
    with tempfile.TemporaryDirectory() as folder:
        for number, picture in enumerate(sorted(pictures.rglob("*.png"))[:600]):
            shutil.copy(picture, Path(folder) / f"{number}.png")
        subprocess.run([duet, "index", "-q", "--model", "builtin", folder], check=True)
        daemon = Daemon(duet, folder).start()
        for wait in (0.05, 0.2, 0.5):
            expect("indexing is accepted", daemon.ask("POST", "/v1/index", {"rebuild": True})[0], 202)
            time.sleep(wait)
            daemon.stop(signal.SIGKILL)
            verified = daemon.run("verify", "--index", folder)
            expect(f"verify after kill -9, {wait} s into indexing", verified.returncode, 0)
            daemon.start()
            expect("the next daemon answers", daemon.search({"text": "cat"})[0], 200)
        expect("SIGTERM", daemon.stop(), 0)
        expect("sockets left behind", len(list(Path(daemon.folder.name).rglob("*.sock"))), 0)
        daemon.folder.cleanup()


def main():
    duet, library = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    with Daemon(duet, library) as daemon:
        for part in (access, strangers, bodies, crowd, pictures, slow):
            part(daemon)
            expect(f"alive after {part.__name__}", daemon.ask("GET", "/livez")[0], 200)
        roots = json.loads(daemon.ask("GET", "/v1/stats")[2])["libraries"][0]["roots"]
        expect("SIGTERM", daemon.stop(), 0)
    links(duet, Path(roots[0]))
    sudden_death(duet, Path(roots[0]))
    print(json.dumps({"failed": failures}))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
