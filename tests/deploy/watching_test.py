"""What deploy/ offers to watch a farm with, against what a real server exports: the dashboard and
the alarms ask for metrics and labels that exist, and the README's table says what each alarm means.
"""

import json
import re
import subprocess
import unittest

from farm import COMMAND, SOURCE, Farm

DEPLOY = SOURCE / "deploy"


def selectors_of(expression):
    """[(metric, {label, ...})] that an expression of Prometheus' language asks for."""
    found = []
    for match in re.finditer(r"\b(tilewright_[a-z_]+)(\{[^}]*\})?", expression):
        found.append((match[1], set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", match[2] or ""))))
    return found


def exported(text):
    """{metric: {label, ...}} of a scrape; a histogram's under its _bucket, _sum and _count too."""
    metrics = {}
    for line in text.splitlines():
        match = re.match(r"(tilewright_\w+)(?:\{(.*)\})? \S+$", line)
        if match:
            labels = set(re.findall(r'(\w+)="', match[2] or ""))
            metrics.setdefault(match[1], set()).update(labels)
    return metrics


def alerts():
    """[(name, expression)] of alerts.yml, which is kept simple enough to read without a library."""
    rules = []
    for line in (DEPLOY / "prometheus/alerts.yml").read_text().splitlines():
        if line.startswith("      - alert: "):
            rules.append([line.split(": ", 1)[1], ""])
        elif line.startswith("        expr: "):
            rules[-1][1] = line.split(": ", 1)[1].replace(">-", "")
        elif line.startswith("          ") and "summary:" not in line:
            rules[-1][1] += " " + line.strip()
    return [tuple(rule) for rule in rules]


def table():
    """{alert: its row} of the README."""
    rows = {}
    for line in (DEPLOY / "README.md").read_text().splitlines():
        match = re.match(r"\| `(Tilewright\w+)` \|", line)
        if match:
            rows[match[1]] = line
    return rows


class WatchingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with Farm() as farm:
            farm.start_worker("rack1")
            farm.tune(trials=3)
            cls.metrics = exported(farm.get("/metrics"))
            cls.health = cls.ask_health(farm)
        cls.health_of_nobody = cls.ask_health(farm)

    @staticmethod
    def ask_health(farm):
        done = subprocess.run([COMMAND, "health", "--server", farm.address, "--timeout", "2"],
                              capture_output=True, text=True)
        return done.returncode, done.stdout, farm.address in done.stderr

    def check(self, expression):
        selectors = selectors_of(expression)
        for metric, labels in selectors:
            self.assertIn(metric, self.metrics, expression)
            self.assertLessEqual(labels, self.metrics[metric] | {"le"}, expression)
        return selectors

    def test_the_exit_code_of_health_is_for_probes(self):
        self.assertEqual(self.health, (0, "serving\n", False))
        self.assertEqual(self.health_of_nobody, (4, "", True))

    def test_every_panel_shows_what_the_server_exports(self):
        dashboard = json.loads((DEPLOY / "grafana/tilewright.json").read_text())
        shown = set()
        for panel in dashboard["panels"]:
            self.assertTrue(panel["targets"], panel["title"])
            for target in panel["targets"]:
                selectors = self.check(target["expr"])
                self.assertTrue(selectors, target["expr"])
                shown |= {metric for metric, _ in selectors}
        for variable in dashboard["templating"]["list"]:
            self.check(variable["query"])
        families = {re.sub("_(bucket|sum|count)$", "", metric) for metric in self.metrics}
        self.assertEqual({re.sub("_bucket$", "", metric) for metric in shown}, families)

    def test_panels_do_not_overlap(self):
        dashboard = json.loads((DEPLOY / "grafana/tilewright.json").read_text())
        taken = set()
        for panel in dashboard["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                     for y in range(at["y"], at["y"] + at["h"])}
            self.assertLessEqual(max(x for x, _ in cells), 23)
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells

    def test_every_alarm_asks_for_what_the_server_exports(self):
        self.assertGreaterEqual(len(alerts()), 7)
        for name, expression in alerts():
            self.assertTrue(self.check(expression) or "up{" in expression, name)

    def test_the_readme_explains_every_alarm_and_its_metrics(self):
        rows = table()
        self.assertEqual([name for name, _ in alerts()], list(rows))
        for name, expression in alerts():
            for metric, _ in selectors_of(expression):
                self.assertIn(f"`{metric}", rows[name])

    def test_a_metric_that_is_not_there_is_noticed(self):
        with self.assertRaises(AssertionError):
            self.check("rate(tilewright_dreams_total[5m])")
        with self.assertRaises(AssertionError):
            self.check('tilewright_slots{colour="red"}')


if __name__ == "__main__":
    unittest.main(verbosity=2)
