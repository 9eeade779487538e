// A short task: a file of TypeScript and JSX transformed. esbuild.mjs DIRECTORY, where esbuild-wasm is installed.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
// Its build for browsers, which runs on this thread; the one for Node starts a process of Node.
globalThis.self ??= globalThis;
const require = createRequire(`${process.argv[2]}/`);
const esbuild = require("esbuild-wasm/lib/browser.js");
const wasmModule = new WebAssembly.Module(readFileSync(require.resolve("esbuild-wasm/esbuild.wasm")));
await esbuild.initialize({ wasmModule, worker: false });
const source = Array.from({ length: 200 }, (_, i) => `
  export interface Shape${i} { id: number; name?: string }
  export class View${i} extends Base<Shape${i}> {
    private readonly items: Map<string, Shape${i}> = new Map();
    render = async (props: { text: string }) => <div className={\`view-\${props.text}\`}>{this.items.size ?? ${i}}</div>;
  }`).join("");
const { code } = await esbuild.transform(source, { loader: "tsx", minify: true, target: "es2019" });
let sum = 0;
for (let at = 0; at < code.length; at++) sum = (Math.imul(sum, 31) + code.charCodeAt(at)) | 0;
console.log(code.length, sum);
// Its service would wait for more to do.
process.exit(0);
