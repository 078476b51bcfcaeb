"""The farm's web page in headless Chromium, on a real server with two workers and a finished job.

Screenshots go to $SCREENSHOTS, if that is set.
"""

import os
import pathlib
import unittest

from browser import Browser
from farm import Farm, need, run, wait_for

# Of a table: the texts of its body, row by row.
ROWS = "[...document.querySelectorAll('#%s tbody tr')].map(r => [...r.cells].map(c => c.innerText))"


class WebPageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need("chromium")
        cls.farm = Farm()
        cls.addClassCleanup(cls.farm.__exit__)
        for name in ("rack1", "rack2"):
            cls.farm.start_worker(name)
        cls.job = cls.farm.tune(trials=30)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.browser.open(f"http://{self.farm.http}/")
        self.wait(f"document.querySelectorAll('#best tbody tr').length > 0 && "
                  f"document.querySelectorAll('#jobs tbody tr').length > 0")

    def tearDown(self):
        self.assertEqual(self.browser.problems, [])
        self.assertEqual(self.browser.ask("document.getElementById('problem').textContent"), "")

    def wait(self, expression):
        return wait_for(expression, lambda: self.browser.ask(expression), 30)

    def rows(self, table):
        return self.browser.ask(ROWS % table)

    def picture(self, name):
        if "SCREENSHOTS" in os.environ:
            self.browser.screenshot(pathlib.Path(os.environ["SCREENSHOTS"]) / f"{name}.png")

    def choose_the_job(self):
        self.browser.ask("document.querySelector('#jobs tbody tr').click()")
        self.wait("document.querySelectorAll('#layers tbody tr').length > 0")

    def test_workers_are_shown_with_their_health_and_how_busy_they_are(self):
        workers = self.rows("workers")
        self.assertEqual([row[0] for row in workers], ["rack1", "rack2"])
        self.assertEqual([row[2] for row in workers], ["good", "good"])
        for row in workers:
            self.assertRegex(row[3], r"^\s*\d+ %$")
        self.assertEqual(self.browser.ask("document.querySelectorAll('#workers meter').length"), 2)
        self.assertEqual([row[:3] for row in self.rows("keys")], [["here", "2", "2"]])

    def test_a_jobs_tuning_curves_are_drawn(self):
        (job,) = self.rows("jobs")
        self.assertEqual((job[0], job[3]), (self.job, "done"))
        self.choose_the_job()
        self.assertEqual(self.browser.ask("document.getElementById('job').innerText"),
                         f"{self.job}: done")
        points = self.browser.ask(
            "[...document.querySelectorAll('#tasks svg, #model')].map("
            "s => s.querySelector('polyline').getAttribute('points').trim().split(' ').length)")
        self.assertEqual(len(points), 4)  # three layers and the model
        self.assertTrue(all(count >= 2 for count in points), points)
        self.picture("job")

    def test_the_record_behind_every_layer_is_shown(self):
        self.choose_the_job()
        layers = self.rows("layers")
        self.assertEqual(len(layers), 3)
        for layer in layers:
            self.assertIn("dense", layer[1])
            self.assertTrue(layer[2].startswith(("exact", "in the network")), layer)
        behind = [layer[6] for layer in layers]
        known = {record["run_id"] for record in self.farm.history()}
        self.assertLessEqual(set(behind), known)
        self.browser.ask("[...document.querySelectorAll('#layers tbody tr')]"
                         f".find(row => row.innerText.includes('{behind[0]}')).click()")
        self.assertTrue(self.browser.ask("document.getElementById('record').open"))
        self.assertIn(behind[0], self.browser.ask("document.getElementById('fields').innerText"))
        self.picture("record")
        self.browser.ask("document.getElementById('close').click()")
        self.assertFalse(self.browser.ask("document.getElementById('record').open"))

    def search(self, words, found):
        self.browser.ask(f"(() => {{ const box = document.getElementById('search');"
                         f"box.value = '{words}'; box.oninput(); }})()")
        self.wait(f"document.getElementById('found').textContent === '{found} found'")

    def test_the_best_configs_are_searched(self):
        self.assertEqual(len(self.rows("best")), 3)
        self.picture("best")
        workload = self.rows("best")[0][0]
        self.search(workload, 1)
        self.assertEqual([row[0] for row in self.rows("best")], [workload])
        self.search("DENSE here", 3)
        self.search("conv2d", 0)
        self.assertEqual(self.rows("best"), [["none"]])
        self.search("", 3)

    def test_an_address_names_the_job_and_the_search(self):
        self.browser.open(f"http://{self.farm.http}/?job={self.job}&q=nothing")
        self.wait("document.querySelectorAll('#layers tbody tr').length === 3")
        self.wait("document.getElementById('found').textContent === '0 found'")

    def test_a_running_job_is_followed(self):
        self.choose_the_job()
        model = self.farm.mlp()
        job = run("submit", model, "--server", self.farm.address, "--key", "here", "--tuner",
                  "random", "--trials", "20", "--seed", "2").strip()
        self.addCleanup(run, "cancel", job, "--server", self.farm.address)
        self.wait("document.querySelectorAll('#jobs tbody tr').length === 2")
        self.browser.ask("document.querySelector('#jobs tbody tr').click()")
        self.wait(f"document.getElementById('job').innerText === '{job}: done'")
        self.assertEqual(self.rows("jobs")[0][0], job)


if __name__ == "__main__":
    unittest.main(verbosity=2)
