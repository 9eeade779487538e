#!/usr/bin/env python3
"""Runs the official test suite of the JavaScript API under a runtime and prints sub-tests passed and failed per file.

    tests/js-api/official.py CHECKOUT [--runtime target/release/chalcid] [--failures] [--only SUBSTRING] [--jobs N]

CHECKOUT is a checkout of WebAssembly/spec (its `test/js-api` and `test/harness` are used) or of web-platform-tests (`wasm`, `common` and
`resources`); what those fetch, this program serves. The suite is no part of this repository. Any runtime that runs `RUNTIME FILE.cjs` will do, Node
for one, so that two can be compared.

`official_expected.txt` names the sub-tests that contradict the text of the specification, each with the reason; they are counted apart.
Exits 1 when another sub-test failed, one of these passed, or a file did not finish. Files that say that they take long get ten times
the time: `limits.any.js` makes modules of ten million entries in JavaScript, which is a minute or two of work for an interpreter.
"""

import argparse
import concurrent.futures
import http.server
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import urllib.parse

PRELUDE = """
globalThis.self = globalThis;
globalThis.GLOBAL = { isWindow: () => false, isWorker: () => false, isShadowRealm: () => false };
if (BASE !== "" && typeof fetch === "function") {
  const plain = fetch;
  globalThis.fetch = (input, init) => plain(typeof input === "string" ? new URL(input, BASE).href : input, init);
}
"""

# The forks of the suite were written for older harnesses.
SHIMS = """
globalThis.assertEquals = assert_equals;
globalThis.nulls = (n) => Array(n).fill(null);
globalThis.promise_rejects ??= (test, expected, promise) =>
  promise.then(() => assert_unreached("should have rejected"), (error) => {
    const constructor = typeof expected === "function" ? expected : expected.constructor;
    assert_true(error instanceof constructor || error === expected, `rejected with ${error}`);
  });
globalThis.assert_throws ??= (expected, callback) =>
  assert_throws_js(typeof expected === "function" ? expected : expected.constructor, callback);
"""

EPILOGUE = """
add_completion_callback((tests, status) => {
  const rows = tests.map((t) => [t.name, t.status, t.message]);
  console.log("@@" + JSON.stringify({ status: status.status, message: status.message, rows }));
});
done();
"""

LONG = re.compile(r"^//\s*META:\s*timeout=long", re.MULTILINE)
META = re.compile(r"^//\s*META:\s*script=(\S+)", re.MULTILINE)


class Server(http.server.BaseHTTPRequestHandler):
    """Serves a checkout of web-platform-tests, as far as its tests of WebAssembly ask for it."""

    protocol_version = "HTTP/1.1"
    types = {".wasm": "application/wasm", ".js": "text/javascript", ".json": "application/json"}

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        path = pathlib.PurePosixPath(urllib.parse.unquote(url.path))
        file = self.server.checkout / path.relative_to("/")
        status, body = 200, b""
        if path.name == "status.py":
            status = int(query["status"])
        elif ".." not in path.parts and file.is_file():
            body = file.read_bytes()
        else:
            status = 404
        kind = self.types.get(path.suffix, "text/plain")
        for name, value in re.findall(r"header\(([^,]*),([^)]*)\)", query.get("pipe", "")):
            kind = value if name.lower() == "content-type" else kind
        self.send_response_only(status, "status")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(checkout):
    """The address of a server of the checkout, which ends with the program."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.checkout = checkout.resolve()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def layout(checkout):
    """Folder of the suite and path of the harness."""
    for suite, harness in [("test/js-api", "test/harness"), ("wasm", "resources")]:
        if (checkout / suite).is_dir() and (checkout / harness / "testharness.js").is_file():
            return checkout / suite, checkout / harness / "testharness.js"
    sys.exit(f"{checkout}: neither a checkout of WebAssembly/spec nor of web-platform-tests")


def resolve(suite, test, script):
    if not script.startswith("/"):
        return test.parent / script
    if suite.name == "wasm":
        return suite.parent / script[1:]
    return suite / script.removeprefix("/wasm/jsapi/")


def expected_failures():
    """Pairs of the end of a file's path and a sub-test's name, with the reason."""
    path = pathlib.Path(__file__).with_name("official_expected.txt")
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {tuple(line.split(" | ")[:2]): line.split(" | ")[2] for line in lines}


def run(runtime, suite, harness, server, test, seconds):
    source = test.read_text()
    if LONG.search(source):
        seconds *= 10
    scripts = [resolve(suite, test, script).read_text() for script in META.findall(source)]
    base = server and f"{server}/{test.relative_to(suite.parent)}"
    program = "\n;\n".join([f"globalThis.BASE = {json.dumps(base)};", PRELUDE, harness.read_text(), SHIMS, *scripts, source, EPILOGUE])
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "test.cjs"
        # One indirect eval: global scope and global `this` for a file that the runtime would take for a module of its own.
        file.write_text(f"(0, eval)({json.dumps(program)});\n")
        try:
            done = subprocess.run([*runtime, str(file)], capture_output=True, text=True, timeout=seconds, errors="replace")
        except subprocess.TimeoutExpired:
            return None, f"did not finish within {seconds} s"
    for line in done.stdout.splitlines():
        if line.startswith("@@"):
            result = json.loads(line[2:])
            trouble = None if result["status"] == 0 else f"harness: {result['message']}"
            return result["rows"], trouble
    return None, f"exit status {done.returncode}: {(done.stderr or done.stdout).strip()[-400:]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=pathlib.Path)
    default = pathlib.Path(__file__).resolve().parents[2] / "target/release/chalcid"
    parser.add_argument("--runtime", default=str(default), help="command line of the runtime, split at spaces")
    parser.add_argument("--only", default="", help="only files whose path contains this")
    parser.add_argument("--failures", action="store_true", help="name each failed sub-test")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=int, default=120)
    options = parser.parse_args()

    suite, harness = layout(options.checkout)
    tests = sorted(path for path in suite.rglob("*.any.js") if options.only in str(path.relative_to(suite)))
    runtime = options.runtime.split()
    server = serve(options.checkout) if suite.name == "wasm" else ""
    expected = expected_failures()
    passed = failed = contradicting = broken = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda test: run(runtime, suite, harness, server, test, options.timeout), tests)
        for test, (rows, trouble) in zip(tests, results):
            name = test.relative_to(suite)
            known = {title for file, title in expected if str(name).endswith(file)}
            good = [row for row in rows or [] if row[1] == 0 and row[0] not in known]
            odd = [row for row in rows or [] if row[1] != 0 and row[0] in known]
            bad = [row for row in rows or [] if (row[1] == 0) == (row[0] in known)]
            passed, failed, broken = passed + len(good), failed + len(bad), broken + (trouble is not None)
            contradicting += len(odd)
            note = f"  {len(odd)} contradict the text" if odd else ""
            print(f"{len(good):5} passed {len(bad):5} failed  {name}{note}{'  ' + trouble if trouble else ''}", flush=True)
            if options.failures:
                for title, status, message in bad:
                    print(f"        {title}: {message if status != 0 else 'passed, though the text says otherwise'}")
    print(f"{passed} passed, {failed} failed, {contradicting} contradict the text, {broken} files did not finish, of {len(tests)} files")
    return 1 if failed or broken else 0


if __name__ == "__main__":
    sys.exit(main())
