"""One cell of `cargo xtask bench file`, with diskcache: one process.

Prints the figures of the cell as JSON, under the names that load.rs and cell.rs give them.
"""

import itertools
import json
import os
import random
import sys
import time

import diskcache

READS = 10_000
NEVER = 1 << 60
TTL = 3_600


def opened(cell):
    return diskcache.Cache(cell["directory"], size_limit=cell["caps"]["bytes"])


def key_of(number):
    return f"user:profile:{number:017}"


def stamp(number):
    return number.to_bytes(8, "little")


class Values:
    def __init__(self, size):
        self.filling = os.urandom(size - 16)

    def next(self, number):
        return stamp(number) + os.urandom(8) + self.filling


def say(line):
    print(line, flush=True)


def ready():
    say("ready")
    if sys.stdin.readline().strip() != "go":
        sys.exit("told something else than to go")


def calls_of(load, size):
    operation, keys, values = load["operation"], load["keys"], Values(size)
    if operation == "Get":
        numbers = [random.randrange(keys["start"], keys["end"]) for _ in range(READS)]
    elif operation == "Miss":
        numbers = [NEVER + random.randrange(NEVER) for _ in range(READS)]
    elif operation == "Overwrite":
        numbers = [random.randrange(keys["start"], keys["end"]) for _ in range(load["writes"])]
    else:
        numbers = range(keys["start"], keys["start"] + load["writes"])
    writes = operation in ("Overwrite", "New")
    return [(key_of(n), n, values.next(n) if writes else None) for n in numbers]


def loaded(cell, load):
    cache, size = opened(cell), cell["size"]
    calls = calls_of(load, size)
    absent = load["operation"] == "Miss"
    for key, _, _ in calls[: len(calls) // 10]:
        cache.get(key)
    ready()
    times = []
    processor = time.process_time()
    began = before = time.perf_counter()
    end = began + load["seconds"]
    again = itertools.repeat(calls, 1) if calls[0][2] else itertools.repeat(calls)
    for key, number, value in itertools.chain.from_iterable(again):
        if value is not None:
            cache.set(key, value, expire=TTL)
        else:
            found = cache.get(key)
            if (found is None) != absent:
                sys.exit("a miss" if found is None else "a value that nobody has put")
            if found and (len(found) != size or found[:8] != stamp(number)):
                sys.exit(f"{len(found)} bytes that are not the value of {key}")
        after = time.perf_counter()
        times.append(after - before)
        before = after
        if after >= end:
            break
    processor = time.process_time() - processor
    times.sort()
    return {
        "calls": len(times),
        "seconds": before - began,
        "processor seconds": processor,
        "misses": 0,
        "p50 µs": times[len(times) // 2] * 1e6,
        "p99 µs": times[len(times) * 99 // 100] * 1e6,
    }


def filled(cell, first, count):
    cache, values = opened(cell), Values(cell["size"])
    ready()
    for number in range(first, first + count):
        cache.set(key_of(number), values.next(number), expire=TTL)
    cache.close()
    return {}


def first_calls(cell):
    value = Values(cell["size"]).next(0)
    ready()
    began = time.perf_counter()
    cache = opened(cell)
    if cache.get(key_of(0)) is None:
        sys.exit("the first key is not there")
    read = time.perf_counter()
    cache.set(key_of(0), value, expire=TTL)
    written = time.perf_counter()
    return {"first get ms": (read - began) * 1e3, "first put ms": (written - read) * 1e3}


def cleared(cell):
    cache = opened(cell)
    ready()
    began = time.perf_counter()
    cache.clear()
    return {"clear ms": (time.perf_counter() - began) * 1e3}


def figures(cell):
    work = cell["work"]
    if work == "Open":
        return first_calls(cell)
    if work == "Clear":
        return cleared(cell)
    if "Fill" in work:
        return filled(cell, **work["Fill"])
    return loaded(cell, work["Load"])


if sys.argv[1] == "versions":
    print(f"diskcache {diskcache.__version__}")
else:
    say(json.dumps(figures(json.loads(sys.argv[1]))))
