#!/usr/bin/env python3
"""A fuzzing engine finds the bug of a faulty program from an empty corpus, and none in its twin.

What it finds is found again by the program without an engine, and so is its corpus. The bounds are
numbers of executions, a hundred times what the bugs take.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

RUNS_FAULTY = 300_000
RUNS_FIXED = 20_000


class Failure(Exception):
    pass


def expect(condition, what, run=None):
    if not condition:
        raise Failure(what + (f"\n{run.args}: status {run.returncode}\n{run.stdout}" if run else ""))


def run(*command, **environment):
    """Both of its streams are in `stdout`."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("CHANTRACE", "AFL_", "GTEST_"))}
    return subprocess.run(
        [str(part) for part in command], env=kept | environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)


def finding_of(output):
    """The first finding: the line behind the one that names the target."""
    match = re.search(r"^chantrace: Bugs\.Program failed\n(.*)", output, re.MULTILINE)
    return match.group(1) if match else None


def expect_replay(program, inputs, fails):
    """Returns the finding."""
    replay = run(program, *inputs)
    expect(replay.returncode == (1 if fails else 0), "without an engine it ended otherwise", replay)
    if fails:
        expect(f"FAILED {inputs[0]}: " in replay.stdout, "the input that fails is not named", replay)
    return finding_of(replay.stdout)


def files_in(folder):
    return sorted(path for path in folder.glob("*") if path.is_file())


def made(folder):
    folder.mkdir(parents=True)
    return folder


def check_libfuzzer(options):
    corpus = made(options.folder / "corpus")
    crashes = made(options.folder / "crashes")
    search = run(options.faulty, "-fork=2", "-seed=1", f"-runs={RUNS_FAULTY}",
                 f"-artifact_prefix={crashes}/", corpus)
    expect(search.returncode != 0 and files_in(crashes), "libFuzzer found nothing", search)
    crash = files_in(crashes)[0]

    again = run(options.faulty, crash)
    expect(again.returncode != 0, "the crash did not come again", again)
    found = finding_of(again.stdout)
    expect(found is not None, "the finding is not told", again)
    replayed = expect_replay(options.replay_faulty, [crash], fails=True)
    expect(replayed == found, f"without an engine it is another finding:\n{replayed}\n{found}")

    twin_corpus = made(options.folder / "twin_corpus")
    twin = run(options.fixed, "-seed=1", f"-runs={RUNS_FIXED}", twin_corpus)
    expect(twin.returncode == 0, "the correct twin was reported", twin)
    expect("Extra Counters" in twin.stdout, "switches do not count", twin)
    expect("found LLVMFuzzerCustomMutator" in twin.stdout, "the mutator is not used", twin)

    merged = made(options.folder / "merged")
    merge = run(options.fixed, "-merge=1", merged, twin_corpus)
    before, after = len(files_in(twin_corpus)), len(files_in(merged))
    expect(merge.returncode == 0 and 1 < after <= before, f"{before} inputs became {after}", merge)
    expect_replay(options.replay_fixed, [merged, crash], fails=False)
    print(f"libFuzzer: {found.strip()}; the twin's {before} inputs were merged into {after}")


AFL = {
    "AFL_NO_UI": "1", "AFL_NO_AFFINITY": "1", "AFL_SKIP_CPUFREQ": "1",
    "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1"}


def run_afl(options, program, name, runs, **environment):
    """Returns the folder with what it found."""
    # There has to be an input with a byte.
    seeds = made(options.folder / f"{name}_seeds")
    (seeds / "seed").write_bytes(b"x")
    out = options.folder / name
    # A limit for an execution would depend on what else the machine does.
    search = run("afl-fuzz", "-s", "1", "-t", "10000", "-E", runs, "-i", seeds, "-o", out, "--",
                 program, **AFL, **environment)
    expect((out / "default/fuzzer_stats").exists(), "AFL++ did not run", search)
    return out / "default"


def check_afl(options):
    out = run_afl(options, options.faulty, "faulty", RUNS_FAULTY, AFL_BENCH_UNTIL_CRASH="1")
    crashes = sorted((out / "crashes").glob("id*"))
    expect(crashes, "AFL++ found nothing")
    found = expect_replay(options.replay_faulty, crashes, fails=True)
    expect(found is not None, "the finding is not told")
    queue = sorted((out / "queue").glob("id*"))
    expect(len(queue) > 1, "switches do not count")
    expect_replay(options.replay_faulty, queue, fails=False)

    twin = run_afl(options, options.fixed, "fixed", RUNS_FIXED)
    expect(not list((twin / "crashes").glob("id*")), "the correct twin was reported")
    expect_replay(options.replay_fixed, crashes, fails=False)
    print(f"AFL++: {found.strip()}; {len(queue)} inputs in the queue")


def check_none(options):
    """The program without an engine: what it does with its arguments."""
    program = options.replay_faulty
    corpus = made(options.folder / "corpus")
    (corpus / "good").write_bytes(b"")
    replay = run(program, corpus)
    expect(replay.returncode == 0 and "1 input, 0 failed" in replay.stdout, "not replayed", replay)

    usage = run(program, "--help")
    expect(usage.returncode == 0 and "--encode=TOKEN" in usage.stdout, "no help", usage)
    for arguments in [], ["-runs=1"], ["--schedule=nonsense"], [corpus, corpus / "none"], ["--token"]:
        refusal = run(program, *arguments)
        expect(refusal.returncode == 2 and "chantrace: " in refusal.stdout, "not refused", refusal)

    # Some input of two bytes shows each of the bugs, and its schedule is an input again.
    candidates = made(options.folder / "candidates")
    for number in range(1 << 14):
        (candidates / f"{number:04x}").write_bytes(number.to_bytes(2, "little"))
    search = run(program, candidates)
    failing = re.search("^FAILED (.*?): ", search.stdout, re.MULTILINE)
    expect(search.returncode == 1 and failing, "no input of two bytes fails", search)
    bad = pathlib.Path(failing.group(1))
    found = expect_replay(program, [bad, corpus / "good"], fails=True)
    token = run(program, "--token", bad).stdout.strip()
    by_schedule = run(program, f"--schedule={token}")
    expect(by_schedule.returncode == 1 and finding_of(by_schedule.stdout) == found,
           "the schedule of an input does something else", by_schedule)
    encoded = corpus / "encoded"
    with encoded.open("wb") as file:
        subprocess.run([program, f"--encode={token}"], stdout=file, check=True)
    expect(run(program, "--token", encoded).stdout.strip() == token, "the input of a schedule")
    print(f"without an engine: {found.strip()}, by {bad.read_bytes().hex()} and {token}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=["none", "libfuzzer", "afl"])
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    for program in "faulty", "fixed", "replay-faulty", "replay-fixed":
        parser.add_argument(f"--{program}", required=True)
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    try:
        {"none": check_none, "libfuzzer": check_libfuzzer, "afl": check_afl}[options.engine](options)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
