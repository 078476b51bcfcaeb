"""Ask/tell for kernels of one's own: spaces, constraints, strategies, runners, results on disk."""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import unittest

from tilewright import Result, Runner, Space

SMALL = {"tile": [1, 2, 4, 8], "unroll": [1, 2, 4], "order": ["ij", "ji"]}


def seconds_of(config):
    """A smooth bowl whose least is 1, at tile = 4, unroll = 2, order = ji."""
    return 1 + abs(config["tile"] - 4) + abs(config["unroll"] - 2) + (config["order"] == "ij")


class SpaceTest(unittest.TestCase):
    def test_every_config_that_meets_the_constraints_is_asked_once(self):
        for strategy in ("random", "evolution"):
            space = Space(SMALL, ["tile * unroll <= 8", "order == 'ij' or tile > 1"],
                          strategy=strategy, seed=3)
            asked = space.ask(100)
            self.assertEqual(len(asked), space.size())
            self.assertEqual(len({json.dumps(config) for config in asked}), len(asked))
            for config in asked:
                self.assertLessEqual(config["tile"] * config["unroll"], 8)
                self.assertTrue(config["order"] == "ij" or config["tile"] > 1)
            self.assertEqual(space.ask(), [])

    def test_the_size_is_that_of_counting_all(self):
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        for _ in range(20):
            names = [f"p{i}" for i in range(rng.randint(1, 4))]
            parameters = {name: rng.sample(range(1, 20), rng.randint(1, 5)) for name in names}
            limit = rng.randint(1, 60)
            rule = f"{rng.choice(names)} * {rng.choice(names)} <= {limit}"
            space = Space(parameters, [rule, lambda c: sum(c.values()) % 3 != 0])
            configs = [{}]
            for name, values in parameters.items():
                configs = [{**config, name: value} for config in configs for value in values]
            wanted = [c for c in configs if eval(rule, {}, c) and sum(c.values()) % 3 != 0]
            self.assertEqual(space.size(), len(wanted), f"seed {seed}: {parameters}, {rule}")
            self.assertEqual(len(space.ask(1000)), len(wanted), f"seed {seed}")

    def test_a_needle_in_a_haystack_of_constraints_is_found(self):
        parameters = {f"p{i}": list(range(40)) for i in range(4)}
        space = Space(parameters, [f"p{i} == 7" for i in range(4)])
        self.assertEqual(space.ask(5), [{f"p{i}": 7 for i in range(4)}])

    def test_the_best_is_the_fastest_that_did_not_fail(self):
        space = Space(SMALL)
        one, other, third = space.ask(3)
        self.assertIsNone(space.best())
        space.tell(one, 2e-3)
        space.tell(other, 1e-3, samples=[1e-3, 2e-3])
        space.tell(third, failure="crash", message="SIGSEGV")
        self.assertEqual(space.best().config, other)
        self.assertEqual(space.rows()[1], {**other, "time": 1.0, "times": [1.0, 2.0]})
        self.assertEqual(space.rows()[2]["time"], "crash")

    def test_a_config_of_ones_own_may_be_told_and_is_not_asked_again(self):
        space = Space({"a": [1, 2]})
        space.tell({"a": 2}, 1.0)
        self.assertEqual(space.ask(5), [{"a": 1}])

    def test_the_same_seed_asks_the_same(self):
        def asked(seed):
            space, configs = Space(SMALL, seed=seed), []
            for _ in range(15):
                (config,) = space.ask()
                space.tell(config, seconds_of(config))
                configs.append(config)
            return configs
        self.assertEqual(asked(5), asked(5))
        self.assertNotEqual(asked(5), asked(6))

    def test_evolution_needs_fewer_trials_than_random_search(self):
        parameters = {name: list(range(12)) for name in "abcdef"}

        def least(strategy, seed):
            space = Space(parameters, strategy=strategy, seed=seed)
            for _ in range(150):
                (config,) = space.ask()
                space.tell(config, 1 + sum((value - 5) ** 2 for value in config.values()))
            return space.best().seconds
        mean = {strategy: sum(least(strategy, seed) for seed in range(10)) / 10
                for strategy in ("evolution", "random")}
        self.assertLess(mean["evolution"], mean["random"] / 2, mean)

    def test_what_cannot_be_a_space_is_said(self):
        for parameters, constraints, wrong in (
                ({}, [], "0 parameters"),
                ({"a": []}, [], "a has 0 values"),
                ({"a": [1, 1]}, [], "a value twice"),
                ({"a b": [1]}, [], "no name"),
                ({"a": [None]}, [], "no numbers"),
                ({"a": [float("nan")]}, [], "not finite"),
                ({"a": [1]}, ["b > 1"], "speaks of b"),
                ({"a": [1]}, ["a >"], "no expression"),
                ({"a": [1]}, ["__import__('os').system('true')"], "has a Call"),
                ({"a": [1]}, ["a.real > 0"], "has a Attribute"),
                ({"a": [1]}, ["a ** 9999999 > 0"], "has a Pow"),
                ({"a": [1]}, ["'x' * 999999999 > 'y'"], "computes with a text"),
                ({"a": ["x"]}, ["a * 999999999 > 'y'"], "computes with a text"),
                ({"a": [1]}, ["a > 0" + " " * 3000], "characters")):
            with self.assertRaisesRegex(ValueError, wrong):
                Space(parameters, constraints)
        with self.assertRaisesRegex(ValueError, "known: random, evolution"):
            Space(SMALL, strategy="magic")

    def test_a_constraint_that_cannot_be_computed_does_not_hold(self):
        self.assertEqual(Space({"a": [0, 2]}, ["4 / a == 2"]).ask(9), [{"a": 2}])

    def test_what_cannot_be_told_is_refused_and_not_kept(self):
        space = Space({"a": [1, 2]})
        for config, more, wrong in (
                ({"a": 1}, {}, "tell seconds, or a failure"),
                ({"a": 1}, {"seconds": 1.0, "failure": "crash"}, "tell seconds, or a failure"),
                ({"a": 1}, {"seconds": 0}, "above 0"),
                ({"a": 1}, {"seconds": float("nan")}, "above 0"),
                ({"a": 3}, {"seconds": 1.0}, "none of its values"),
                ({"a": True}, {"seconds": 1.0}, "none of its values"),
                ({"b": 1}, {"seconds": 1.0}, "the parameters are: a")):
            with self.assertRaisesRegex(ValueError, wrong):
                space.tell(config, **more)
        self.assertEqual(space.results, [])


class FilesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.log = self.folder / "results.jsonl"

    def test_a_space_is_read_from_json(self):
        value = {"parameters": SMALL, "constraints": ["tile >= unroll"]}
        file = self.folder / "space.json"
        file.write_text(json.dumps(value))
        sizes = {Space.from_json(source).size() for source in (value, json.dumps(value), file,
                                                               str(file))}
        self.assertEqual(len(sizes), 1)
        for text, wrong in (('{"parameter": {}}', "found: parameter"), ("{}", "no parameters"),
                            ('{"parameters": {"a": 5}}', "no list"),
                            ('{"parameters": {"a": [1]}, "constraints": [5]}', "list of expr")):
            with self.assertRaisesRegex(ValueError, wrong):
                Space.from_json(text)

    def run_some(self, trials):
        with Space(SMALL, ["tile >= unroll"], seed=1, log=self.log) as space:
            asked = []

            def runner(config):
                asked.append(config)
                return Result(config, seconds_of(config))
            space.tune(runner, trials=trials)
            return asked, list(space.results)

    def test_a_search_goes_on_where_it_stopped(self):
        first, _ = self.run_some(5)
        second, results = self.run_some(9)
        self.assertEqual((len(first), len(second), len(results)), (5, 4, 9))
        self.assertEqual(len({json.dumps(result.config) for result in results}), 9)
        self.assertEqual(self.run_some(9)[0], [])

    def test_a_line_that_a_crash_cut_off_is_dropped(self):
        self.run_some(4)
        whole = self.log.read_bytes()
        for cut in (1, 10, len(whole) - 5):
            self.log.write_bytes(whole[:-cut])
            kept = whole[:-cut].count(b"\n") - 1
            _, results = self.run_some(0)
            self.assertEqual(len(results), max(0, kept))
            self.assertTrue(self.log.read_bytes().endswith(b"\n"))

    def test_results_of_another_space_are_refused(self):
        self.run_some(2)
        with self.assertRaisesRegex(ValueError, "another space"):
            Space(SMALL, log=self.log)
        for other in (b"dear diary", b"dear diary\n", b'{"tilewright_space": 1}\nx\n'):
            self.log.write_bytes(other)
            with self.assertRaises(ValueError):
                Space(SMALL, log=self.log)
            self.assertEqual(self.log.read_bytes(), other)


class RunnerTest(unittest.TestCase):
    def run_shell(self, script, **options):
        return Runner(["sh", "-c", script, "sh", "{tile}"], **options)({"tile": 4})

    def test_the_time_is_read_from_what_is_printed(self):
        self.assertEqual(self.run_shell("echo hello; echo 0.25; echo bye 3").seconds, 0.25)
        self.assertEqual(self.run_shell('echo "$1"', unit="ms").seconds, 4e-3)
        self.assertAlmostEqual(self.run_shell("echo took 7us; echo took 5us",
                                              time=r"took (\d+)us", unit="us").seconds, 5e-6, 12)

    def test_the_middle_of_several_runs_counts(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.run_shell("echo >>runs; grep -c '' runs", repeats=3, cwd=folder)
        self.assertEqual((done.seconds, done.samples), (2.0, (1.0, 2.0, 3.0)))

    def test_failures_are_told_apart(self):
        for script, failure, message in (("echo oops >&2; exit 3", "crash", "oops"),
                                         ("kill -SEGV $$", "crash", ""),
                                         ("echo nothing", "no_time", "nothing"),
                                         ("echo 0", "no_time", "0"),
                                         ("echo 1e999", "no_time", "1e999")):
            done = self.run_shell(script)
            self.assertEqual((done.seconds, done.failure, done.message), (None, failure, message))

    def test_what_takes_too_long_is_killed_with_all_that_it_started(self):
        with tempfile.TemporaryDirectory() as folder:
            marker = os.path.join(folder, "pid")
            done = self.run_shell(f"sleep 1000 & echo $! >{marker}; wait", limit=0.5)
            self.assertEqual(done.failure, "run_timeout")
            pid = int(pathlib.Path(marker).read_text())
            for _ in range(200):
                if not self.lives(pid):
                    break
                time.sleep(0.05)
            self.assertFalse(self.lives(pid))

    @staticmethod
    def lives(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    def test_a_flood_of_output_is_bounded(self):
        self.assertEqual(self.run_shell("yes | head -c 30000000; echo; echo 2").seconds, 2.0)

    def test_a_build_comes_first(self):
        script = "echo '#!/bin/sh' >\"$1\"; echo \"echo $2\" >>\"$1\"; chmod +x \"$1\""
        build = ["sh", "-c", script, "sh", "{binary}", "{tile}"]
        self.assertEqual(Runner(["{binary}"], build=build)({"tile": 3}).seconds, 3.0)
        wrong = Runner(["{binary}"], build=["sh", "-c", "echo no such tile >&2; exit 1"])
        done = wrong({"tile": 3})
        self.assertEqual((done.failure, done.message), ("build_error", "no such tile"))

    def test_the_users_mistakes_are_no_failures_of_configs(self):
        with self.assertRaisesRegex(RuntimeError, "cannot start /nothing"):
            Runner(["/nothing"])({"tile": 1})
        with self.assertRaisesRegex(ValueError, "{tiel}"):
            Runner(["echo", "{tiel}"])({"tile": 1})
        for options in ({"unit": "h"}, {"time": "no group"}, {"repeats": 0}):
            with self.assertRaises(ValueError):
                Runner(["true"], **options)

    def test_the_example_tunes_and_goes_on(self):
        example = os.path.join(os.environ["EXAMPLES"], "own_kernel.py")
        with tempfile.TemporaryDirectory() as folder:
            for trials in ("3", "6"):
                done = subprocess.run([sys.executable, example, "--trials", trials, "--log",
                                       os.path.join(folder, "log")], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertRegex(done.stdout, rf"^{trials} of \d+ configs, 0 failed")
                self.assertIn("best: ", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
