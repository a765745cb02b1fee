#!/usr/bin/env python3
"""Checks what no compiler checks: which part includes which, and that every source is built.

Fails when an #include goes against an arrow of docs/architecture.md, when a source is named in no
CMakeLists.txt, or when a link in a document leads nowhere. Lists, without failing, the files that have outgrown the sizes of docs/style.md.

    tests/tidy.py FOLDER      checks the checkout at FOLDER
    tests/tidy.py --self-test checks this script
"""

import pathlib
import re
import sys
import tempfile

# Folders whose files may be included by a part, its own among them; the first that fits a file
# names its part. Headers of core/include belong to the part that implements them.
PARTS = {
    "schemas": {"schemas"},
    "core/src/trace": {"schemas", "core/src/trace"},
    "core/src/analysis": {"core/src/trace", "core/src/analysis"},
    "core/src/notouch": {"core/src/trace", "core/src/notouch"},
    "core/src/runtime": {"core/src/trace", "core/src/notouch", "core/src/runtime"},
    "core/src/explore": {
        "core/src/trace", "core/src/notouch", "core/src/runtime", "core/src/explore"},
    "core/include": {"core/include"},
    # Shows the process that it runs in, where all else knows traces alone.
    "view/live": {"core/src/trace", "core/src/notouch", "core/src/runtime", "view", "view/live"},
    "view": {"core/src/trace", "core/src/analysis", "view"},
    "replay": {"core/src/trace", "core/src/analysis", "view", "replay"},
    "gtest_plugin": {
        "core/src/trace", "core/src/analysis", "core/src/notouch", "core/src/runtime",
        "core/src/explore", "gtest_plugin"},
    "fuzz": {
        "core/src/trace", "core/src/analysis", "core/src/notouch", "core/src/runtime",
        "core/src/explore", "fuzz"},
}

# Public headers that are below the runtime: what a trace is, and what can be said of it. The runtime
# shares these values, and asks the analysis only by the functions declared beside them. All other
# headers belong to the runtime.
TRACE_HEADERS = {
    "end_state.h", "event.h", "explanation.h", "finding.h", "location.h", "result.h",
    "schedule.h", "trace.h",
    "detail/assert.h", "detail/chunk.h", "detail/event_log.h", "detail/place.h",
    "detail/printable.h",
    "detail/spool.h", "detail/trace_window.h"}

# Libraries, by how their headers are spelled, and the folders that may include them.
LIBRARIES = {
    r"(capnp|kj)/": ["core/src/trace", "schemas", "tests"],
    r"(gtest|gmock)/": ["gtest_plugin", "tests", "examples"],
    r"rapidcheck": ["gtest_plugin", "tests", "examples"],
    r"(clang|llvm)/": ["adopt"],
    r"zstd\.h": ["core/src/trace", "tests"],
    r"CLI/": ["replay", "tests", "bench"],
    r"(nlohmann|fmt)/": ["replay", "view", "gtest_plugin", "tests", "bench"],
    r"protozero/": ["replay"],
    r"benchmark/": ["bench"],
    r"(elfutils/|dwarf\.h)": ["core/src/notouch", "gtest_plugin"],
    r"boost/context/": ["core/src/runtime", "bench"],
    r"(n?curses\.h|term\.h|boost/beast)": ["view"],
}

LINES_MAX = {".h": 250, ".cpp": 500, ".py": 500}
FOLDERS = ["schemas", "core", "gtest_plugin", "fuzz", "replay", "view", "adopt", "examples", "tests", "bench"]
LINK = re.compile(r"\]\(([^)#:]+)(#[^)]*)?\)")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def is_below(path, folder):
    return path == folder or path.startswith(folder + "/")


def part_of(path):
    """The part that a file belongs to; None for those that stand above all parts."""
    return next((part for part in PARTS if is_below(path, part)), None)


# Public headers of the no-touch probe, which knows nothing of the runtime.
NO_TOUCH_HEADERS = {"no_touch.h"}

# Public headers that stand above the runtime.
EXPLORE_HEADERS = {"chantrace.h", "explore.h", "detail/byte_runs.h", "detail/explore_body.h"}


def public_header_part(header):
    if header in EXPLORE_HEADERS:
        return "core/src/explore"
    if header in NO_TOUCH_HEADERS:
        return "core/src/notouch"
    return "core/src/trace" if header in TRACE_HEADERS else "core/src/runtime"


def target_part(root, path, include):
    """The part that `include`, written in `path`, leads to; None when it leaves the checkout."""
    if include.startswith("chantrace/"):
        header = include.removeprefix("chantrace/")
        for part in ("gtest_plugin", "fuzz"):
            if (root / part / "include" / include).exists():
                return part
        return public_header_part(header)
    if include.endswith(".capnp.h"):
        return "schemas"
    folder = pathlib.PurePosixPath(path).parent
    candidates = [folder / include] + [pathlib.PurePosixPath(part) / include for part in PARTS]
    found = next((str(one) for one in candidates if (root / one).exists()), None)
    return part_of(found) if found else None


def include_problem(root, path, include):
    """What is wrong with an #include, in words; None when nothing is."""
    for spelling, folders in LIBRARIES.items():
        if re.match(spelling, include) and not any(is_below(path, one) for one in folders):
            return f"only {', '.join(folders)} may include {include}"
    if is_below(path, "examples") and not re.match(r"(chantrace/(?!detail/))|[^/]*$|gtest/", include):
        return f"examples use the public API alone, not {include}"

    part = part_of(path)
    if part is None:
        return None
    if part == "core/include":
        header = path.removeprefix("core/include/chantrace/")
        part = public_header_part(header)
    target = target_part(root, path, include)
    if target is None or target in PARTS[part]:
        return None
    return f"{part} must not use {target}, as {include} does"


def sources(root):
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in LINES_MAX and file.is_file():
                yield file.relative_to(root).as_posix()


def named_in_cmake(root):
    """Every path that some CMakeLists.txt names, relative to the checkout."""
    paths = set()
    for folder in FOLDERS:
        for file in (root / folder).rglob("CMakeLists.txt"):
            text = re.sub(r"#.*", "", file.read_text())
            # An example's name stands for its source.
            words = set(re.findall(r"[\w./+-]+", text))
            for word in words | {word + ".cpp" for word in words}:
                path = (file.parent / word).resolve()
                if path.is_relative_to(root):
                    paths.add(path.relative_to(root).as_posix())
    return paths


def broken_links(root):
    documents = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    for file in sorted(documents):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            for match in LINK.finditer(line):
                if not (file.parent / match.group(1)).exists():
                    yield f"{file.relative_to(root)}:{number}: no such file: {match.group(1)}"


def check(root):
    """Returns (errors, remarks), a line each."""
    root = root.resolve()
    errors, remarks = list(broken_links(root)), []
    named = named_in_cmake(root)
    for path in sources(root):
        lines = (root / path).read_text(errors="replace").splitlines()
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            problem = match and include_problem(root, path, match.group(1))
            if problem:
                errors.append(f"{path}:{number}: {problem}")
        # A public header that is not named is not installed.
        if (path.endswith(".cpp") or "/include/" in path) and path not in named:
            errors.append(f"{path}: named in no CMakeLists.txt")
        limit = LINES_MAX[pathlib.PurePosixPath(path).suffix]
        if len(lines) > limit:
            remarks.append(f"{path}: {len(lines)} lines; is there a second subject in it? ({limit})")
    return errors, remarks


# A checkout in small: what is in it, and whether it is an error.
SELF_TEST = [
    ("core/src/trace/reader.cpp", "#include <capnp/message.h>", False),
    ("core/src/trace/bad.cpp", '#include "chantrace/channel.h"', True),
    ("core/src/runtime/channel.cpp", '#include "chantrace/channel.h"', False),
    ("core/src/runtime/bad.cpp", "#include <capnp/message.h>", True),
    ("core/src/runtime/session.cpp", '#include "chantrace/no_touch.h"', False),
    ("core/src/notouch/bad.cpp", '#include "chantrace/task.h"', True),
    ("core/src/analysis/good.cpp", '#include "chantrace/finding.h"', False),
    ("core/src/analysis/bad.cpp", '#include "chantrace/task.h"', True),
    ("core/include/chantrace/event.h", '#include "chantrace/result.h"', False),
    ("core/include/chantrace/trace.h", '#include "chantrace/task.h"', True),
    ("core/include/chantrace/task.h", "#include <gtest/gtest.h>", True),
    ("replay/show.cpp", '#include "chantrace/trace.h"', False),
    ("replay/bad.cpp", '#include "chantrace/session.h"', True),
    ("gtest_plugin/listener.cpp", "#include <gtest/gtest.h>", False),
    ("examples/pipeline.cpp", '#include "chantrace/chantrace.h"', False),
    ("examples/bad.cpp", '#include "chantrace/detail/object.h"', True),
    ("tests/trace/reader_test.cpp", "#include <gtest/gtest.h>", False),
    ("bench/unnamed.cpp", "", True),
    ("core/include/chantrace/unnamed.h", "", True),
    ("README.md", "[one](docs/style.md#names) [two](https://example.org/)", False),
    ("docs/style.md", "[three](../missing.md)", True),
]


def name_in_cmake(file):
    with open(file.parent / "CMakeLists.txt", "a") as cmake:
        cmake.write(f"add_library({file.name})\n")


def self_test():
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for path, text, _ in SELF_TEST:
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text + "\n")
            if "unnamed" not in path:
                name_in_cmake(file)
        outgrown = root / "core/src/trace/outgrown.cpp"
        outgrown.write_text("\n" * 501)
        name_in_cmake(outgrown)
        errors, remarks = check(root)
    for path, text, is_error in SELF_TEST:
        count = sum(error.startswith(path) for error in errors)
        assert count == is_error, f"{path}: {text}: {count} errors"
    assert [remark.split(":")[0] for remark in remarks] == ["core/src/trace/outgrown.cpp"], remarks


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    errors, remarks = check(pathlib.Path(sys.argv[1]))
    for line in remarks:
        print(f"note: {line}")
    for line in errors:
        print(f"error: {line}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
