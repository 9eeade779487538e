// Milliseconds that `new WebAssembly.Module` takes for a file, once: module.mjs FILE
import { readFileSync } from "node:fs";
const bytes = readFileSync(process.argv[2]);
const start = performance.now();
const module = new WebAssembly.Module(bytes);
const milliseconds = performance.now() - start;
if (WebAssembly.Module.exports(module).length === 0) throw new Error("no exports");
console.log(milliseconds);
