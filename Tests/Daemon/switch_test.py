#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A library is indexed anew while 32 clients ask: no request fails, and all answers of one generation are the same.

usage: switch_test.py DUET LIBRARY
"""
import json
import sys
import threading
import time

from daemon import Daemon

QUERIES = ["cat", "red heart", "a firefighter", "flag of japan"]


def main():
    failed, answers, lock, stop = [], {}, threading.Lock(), threading.Event()
    asked = 0

    def client(number):
        nonlocal asked
        latest = 0
        while not stop.is_set():
            query = QUERIES[number % len(QUERIES)]
            status, answer = daemon.search({"text": query}, limit=20)
            with lock:
                asked += 1
                if status not in (200, 429):
                    failed.append((status, answer))
                    continue
                if status == 429:
                    continue
                generation = answer["summary"]["generation"]
                hits = json.dumps([(hit["id"], hit["fused"]) for hit in answer["hits"]])
                if answers.setdefault((generation, query), hits) != hits:
                    failed.append((generation, query, "two answers"))
                if generation < latest:
                    failed.append((generation, latest, "back in time"))
                latest = max(latest, generation)

    with Daemon(sys.argv[1], sys.argv[2]) as daemon:
        clients = [threading.Thread(target=client, args=(number,)) for number in range(32)]
        for thread in clients:
            thread.start()
        time.sleep(2)
        status, _, body = daemon.ask("POST", "/v1/index", {"rebuild": True})
        job = json.loads(body)
        assert status == 202, body
        while job["state"] == "running":
            time.sleep(0.3)
            job = json.loads(daemon.ask("GET", f"/v1/jobs/{job['id']}")[2])
        time.sleep(2)
        stop.set()
        for thread in clients:
            thread.join()
    generations = {generation for generation, _ in answers}
    print(f"{asked} requests, {len(generations)} generations, {len(failed)} failures; the job: {job['state']}, "
          f"{(job['summary'] or {}).get('indexed')} indexed")
    if failed or job["state"] != "done" or len(generations) < 3:
        sys.exit(f"FAILED {failed[:3]}")


if __name__ == "__main__":
    main()
