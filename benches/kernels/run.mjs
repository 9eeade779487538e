// Runs a kernel as WebAssembly: `run.mjs FILE.wasm SIZE ROUNDS` prints its result and the seconds of each round; the first has the making of the
// module in it.
import { readFileSync } from 'node:fs';

const [file, size, rounds] = process.argv.slice(2);
const bytes = readFileSync(file);
let from = performance.now();
const { run } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
for (let round = 0; round < Number(rounds); round++) {
  const result = run(Number(size));
  const to = performance.now();
  if (round === 0) console.log(String(BigInt.asUintN(64, result)));
  console.log(((to - from) / 1000).toFixed(6));
  from = performance.now();
}
