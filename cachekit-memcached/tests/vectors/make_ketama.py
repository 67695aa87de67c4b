"""Makes ketama.json beside this file with libmemcached, whose placement it records, for the keys
that make.py has made.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install pylibmc==1.6.3
    /tmp/venv/bin/python make_ketama.py

The library is the one that comes with pylibmc, called as C.
"""

import ctypes
import json
import pathlib

import _pylibmc

HERE = pathlib.Path(__file__).parent
LIBRARY = next(pathlib.Path(_pylibmc.__file__).parent.glob("pylibmc.libs/libmemcached-*"))
KETAMA_WEIGHTED = 16  # of memcached_behavior_t

# Two nodes with a point at the same place. Some keys of make.py belong to it.
TIED = ["10.1.0.138:11211", "10.1.2.63:11211"]

SETS = {
    "one": [("10.0.0.1:11211", 1)],
    "two": [("10.0.0.1:11211", 1), ("10.0.0.2:11211", 1)],
    "ten": [(f"10.0.0.{n}:11211", 1) for n in range(1, 11)],
    "tied": [(server, 1) for server in TIED],
    "tied-reversed": [(server, 1) for server in reversed(TIED)],
    "ports": [("mc1:11211", 1), ("mc1:11212", 1), ("mc1:11213", 1), ("mc2:1", 1), ("mc2:65535", 1)],
    "ipv6": [("[::1]:11211", 1), ("[::1]:11212", 1), ("[2001:db8::7]:11211", 1)],
    "unix": [("unix:/run/memcached/a.sock", 1), ("unix:/run/memcached/b.sock", 1), ("unix:/tmp/c", 2)],
    "mixed": [("mc1:11211", 1), ("10.0.0.1:11212", 2), ("[::1]:11211", 1), ("unix:/tmp/c", 1)],
    "weights-1-2": [("10.0.0.1:11211", 1), ("10.0.0.2:11211", 2)],
    "weights-far-apart": [("mc1:11211", 1000), ("mc2:11211", 1), ("mc3:11211", 10), ("mc4:11211", 100)],
    "weights-in-megabytes": [(f"mc{n}:11211", 512 * n + 1) for n in range(1, 8)],
    "shares-that-do-not-come-out-even": [(f"mc{n}:11213", 1) for n in range(1, 26)],
}

lib = ctypes.CDLL(str(LIBRARY))
lib.memcached_create.restype = ctypes.c_void_p
lib.memcached_create.argtypes = [ctypes.c_void_p]
lib.memcached_free.argtypes = [ctypes.c_void_p]
lib.memcached_behavior_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64]
lib.memcached_server_add_with_weight.argtypes = [
    ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint16, ctypes.c_uint32]
lib.memcached_server_add_unix_socket_with_weight.argtypes = [
    ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32]
lib.memcached_generate_hash.restype = ctypes.c_uint32
lib.memcached_generate_hash.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]

rings = {}


def host_and_port(address):
    host, port = address.rsplit(":", 1)
    return host.strip("[]"), int(port)


def name(address):
    if address.startswith("unix:"):
        return address.removeprefix("unix:") + ":0"
    host, port = host_and_port(address)
    return host if port == 11211 else f"{host}:{port}"


def ring(servers):
    """A handle with these servers, made once."""
    if servers not in rings:
        handle = lib.memcached_create(None)
        assert lib.memcached_behavior_set(handle, KETAMA_WEIGHTED, 1) == 0
        for address, weight in servers:
            if address.startswith("unix:"):
                path = address.removeprefix("unix:").encode()
                outcome = lib.memcached_server_add_unix_socket_with_weight(handle, path, weight)
            else:
                host, port = host_and_port(address)
                outcome = lib.memcached_server_add_with_weight(handle, host.encode(), port, weight)
            assert outcome == 0, outcome
        rings[servers] = handle
    return rings[servers]


def order(servers, key, most):
    """The owner, then the owner in a ring without it, and so on."""
    left = list(servers)
    found = []
    while left and len(found) < most:
        owner = left[lib.memcached_generate_hash(ring(tuple(left)), key, len(key))]
        found.append(servers.index(owner))
        left.remove(owner)
    return found


def main():
    keys = json.loads((HERE / "keys.json").read_text())["keys"]
    sets = {}
    for title, servers in SETS.items():
        most = len(servers) if len(servers) <= 5 else 3
        orders = [order(servers, key.encode(), most) for key in keys]
        sets[title] = {
            "servers": [{"address": address, "weight": weight} for address, weight in servers],
            "node_names": [name(address) for address, _ in servers],
            "winner": [found[0] for found in orders],
            "order": orders,
        }
        for handle in rings.values():
            lib.memcached_free(handle)
        rings.clear()
    content = {
        "algorithm": "libmemcached-ketama-weighted",
        "keys_file": "keys.json",
        "sets": sets,
    }
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    (HERE / "ketama.json").write_text(text + "\n")


main()
