"""Prints what Python's module `nftables` returns, without what tells versions and errors' words apart."""

import json

import nftables

nft = nftables.Nftables()


def plain(value):
    """Without what tells versions apart."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if key not in ("handle", "metainfo")}
    return [plain(one) for one in value] if isinstance(value, list) else value


def told(returned):
    status, output, error = returned
    try:
        output = plain(json.loads(output)) if isinstance(output, str) else plain(output)
    except ValueError:
        pass
    # of errors the words differ
    print(status, json.dumps(output), "refused" if error else "")


def cmd(text):
    """Runs a text."""
    print(">", text)
    told(nft.cmd(text))


def run(*commands):
    """Runs commands in JSON."""
    print(">", json.dumps(commands))
    told(nft.json_cmd({"nftables": list(commands)}))
