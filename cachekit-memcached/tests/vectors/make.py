"""Makes the vectors beside this file with pymemcache, whose placement they record.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install pymemcache==4.0.0
    /tmp/venv/bin/python make.py
"""

import json
import pathlib
import random

from pymemcache.client.base import normalize_server_spec
from pymemcache.client.murmur3 import murmur3_32
from pymemcache.client.rendezvous import RendezvousHash

HERE = pathlib.Path(__file__).parent
CHANCE = random.Random(20260101)

# Keys whose scores on the nodes 10.0.0.1:11211 and 10.0.0.10:11211 are equal.
TIES = ["c1710d94", "14a86bd91"]

# Keys on a point that the two nodes of a set of make_ketama.py share.
KETAMA_TIES = ["tie:507", "tie:508", "tie:807"]

ALPHABETS = [
    [chr(c) for c in range(0x21, 0x7F)],
    [chr(c) for c in range(0xA1, 0x100)],
    [chr(c) for c in range(0x4E00, 0x4E80)],
    [chr(c) for c in range(0x1F600, 0x1F640)],
]

SETS = {
    "one": ["10.0.0.1:11211"],
    "two": ["10.0.0.1:11211", "10.0.0.2:11211"],
    "three": ["10.0.0.1:11211", "10.0.0.2:11211", "10.0.0.3:11211"],
    "ten": [f"10.0.0.{n}:11211" for n in range(1, 11)],
    "tied": ["10.0.0.1:11211", "10.0.0.10:11211"],
    "tied-reversed": ["10.0.0.10:11211", "10.0.0.1:11211"],
    "hosts-without-port": ["mc1.example.com", "mc2.example.com", "mc3.example.com"],
    "ports": ["mc1:11211", "mc1:11212", "mc1:11213", "mc2:1", "mc2:65535"],
    "ipv6": ["[::1]:11211", "[::1]:11212", "[2001:db8::7]", "[2001:db8::8]:1"],
    "unix": ["unix:/run/memcached/a.sock", "unix:/run/memcached/b.sock", "unix:/tmp/c"],
    "mixed": ["mc1", "10.0.0.1:11212", "[::1]:11211", "unix:/run/memcached/a.sock"],
}


def keys():
    yield from (f"key:{n}" for n in range(60))
    yield from (f"app:users:profile:1b00:{CHANCE.getrandbits(64):016x}" for _ in range(40))
    for alphabet in ALPHABETS:
        for length in list(range(1, 10)) + [17, 33, 60]:
            yield "".join(CHANCE.choice(alphabet) for _ in range(length))
    yield from ("k" * length for length in (100, 249, 250))
    yield from TIES
    yield from KETAMA_TIES


def name(server):
    spec = normalize_server_spec(server)
    return "%s:%s" % spec if isinstance(spec, tuple) else spec


def order(names, key):
    ring = RendezvousHash(nodes=list(names))
    found = []
    while len(found) < len(names):
        node = ring.get_node(key)
        found.append(names.index(node))
        ring.remove_node(node)
    return found


def write(file, content):
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    (HERE / file).write_text(text + "\n")


def main():
    all_keys = list(dict.fromkeys(keys()))
    sets = {}
    for title, servers in SETS.items():
        names = [name(server) for server in servers]
        orders = [order(names, key) for key in all_keys]
        sets[title] = {
            "servers": [{"address": server, "weight": 1} for server in servers],
            "node_names": names,
            "winner": [found[0] for found in orders],
            "order": orders,
        }
    write("keys.json", {"keys": all_keys})
    write("rendezvous.json", {"algorithm": "pymemcache-rendezvous", "keys_file": "keys.json", "sets": sets})
    cases = [
        {"s": key, "seed": seed, "hash": murmur3_32(key, seed)}
        for key in all_keys[::3]
        for seed in (0, 1, 0x9747B28C, 0xFFFFFFFF)
    ]
    write("murmur3_32.json", {"cases": cases})


main()
