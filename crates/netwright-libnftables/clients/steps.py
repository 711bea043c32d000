"""Runs each line of a file as arguments of firewall-cmd, and keeps the ruleset that each leaves.

What firewall-cmd imports is imported once: each step is a process that has it already.

usage: steps.py FIREWALL-CMD STEPS NFT FOLDER
"""

import os
import runpy
import shlex
import subprocess
import sys
import traceback

import dbus  # noqa: F401
import firewall.client  # noqa: F401

command, steps, nft, folder = sys.argv[1:]


def run(line, out):
    """The exit status of firewall-cmd."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
        sys.argv = [command, *shlex.split(line)]
        runpy.run_path(command, run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def keep(number):
    with open(f"{folder}/{number:03}.json", "wb") as file:
        subprocess.run([nft, "-j", "list", "ruleset"], stdout=file, check=True)


keep(0)
with open(steps) as lines, open(f"{folder}/steps", "w") as told:
    for number, line in enumerate(lines, 1):
        with open(f"{folder}/said", "w+") as out:
            status = run(line, out)
            out.seek(0)
            said = " ".join(out.read().split()).replace(": ", " ")[:100]
        told.write(f"{number} {line.strip()}: {status}: {said}\n")
        keep(number)
