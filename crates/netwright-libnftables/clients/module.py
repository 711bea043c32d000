"""Prints what Python's module `nftables` returns for commands of every kind: the same with each libnftables."""

import tempfile

from said import cmd, nft, run, told

TABLE = {"family": "inet", "name": "p"}
IN_TABLE = {"family": "inet", "table": "p"}

OPTIONS = [
    "reversedns", "service", "stateless", "handle", "json", "echo", "guid", "numeric_proto", "numeric_prio", "numeric_symbol",
    "numeric_time", "terse",
]
for option in OPTIONS:
    before, change = getattr(nft, f"get_{option}_output"), getattr(nft, f"set_{option}_output")
    values = [before()]
    for value in (True, False):
        values += [change(value), before()]
    print(option, values)
print(nft.set_debug("netlink"), nft.get_debug(), nft.set_debug(0), nft.get_debug())

for line in (
    "add table inet p",
    "add chain inet p c { type filter hook input priority 0; policy accept; }",
    "add rule inet p c tcp dport { 22, 80-90 } counter packets 1 bytes 2 accept",
    "add set inet p s { type ipv4_addr . inet_service; flags interval; }",
    "add element inet p s { 10.0.0.0/8 . 80, 192.0.2.1 . 1-5 }",
    "add map inet p m { type mark : verdict; elements = { 1 : accept, 2 : jump d }; }",
    "add chain inet p d; add map inet p m { type mark : verdict; elements = { 1 : accept, 2 : jump d }; }",
    "add rule inet p c ip6 saddr 2001:db8::/32 log prefix \"six \" drop",
    "list ruleset",
    "list chain inet p nope",
    "add rule inet p c tcp dport nope",
    "",
):
    cmd(line)
nft.set_json_output(True)
for line in ("list ruleset", "list sets", "list chains", "list tables"):
    cmd(line)
nft.set_json_output(False)
cmd("get element inet p s { 10.1.2.3 . 80 }")

for family in ("ip", "ip6"):
    address = {"ip": "192.0.2.0", "ip6": "2001:db8::"}[family]
    length = {"ip": 24, "ip6": 64}[family]
    match = {
        "op": "==",
        "left": {"payload": {"protocol": family, "field": "saddr"}},
        "right": {"prefix": {"addr": address, "len": length}},
    }
    run(
        {"add": {"table": {"family": family, "name": "j"}}},
        {"add": {"chain": {"family": family, "table": "j", "name": "c"}}},
        {"add": {"rule": {"family": family, "table": "j", "chain": "c", "expr": [{"match": match}, {"drop": None}]}}},
        {"insert": {"rule": {"family": family, "table": "j", "chain": "c", "expr": [{"counter": None}]}}},
    )
run({"list": {"ruleset": None}})
run({"delete": {"chain": {**IN_TABLE, "name": "nope"}}})
run({"add": {"rule": {**IN_TABLE, "chain": "c", "expr": [{"nope": None}]}}})

nft.set_echo_output(True)
nft.set_handle_output(True)
run({"add": {"rule": {**IN_TABLE, "chain": "d", "expr": [{"accept": None}]}}})
nft.set_echo_output(False)
nft.set_handle_output(False)

for dry in (True, False):
    print("dry", nft.set_dry_run(dry), nft.get_dry_run())
    cmd("add table ip dry")
    cmd("list tables")
with tempfile.TemporaryDirectory() as folder:
    for name, text in (("one.nft", 'include "two.nft"\nadd rule ip dry two tcp dport $port accept'), ("two.nft", "add chain ip dry two\n")):
        with open(f"{folder}/{name}", "w") as file:
            file.write(text)
    print("path", nft.add_include_path(folder), "variable", nft.add_var("port=22"))
    told(nft.cmd_from_file(f"{folder}/one.nft"))
    told(nft.cmd_from_file(f"{folder}/nope.nft"))
    # C's library frees what it has freed where it ends after `clear_vars`
    nft.clear_include_paths()
    cmd('include "two.nft"')
cmd("list table ip dry")
cmd("flush ruleset")
cmd("list ruleset")
