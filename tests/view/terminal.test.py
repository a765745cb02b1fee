#!/usr/bin/env python3
"""`chantrace tui` as a person uses it, in a terminal that tmux makes.

    CHANTRACE=.../chantrace SHOW_GROWING=.../show_growing WEB_DEMO=.../web_demo TRACES=FOLDER \\
      ARTEFACTS=FOLDER terminal.test.py

What was seen is left in ARTEFACTS, a file each.
"""

import os
import pathlib
import shlex
import signal
import subprocess
import tempfile
import time
import unittest

COMMAND = os.environ["CHANTRACE"]
SHOW_GROWING = os.environ["SHOW_GROWING"]
WEB_DEMO = os.environ["WEB_DEMO"]
TRACES = pathlib.Path(os.environ["TRACES"])
ARTEFACTS = pathlib.Path(os.environ["ARTEFACTS"])
POLLS_MAX = 3000


class Terminal:
    """A shell in a terminal of its own, in which the command runs."""

    def __init__(self, name, columns, rows, trace, arguments="", environment=None, before="",
                 command=f"{COMMAND} tui"):
        self.name = name
        self.folder = tempfile.TemporaryDirectory(prefix="chantrace-")
        self.size = (columns, rows)
        variables = {"LC_ALL": "C.UTF-8", "TERM": "tmux-256color", "NO_COLOR": ""}
        variables.update(environment or {})
        assign = " ".join(f"{key}={shlex.quote(value)}" for key, value in variables.items())
        # A folder is named by its path.
        path = "" if trace is None else shlex.quote(str(TRACES / trace if "/" in trace else TRACES / f"{trace}.chantrace"))
        script = self.file("script")
        script.write_text(f"""
            trap : INT
            echo before
            stty -g >{self.file('modes_before')}
            {before}
            env {assign} sh -c 'echo $$ >{self.file('process')}; exec "$@"' - {command} {arguments} {path} 2>{self.file('errors')}
            status=$?
            stty -g >{self.file('modes_after')}
            echo "ended with $status"
            exec cat
            """)
        # UTF-8 on the side of tmux, whatever the machine says.
        self.tmux("-u", "-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                  f"exec sh {script}")

    def file(self, name):
        return pathlib.Path(self.folder.name) / name

    def tmux(self, *arguments):
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        environment.pop("TMUX", None)
        return subprocess.run(["tmux", "-S", str(self.file("socket")), *arguments], check=True,
                              env=environment, stdout=subprocess.PIPE, text=True).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")
        self.folder.cleanup()

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def resize(self, columns, rows):
        self.size = (columns, rows)
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def until(self, *texts, without=(), options=()):
        """The screen, once it has all of the texts and none of the others."""
        for _ in range(POLLS_MAX):
            screen = self.screen(*options)
            if all(text in screen for text in texts) and not any(text in screen for text in without):
                return screen
            time.sleep(0.005)
        raise AssertionError(f"{texts} without {without} did not come:\n{screen}")

    def settled(self, *texts, without=()):
        """The same, drawn to its end: nothing has come for some captures."""
        before, same = None, 0
        for _ in range(POLLS_MAX):
            screen = self.until(*texts, without=without)
            same = same + 1 if screen == before else 0
            if same == 8:
                return screen
            before = screen
            time.sleep(0.005)
        raise AssertionError(f"it does not stay as it is:\n{screen}")

    def until_it_is(self, expected):
        for _ in range(POLLS_MAX):
            screen = self.screen()
            if screen == expected:
                return
            time.sleep(0.005)
        raise AssertionError(f"this did not come:\n{expected}\nbut this:\n{screen}")

    def keep(self, what, screen):
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        (ARTEFACTS / f"{self.name}_{what}.txt").write_text(screen)
        return screen

    def see(self, what, *texts, **more):
        return self.keep(what, self.until(*texts, **more))

    def modes(self, when):
        return self.file(f"modes_{when}").read_text()

    def send_signal(self, which):
        os.kill(int(self.file("process").read_text()), which)


class TerminalTest(unittest.TestCase):
    def assert_restored(self, terminal, status):
        screen = terminal.see("after", f"ended with {status}")
        # What was there before is there again, and nothing else.
        self.assertEqual(screen.split(), ["before", "ended", "with", str(status)])
        self.assertEqual(terminal.modes("before"), terminal.modes("after"))
        # A cursor, and keys as they were.
        self.assertEqual(terminal.tmux("display", "-p", "#{cursor_flag} #{keypad_flag} #{alternate_on}"),
                         "1 0 0\n")

    def test_steps_through_a_trace(self):
        with Terminal("pool", 80, 24, "pool") as terminal:
            terminal.see("begin", "Pool.Drains  passed", "step 1 of 14", "State after step 1", "? help")
            terminal.keys("Right")
            terminal.until("step 2 of 14", "State after step 2")
            terminal.keys("Right", "Right")
            terminal.see("step_4", "step 4 of 14", "1 of 2: [11]", "value to")
            terminal.keys("Right", "Right")
            terminal.see("step_6", "step 6 of 14", "2 of 2: [11, 22]", "waits: main")
            terminal.keys("Left")
            terminal.until("step 5 of 14", "2 of 2: [11, 22]", without=["waits: main"])
            terminal.keys("Home")
            terminal.until("step 1 of 14")
            terminal.keys("End")
            terminal.until("step 14 of 14", "closed")
            terminal.type("g7")
            terminal.until("step: 7")
            terminal.keys("Enter")
            terminal.until("step 7 of 14", "recv(jobs) = 11")
            terminal.keys("Enter")
            terminal.see("partner", "step 4 of 14", "send(jobs, 11)")
            terminal.keys("BSpace")
            terminal.until("step 7 of 14")
            terminal.keys("Tab")
            terminal.see("list", "operation", "place", "recv(jobs) = 33")
            terminal.keys("Down")
            terminal.until("step 8 of 14")
            terminal.type("/recv 22")
            terminal.until("/recv 22")
            terminal.keys("Enter")
            terminal.see("search", "/recv 22: 1 step", "step 9 of 14")
            terminal.keys("Escape")
            terminal.until("step 9 of 14", without=["/recv 22"])
            terminal.type("?")
            terminal.see("help", "one step back, one forward")
            terminal.type("q")
            terminal.until("step 9 of 14", "State after")
            terminal.type("q")
            self.assert_restored(terminal, 0)

    def test_shows_a_deadlock_and_who_waits_for_whom(self):
        with Terminal("deadlock", 200, 50, "deadlock") as terminal:
            screen = terminal.keep("begin", terminal.settled(
                "failed", "step 7 of 9", "1  deadlock: left waits", "? help"))
            # Beside each other: the lanes, and the operation with the findings.
            self.assertRegex(screen, r"main .*●▓join\(left\)▓+✗│")
            self.assertIn("→ right ✗", screen)
            self.assertIn("→ left ✗", screen)
            terminal.keys("Home")
            terminal.until("step 1 of 9")
            terminal.type("e")
            terminal.see("findings", "left waits for right: lock(nu), held by right since pool.cpp:71",
                         "right waits for left: lock(mu), held by left since pool.cpp:61")
            terminal.keys("Enter")
            terminal.until("step 7 of 9", "State after step 7")
            terminal.keys("Home")
            terminal.until("step 1 of 9")
            terminal.type("1")
            terminal.until("step 7 of 9")
            terminal.keys("Down")
            terminal.see("other_lane", "Task at step 7", "lock(nu) (step 6)")

    def test_follows_the_size_of_the_terminal(self):
        with Terminal("resize", 200, 50, "deadlock") as terminal:
            large = terminal.keep("200x50", terminal.settled(
                "step 7 of 9", "1  deadlock: left waits", "? help"))
            terminal.resize(80, 24)
            small = terminal.keep("80x24", terminal.settled(
                "step 7 of 9", "State after step 7", "? help", without=["Findings (e)"]))
            self.assertEqual(small.splitlines()[-1].split()[:2], ["?", "help"])
            terminal.resize(40, 10)
            terminal.see("40x10", "This takes a terminal of 50 columns", "40 and 10")
            terminal.resize(80, 24)
            terminal.until_it_is(small)
            terminal.resize(200, 50)
            terminal.until_it_is(large)

    def test_ends_small_as_well(self):
        with Terminal("small", 30, 5, "deadlock") as terminal:
            terminal.see("begin", "Enlarge it")
            terminal.type("q")
            self.assert_restored(terminal, 0)

    def test_goes_without_colours(self):
        colored = "\x1b[38;5;"
        with Terminal("colours", 80, 24, "deadlock") as terminal:
            self.assertIn(colored, terminal.until("step 7 of 9", "? help", options=["-e"]))
        for name, arguments, environment in [("no_color", "", {"NO_COLOR": "1"}),
                                             ("never", "--color never", {}),
                                             ("vt100", "", {"TERM": "vt100"})]:
            with self.subTest(name), Terminal(name, 80, 24, "deadlock", arguments, environment) as terminal:
                screen = terminal.see("begin", "step 7 of 9", "? help", options=["-e"])
                self.assertNotRegex(screen, r"\x1b\[([0-9;]*;)?[349][0-8]")
                # What waits is told from what runs by its characters.
                plain = terminal.screen()
                self.assertRegex(plain, r"▓lock\(nu\)▓+")
                self.assertRegex(plain, r"●lock\(mu\)─+")
                terminal.type("q")
                terminal.until("ended with 0")

    def test_numbers_of_256_colours_are_for_256_colours(self):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / "direct.ti"
            source.write_text("direct|colours by red, green and blue,\n\tcolors#0x1000000, use=xterm-256color,\n")
            subprocess.run(["tic", "-x", "-o", folder, source], check=True)
            with Terminal("direct", 80, 24, "deadlock", "", {"TERM": "direct", "TERMINFO": folder}) as terminal:
                screen = terminal.until("step 7 of 9", "? help", options=["-e"])
                self.assertNotIn("\x1b[38;5;", screen)
                self.assertIn("\x1b[31m", screen)

    def test_goes_in_every_usual_terminal(self):
        for name in ["xterm", "xterm-256color", "screen", "linux"]:
            with self.subTest(name), Terminal(name, 80, 24, "deadlock", "", {"TERM": name}) as terminal:
                terminal.until("step 7 of 9", "? help")
                terminal.keys("Right")
                terminal.until("step 8 of 9")

    def test_goes_in_ascii(self):
        for name, arguments, locale in [("c_locale", "", "C"), ("ascii", "--ascii", "C.UTF-8")]:
            with self.subTest(name), Terminal(name, 80, 24, "odd_names", arguments,
                                              {"LC_ALL": locale}) as terminal:
                screen = terminal.see("begin", "failed", "? help", "\\u{4e2d}")
                self.assertTrue(screen.isascii(), screen)

    def test_wide_and_odd_names_leave_the_columns_alone(self):
        with Terminal("odd_names", 100, 24, "odd_names") as terminal:
            screen = terminal.see("begin", "日本語.😀", "工人", "? help")
            self.assertNotIn("\x1b", screen)
            self.assertNotIn("\u202e", screen)
            # The line between the panels is straight: behind characters of two columns as well.
            panels = screen.splitlines()[-14:-1]
            wide = lambda text: sum(1 + (ord(c) > 0x2e80) - (c == "\u0301") for c in text)
            columns = {wide(line.split("│")[0]) for line in panels if "│" in line and not "●" in line}
            self.assertEqual(len(columns), 1, screen)
            terminal.keys("Tab")
            terminal.see("list", "operation", "канал 中文😀")

    def test_withstands_hostile_empty_and_idle_traces(self):
        with Terminal("hostile", 80, 24, "hostile") as terminal:
            terminal.see("begin", "3 findings", "of 20,004", "? help")
            terminal.keys("NPage", "NPage", "Down", "Enter", "Tab", "End")
            terminal.until("step 20,004 of 20,004")
            terminal.type("/task:9999")
            terminal.keys("Enter")
            terminal.see("search", "1 step")
            terminal.type("e")
            terminal.see("findings", "Enter to its place")
        with Terminal("empty", 80, 24, "empty") as terminal:
            terminal.see("begin", "step 0 of 0", "no tasks and no steps")
            terminal.keys("Right", "Down", "Enter", "Tab", "n", "End", "PPage", "]", "}", "+", "-", "0", "b")
            terminal.type("e")
            terminal.see("findings", "Nothing is wrong in this trace.")
            terminal.type("q")
            terminal.until("This trace has no steps.")
            terminal.type("q")
            self.assert_restored(terminal, 0)
        with Terminal("idle", 80, 24, "idle") as terminal:
            terminal.see("begin", "step 0 of 0", "main")
            terminal.keys("Right", "Down", "Up", "Enter", "Tab", "Tab")
            terminal.until("main", "step 0 of 0")

    def test_a_large_trace_is_gone_through(self):
        with Terminal("large", 200, 50, "large") as terminal:
            terminal.see("begin", "step 1 of 499,751", "all steps")
            terminal.keys("End")
            terminal.until("step 499,751 of 499,751")
            terminal.keys("Left")
            terminal.until("step 499,750 of 499,751")
            terminal.type("0")
            terminal.see("whole", "▼499,750", without=["all steps"])
            terminal.type("/task:worker-7 op:yield")
            terminal.keys("Enter")
            terminal.see("search", "2,498 steps")

    def test_a_signal_gives_the_terminal_back(self):
        for which in [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV,
                      signal.SIGABRT]:
            with self.subTest(which), Terminal(which.name, 80, 24, "deadlock",
                                               before="ulimit -c 0") as terminal:
                terminal.until("step 7 of 9", "? help")
                terminal.send_signal(which)
                terminal.until(f"ended with {128 + which}")
                # The shell may say what it was.
                screen = [line for line in terminal.screen().split("\n") if line]
                self.assertEqual((screen[0], screen[-1]), ("before", f"ended with {128 + which}"))
                self.assertLess(len(screen), 4, screen)
                self.assertEqual(terminal.modes("before"), terminal.modes("after"))
        with Terminal("interrupt", 80, 24, "deadlock") as terminal:
            terminal.until("step 7 of 9", "? help")
            terminal.keys("C-c")
            terminal.until("ended with 130")

    def test_can_be_stopped_and_goes_on(self):
        # A shell with jobs of its own, so that there is one to come back to.
        with Terminal("stop", 80, 24, "deadlock", before="exec env PS1='$ ' LC_ALL=C.UTF-8 bash --norc -i"
                      ) as terminal:
            terminal.until("\n$")
            terminal.type(f"{COMMAND} tui {TRACES}/deadlock.chantrace")
            terminal.keys("Enter")
            seen = terminal.settled("step 7 of 9", "? help")
            terminal.keys("C-z")
            terminal.until("Stopped", "before")
            terminal.type("stty -a | grep -o ' icanon'")
            terminal.keys("Enter")
            terminal.until("\n icanon")
            terminal.type("fg")
            terminal.keys("Enter")
            terminal.until_it_is(seen)
            terminal.keys("Right")
            terminal.until("step 8 of 9")

    def test_comes_back_from_a_stop_that_it_was_not_told_of(self):
        with Terminal("sigstop", 80, 24, "deadlock") as terminal:
            seen = terminal.settled("step 7 of 9", "? help")
            terminal.send_signal(signal.SIGSTOP)
            terminal.send_signal(signal.SIGCONT)
            terminal.keys("Right")
            terminal.until("step 8 of 9")
            terminal.keys("Left", "Escape", "1")
            terminal.until_it_is(seen)

    def test_follows_what_goes_on(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)

            def grow(count):
                # At once, so that nobody reads half of it.
                (folder / "new").write_text(f"{count}\n")
                (folder / "new").rename(folder / "count")

            grow(3)
            with Terminal("live", 80, 24, name, command=SHOW_GROWING) as terminal:
                terminal.see("begin", "step 3 of 3", "live, 3 events so far")
                grow(5)
                terminal.until("step 5 of 5", "live, 5 events so far")
                terminal.keys("Left")
                terminal.until("step 4 of 5", "paused")
                grow(9)
                terminal.see("paused", "step 4 of 9", "paused   4 steps since   f follows")
                terminal.type("f")
                terminal.until("step 9 of 9", without=["paused"])
                grow(10)
                terminal.until("step 10 of 10")
                terminal.keys("Left")
                terminal.until("step 9 of 10", "paused")
                (folder / "end").touch()
                terminal.until("step 9 of 10", "incomplete", without=["paused"])
                terminal.type("q")
                self.assert_restored(terminal, 0)

    def test_attaches_to_a_program(self):
        environment = {**os.environ, "CHANTRACE": "web=127.0.0.1:0"}
        with subprocess.Popen([WEB_DEMO], env=environment, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as demo:
            address = demo.stderr.readline().split()[-1]
            with Terminal("attach", 80, 24, None, command=f"{COMMAND} attach {address}") as terminal:
                terminal.see("begin", "web_demo", "live, ", "worker-3", "channel jobs")
                terminal.keys("Left")
                terminal.see("paused", "paused", "f follows")
                terminal.type("f")
                terminal.until("live, ", without=["paused"])
                demo.send_signal(signal.SIGKILL)
                terminal.see("lost", "connection lost, trying again")
                terminal.type("q")
                self.assert_restored(terminal, 0)
            with Terminal("attach_to_nobody", 80, 24, None, command=f"{COMMAND} attach {address}") as terminal:
                terminal.until("ended with 3")
                self.assertIn("nothing serves at", terminal.file("errors").read_text())

    def test_is_the_sink_of_a_program(self):
        with Terminal("sink", 200, 50, None, command=WEB_DEMO, environment={"CHANTRACE": "tui"}) as terminal:
            terminal.see("begin", "web_demo", "live, ", "worker-3", "channel jobs")
            process = int(terminal.file("process").read_text())
            terminal.type("q")
            terminal.until("before", without=["worker-3"])
            os.kill(process, signal.SIGINT)
            terminal.until("jobs parsed", "ended with 0")
            self.assertEqual(terminal.file("modes_before").read_text(),
                             terminal.file("modes_after").read_text())
        with Terminal("sink_signal", 80, 24, None, command=WEB_DEMO, environment={"CHANTRACE": "tui"}) as terminal:
            terminal.until("live, ")
            terminal.type("q")
            terminal.until("before", without=["worker-3"])
            # It is that of the system again, and not one of ncurses.
            os.kill(int(terminal.file("process").read_text()), signal.SIGTERM)
            terminal.until("ended with 143")
        with Terminal("sink_end", 80, 24, None, command=f"{WEB_DEMO} 100",
                      environment={"CHANTRACE": "tui"}) as terminal:
            terminal.until("incomplete")  # It has ended, and what it did is there.
            terminal.type("q")
            self.assert_restored(terminal, 0)
        ran = subprocess.run([WEB_DEMO, "10"], env={**os.environ, "CHANTRACE": "tui"},
                             stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0)
        self.assertIn("The log stream takes its place", ran.stderr)
        self.assertIn("[send", ran.stderr)

    def test_says_why_it_cannot_start(self):
        trace = str(TRACES / "deadlock.chantrace")
        ran = subprocess.run([COMMAND, "tui", trace], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(ran.returncode, 2)
        self.assertIn("the input is no terminal", ran.stderr)
        for name, reason in [("dumb", "cannot place its cursor"), ("no-such-terminal", "nothing is known"),
                             ("", "TERM is not set")]:
            with self.subTest(name), Terminal(f"term_{name}", 80, 24, "deadlock", "",
                                              {"TERM": name}) as terminal:
                terminal.until("ended with 2")
                self.assertIn(reason, terminal.file("errors").read_text())

    def test_takes_one_trace(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "one.chantrace").symlink_to(TRACES / "deadlock.chantrace")
            with Terminal("folder", 80, 24, folder) as terminal:
                terminal.until("step 7 of 9")
        with Terminal("folders", 80, 24, f"{TRACES}/") as terminal:
            terminal.until("ended with 2")
            self.assertIn("one is shown at a time", terminal.file("errors").read_text())
            self.assertIn("deadlock.chantrace", terminal.file("errors").read_text())
        with Terminal("nothing", 80, 24, "nothing") as terminal:
            terminal.until("ended with 3")
            self.assertIn("nothing.chantrace", terminal.file("errors").read_text())


if __name__ == "__main__":
    unittest.main()
