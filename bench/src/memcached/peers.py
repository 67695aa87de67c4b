"""One cell of `cargo xtask bench memcached`, with a client of Python: one caller.

Prints the figures of the cell as JSON, under the names that cell.rs gives them.
"""

import glob
import json
import os
import random
import sys
import time

import pylibmc
import pymemcache

MANY = 100
TICKS = os.sysconf("SC_CLK_TCK")


def client(who, servers):
    if who == "Pylibmc":
        behaviors = {"tcp_nodelay": True, "ketama": True}
        return pylibmc.Client(servers, behaviors=behaviors)
    if len(servers) == 1:
        return pymemcache.Client(servers[0], no_delay=True, timeout=1)
    return pymemcache.HashClient(servers, no_delay=True, timeout=1)


def calls(client, load):
    """A function that makes one call and says how many bytes came."""
    size = load["size"]
    keys = [f"{size:07}:{n:022}" for n in range(10_000)]
    if load["operation"] == "Get":
        return lambda: len(client.get(random.choice(keys))), size
    many = client.get_multi if hasattr(client, "get_multi") else client.get_many

    def get_many():
        first = random.randrange(len(keys) - MANY)
        return sum(map(len, many(keys[first : first + MANY]).values()))

    return get_many, MANY * size


def server_seconds(processes):
    nanoseconds = 0
    for process in processes:
        for schedule in glob.glob(f"/proc/{process}/task/*/schedstat"):
            with open(schedule) as file:
                nanoseconds += int(file.read().split()[0])
    return nanoseconds / 1e9


def everybody_seconds():
    with open("/proc/stat") as file:
        ticks = file.readline().split()[1:]
    return sum(int(ticks[field]) for field in (0, 1, 2, 7)) / TICKS


def usage(processes):
    return time.process_time(), server_seconds(processes), everybody_seconds()


def until(end, call, expected):
    """The time of each call, in microseconds."""
    times = []
    before = time.perf_counter()
    while before < end:
        length = call()
        after = time.perf_counter()
        if length != expected:
            sys.exit(f"{length} bytes instead of {expected}")
        times.append((after - before) * 1e6)
        before = after
    return times


def figures(cell):
    call, expected = calls(client(cell["who"], cell["servers"]), cell["work"]["Load"])
    until(time.perf_counter() + cell["warm_up"], call, expected)
    before, began = usage(cell["processes"]), time.perf_counter()
    times = sorted(until(began + cell["measured"], call, expected))
    elapsed = time.perf_counter() - began
    spent = [end - start for start, end in zip(before, usage(cell["processes"]))]
    return {
        "calls/s": len(times) / elapsed,
        "p50 µs": times[len(times) // 2],
        "p99 µs": times[len(times) * 99 // 100],
        "client µs": spent[0] * 1e6 / len(times),
        "server µs": spent[1] * 1e6 / len(times),
        "foreign": max(0, spent[2] - spent[0] - spent[1]) / elapsed,
    }


if sys.argv[1] == "versions":
    print(f"pymemcache {pymemcache.__version__}, pylibmc {pylibmc.__version__}")
else:
    cell = json.loads(sys.argv[1])
    if cell["place"] == "Pinned":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(json.dumps(figures(cell)))
