"""Compares the rulesets that the steps left with one library and with another.

usage: same.py THEIRS OURS
"""

import json
import pathlib
import sys

# as many as must have been carried out
ENOUGH = 90
PASSING = ("handle", "expires")


def things(path):
    def plain(value):
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items() if key not in PASSING}
        return [plain(one) for one in value] if isinstance(value, list) else value

    listed = json.loads(path.read_text())["nftables"]
    return [json.dumps(plain(one)) for one in listed if "metainfo" not in one]


def status(told):
    return told.rsplit(": ", 2)[1]


theirs, ours = map(pathlib.Path, sys.argv[1:])
files = sorted(theirs.glob("*.json"))
rulesets = [things(file) for file in files]
differ = [file.name for file, ruleset in zip(files, rulesets) if ruleset != things(ours / file.name)]
told = [(folder / "steps").read_text().splitlines() for folder in (theirs, ours)]
differ += [f"{one}\n{other}" for one, other in zip(*told) if status(one) != status(other)]
done = sum(status(one) == "0" for one in told[0])
changes = sum(one != behind for one, behind in zip(rulesets, rulesets[1:]))
print(f"{len(files)} rulesets after {len(told[0])} steps: {done} were done, {changes} changed it, {len(differ)} differ")
print(*differ, sep="\n")
sys.exit(bool(differ) or done < ENOUGH)
