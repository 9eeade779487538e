#!/usr/bin/env python3
"""Runs the official test suite of the JavaScript API under a runtime and prints sub-tests passed and failed per file.

    tests/js-api/official.py CHECKOUT [--runtime target/release/chalcid] [--failures] [--only SUBSTRING] [--jobs N]

CHECKOUT is a checkout of WebAssembly/spec (its `test/js-api` and `test/harness` are used) or of web-platform-tests (`wasm/jsapi` and
`resources/testharness.js`). The suite is no part of this repository. Any runtime that runs `RUNTIME FILE.cjs` will do, Node
for one, so that two can be compared. Exits 1 when a sub-test failed or a file did not finish.
"""

import argparse
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys
import tempfile

PRELUDE = """
globalThis.self = globalThis;
globalThis.GLOBAL = { isWindow: () => false, isWorker: () => false, isShadowRealm: () => false };
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

META = re.compile(r"^//\s*META:\s*script=(\S+)", re.MULTILINE)


def layout(checkout):
    """Folder of the suite and path of the harness."""
    for suite, harness in [("test/js-api", "test/harness"), ("wasm/jsapi", "resources")]:
        if (checkout / suite).is_dir() and (checkout / harness / "testharness.js").is_file():
            return checkout / suite, checkout / harness / "testharness.js"
    sys.exit(f"{checkout}: neither a checkout of WebAssembly/spec nor of web-platform-tests")


def resolve(suite, test, script):
    if script.startswith("/wasm/jsapi/"):
        return suite / script[len("/wasm/jsapi/") :]
    return test.parent / script


def run(runtime, suite, harness, test, seconds):
    source = test.read_text()
    scripts = [resolve(suite, test, script).read_text() for script in META.findall(source)]
    program = "\n;\n".join([PRELUDE, harness.read_text(), SHIMS, *scripts, source, EPILOGUE])
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
    passed = failed = broken = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda test: run(runtime, suite, harness, test, options.timeout), tests)
        for test, (rows, trouble) in zip(tests, results):
            name = test.relative_to(suite)
            good = sum(1 for _, status, _ in rows or [] if status == 0)
            bad = len(rows or []) - good
            passed, failed, broken = passed + good, failed + bad, broken + (trouble is not None)
            print(f"{good:5} passed {bad:5} failed  {name}{'  ' + trouble if trouble else ''}")
            if options.failures:
                for title, status, message in rows or []:
                    if status != 0:
                        print(f"        {title}: {message}")
    print(f"{passed} passed, {failed} failed, {broken} files did not finish, of {len(tests)} files")
    return 1 if failed or broken else 0


if __name__ == "__main__":
    sys.exit(main())
