"""Writes or reads items with a client of Python, as an application of ours would.

    python clients.py pymemcache|pylibmc write|read FILE SERVER...

FILE holds the items as JSON: [key, type, value], where the type is that of Python and bytes are
written as text. A read fails for the first item that is not what FILE says.
"""

import json
import sys


def pymemcache_client(servers):
    from pymemcache import serde
    from pymemcache.client.hash import HashClient

    return HashClient(
        servers, serde=serde.PickleSerde(), encoding="utf-8", allow_unicode_keys=True
    )


def pylibmc_client(servers):
    import pylibmc

    return pylibmc.Client(servers, behaviors={"ketama_weighted": True})


def item(kind, value):
    return {"str": str, "bytes": str.encode, "int": int}[kind](value)


def main():
    library, action, file, *servers = sys.argv[1:]
    client = {"pymemcache": pymemcache_client, "pylibmc": pylibmc_client}[library](servers)
    with open(file, encoding="utf-8") as lines:
        items = json.load(lines)
    for key, kind, value in items:
        expected = item(kind, value)
        if action == "write":
            assert client.set(key, expected), key
        else:
            found = client.get(key)
            assert (type(found), found) == (type(expected), expected), (key, found)
    print(len(items))


main()
