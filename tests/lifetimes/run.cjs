// Makes and drops instances, and prints what the process takes meanwhile, as a Markdown table:
//
//   chalcid tests/lifetimes/run.cjs [--rounds N] [NAME…]
//   node --expose-gc tests/lifetimes/run.cjs [--rounds N] [NAME…]
//
// Each file sets `round`, a function that makes something and keeps nothing. Nobody asks for collections but the engine itself; the
// last sample is taken after one, where the engine has a `gc`. cargo test runs the same files and counts what is alive.
"use strict";
const fs = require("fs");
const path = require("path");

const args = process.argv.slice(2);
const option = args.indexOf("--rounds");
const rounds = option < 0 ? 1_000_000 : Number(args.splice(option, 2)[1]);
const names = fs.readdirSync(__dirname).filter((name) => name.endsWith(".js")).map((name) => name.slice(0, -3)).sort();
const files = names.filter((name) => args.length === 0 || args.some((part) => name.includes(part)));

const evaluate = (file) => (0, eval)(fs.readFileSync(path.join(__dirname, file), "utf8"));
const status = (name) => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(fs.readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
const mappings = () => fs.readFileSync("/proc/self/maps", "utf8").split("\n").length - 1;
const turn = () => new Promise((resolve) => { setTimeout(resolve, 0); });

(async () => {
  console.log("| | rounds | a round | resident MiB after a tenth | at the end | peak after a tenth | at the end | mappings after a tenth | most |");
  console.log("|---|---|---|---|---|---|---|---|---|");
  evaluate("../js-api/harness.js");
  for (const name of files) {
    evaluate(`${name}.js`);
    const samples = [];
    const start = performance.now();
    for (let part = 0; part < 10; part++) {
      for (let i = 0; i < rounds / 10; i++) round();
      samples.push([status("VmRSS"), status("VmHWM"), mappings()]);
      await turn();
    }
    const time = performance.now() - start;
    if (typeof gc === "function") gc();
    const [resident, peak, maps] = samples[0];
    const most = Math.max(...samples.map((sample) => sample[2]));
    const numbers = [resident, status("VmRSS"), peak, status("VmHWM")].map((number) => number.toFixed(1));
    console.log(`| ${[name, rounds, `${(time * 1000 / rounds).toFixed(2)} µs`, ...numbers, maps, most].join(" | ")} |`);
  }
})();
