// Runs the interface's own tests under the engine that runs this file: node tests/js-api/run.cjs [NAME…]
"use strict";
const fs = require("fs");
const path = require("path");

const files = fs.readdirSync(__dirname).filter((name) => name.endsWith(".js") && name !== "harness.js").sort();
const wanted = process.argv.slice(2);

(async () => {
  let passed = 0;
  let failed = 0;
  for (const name of files) {
    if (wanted.length && !wanted.some((part) => name.includes(part))) continue;
    for (const script of ["harness.js", name]) (0, eval)(fs.readFileSync(path.join(__dirname, script), "utf8"));
    for (const { name: check, error } of JSON.parse(await harness.run())) {
      if (error === null) {
        passed += 1;
      } else {
        failed += 1;
        console.log(`${name}: ${check}\n    ${error.split("\n").slice(0, 3).join("\n    ")}`);
      }
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
})();
