// An SVG renderer written in Rust, compiled to WebAssembly by wasm-bindgen: a drawing becomes a PNG file.
import { readFileSync, writeFileSync } from "node:fs";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import { createHash } from "./checksum.mjs";

await initWasm(readFileSync(new URL("node_modules/@resvg/resvg-wasm/index_bg.wasm", import.meta.url)));

const stripes = Array.from({ length: 12 }, (_, i) => {
  const fill = i % 2 ? "#1c1917" : "#facc15";
  return `<rect x="${110 + i * 14}" y="60" width="14" height="80" fill="${fill}"/>`;
}).join("");
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 200">
  <defs>
    <linearGradient id="sky" x2="0" y2="1"><stop stop-color="#bae6fd"/><stop offset="1" stop-color="#f0fdf4"/></linearGradient>
    <clipPath id="body"><ellipse cx="194" cy="100" rx="84" ry="36"/></clipPath>
    <filter id="soft"><feGaussianBlur stdDeviation="3"/></filter>
  </defs>
  <rect width="400" height="200" fill="url(#sky)"/>
  <ellipse cx="200" cy="150" rx="90" ry="10" fill="#78716c" opacity=".4" filter="url(#soft)"/>
  <g clip-path="url(#body)">${stripes}</g>
  <path d="M190 70 C210 0 300 0 260 50 S210 80 190 70 M180 70 C150 10 90 20 120 55 S160 80 180 70" fill="#e0f2fe" opacity=".8" stroke="#38bdf8"/>
  <circle cx="295" cy="95" r="22" fill="#292524"/><circle cx="303" cy="90" r="5" fill="#fff"/>
</svg>`;

const resvg = new Resvg(svg, { fitTo: { mode: "width", value: 800 } });
console.log("size of the drawing:", resvg.width, "x", resvg.height);
const image = resvg.render();
const png = image.asPng();
console.log("size of the picture:", image.width, "x", image.height);
console.log("PNG:", png.length, "bytes, checksum", createHash(png), "pixels", createHash(image.pixels));
writeFileSync(new URL("out/wasp.png", import.meta.url), png);
image.free();
resvg.free();

try {
  new Resvg("<svg");
} catch (error) {
  console.log("refused:", String(error));
}
