// One more instance of a module, and the memory that many take while they live: instances.mjs FILE ALIVE MANY
// Prints the median time in microseconds to make one while ALIVE others live, and the bytes that each of MANY takes.
import { readFileSync } from "node:fs";

const [file, alive, many] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const module = new WebAssembly.Module(readFileSync(file));
const imports = {};
for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
  if (kind !== "function") throw new Error(`${from}.${name} is a ${kind}`);
  (imports[from] ??= {})[name] = () => 0;
}
const make = () => new WebAssembly.Instance(module, imports);
const resident = () => Number(readFileSync("/proc/self/statm", "utf8").split(" ")[1]) * 4096;

const kept = Array.from({ length: alive }, make);
const times = [];
for (let round = 0; round < 300; round++) {
  const start = performance.now();
  const instance = make();
  times.push(performance.now() - start);
  kept[round % alive] = instance;
}
times.sort((a, b) => a - b);

const before = resident();
for (let count = 0; count < many; count++) kept.push(make());
console.log(times[times.length >> 1] * 1000, (resident() - before) / many);
