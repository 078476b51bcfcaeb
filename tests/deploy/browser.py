"""Headless Chromium, told what to do by the DevTools protocol through a pair of pipes."""

import base64
import json
import os
import pathlib
import subprocess
import tempfile


class Browser:
    """One page. `--remote-debugging-pipe`: Chromium reads descriptor 3 and writes descriptor 4,
    messages end with a zero byte."""

    def __init__(self, width=1280, height=1000):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        ours_read, theirs_write = os.pipe()
        theirs_read, ours_write = os.pipe()
        self._process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" 3<&{theirs_read} 4>&{theirs_write}', "sh", "chromium",
             "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--hide-scrollbars", f"--window-size={width},{height}",
             f"--user-data-dir={self._profile.name}", "--remote-debugging-pipe", "about:blank"],
            pass_fds=(theirs_read, theirs_write), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(theirs_read)
        os.close(theirs_write)
        self._in, self._out = os.fdopen(ours_read, "rb"), os.fdopen(ours_write, "wb")
        self._number, self._rest = 0, b""
        self.problems = []  # what the page's console had to say
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = None
        self._session = self._call("Target.attachToTarget",
                                   {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable", {})

    def close(self):
        self._process.terminate()
        self._process.wait()
        self._in.close()
        self._out.close()
        self._profile.cleanup()

    def _message(self):
        while b"\0" not in self._rest:
            data = os.read(self._in.fileno(), 1 << 16)
            assert data, "Chromium has ended"
            self._rest += data
        line, self._rest = self._rest.split(b"\0", 1)
        return json.loads(line)

    def _call(self, method, parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if getattr(self, "_session", None):
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        self._out.flush()
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._note(answer)

    def _note(self, event):
        if event.get("method") == "Runtime.exceptionThrown":
            self.problems.append(event["params"]["exceptionDetails"])
        if event.get("method") == "Log.entryAdded" and \
                event["params"]["entry"]["level"] == "error":
            self.problems.append(event["params"]["entry"])

    def open(self, url):
        self._call("Page.navigate", {"url": url})

    def ask(self, expression):
        """The value of a JavaScript expression, in the page."""
        result = self._call("Runtime.evaluate", {"expression": expression, "returnByValue": True})
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def screenshot(self, path):
        """The whole page, as high as it is."""
        size = self._call("Page.getLayoutMetrics", {})["cssContentSize"]
        picture = self._call("Page.captureScreenshot", {
            "format": "png", "captureBeyondViewport": True, "clip": {**size, "scale": 1}})
        pathlib.Path(path).write_bytes(base64.b64decode(picture["data"]))
