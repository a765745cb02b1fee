#!/usr/bin/env python3
"""Runs an example and checks how it ends and what it prints.

    expect.py [--status N] [--line PATTERN]... [--failed TEST]... [--set NAME=VALUE]...
      -- COMMAND ARGUMENT...

Each pattern (* stands for any text) must fit the start of a line of the standard output, in this
order. With --failed, exactly those tests of a GoogleTest program must fail.
"""

import argparse
import fnmatch
import os
import re
import subprocess
import sys
import tempfile


def problems(options, status, output):
    if status != options.status:
        yield f"it ended with status {status}, not {options.status}"
    lines = iter(output.splitlines())
    for pattern in options.line:
        if not any(fnmatch.fnmatchcase(line, pattern + "*") for line in lines):
            yield f"it prints no line like '{pattern}', or not in that place"
    failed = set(re.findall(r"^\[  FAILED  \] (\w+\.\w+)", output, re.MULTILINE))
    if failed != set(options.failed):
        yield f"these tests failed: {sorted(failed)}, not {sorted(options.failed)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--status", type=int, default=0)
    parser.add_argument("--line", action="append", default=[])
    parser.add_argument("--failed", action="append", default=[])
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()

    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CHANTRACE")}
    environment.update(one.split("=", 1) for one in options.set)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            options.command, cwd=folder, env=environment, text=True, timeout=50,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    found = list(problems(options, done.returncode, done.stdout))
    if found:
        print(done.stdout, done.stderr, *found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
