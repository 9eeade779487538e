// A short task: a drawing becomes a PNG. drawing.mjs DIRECTORY, where @resvg/resvg-wasm is installed.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const require = createRequire(`${process.argv[2]}/`);
const { initWasm, Resvg } = require("@resvg/resvg-wasm");
await initWasm(readFileSync(require.resolve("@resvg/resvg-wasm/index_bg.wasm")));
const stripes = Array.from({ length: 12 }, (_, i) => `<rect x="${110 + i * 14}" y="60" width="14" height="80" fill="${i % 2 ? "#1c1917" : "#facc15"}"/>`);
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 200">
  <defs><clipPath id="body"><ellipse cx="194" cy="100" rx="84" ry="36"/></clipPath>
  <filter id="soft"><feGaussianBlur stdDeviation="3"/></filter></defs>
  <rect width="400" height="200" fill="#bae6fd"/>
  <ellipse cx="200" cy="150" rx="90" ry="10" fill="#78716c" opacity=".4" filter="url(#soft)"/>
  <g clip-path="url(#body)">${stripes.join("")}</g><circle cx="295" cy="95" r="22" fill="#292524"/></svg>`;
const png = new Resvg(svg, { fitTo: { mode: "width", value: 800 } }).render().asPng();
console.log(png.length, png.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 0));
