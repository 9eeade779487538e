// Lets Node run the examples: its `fetch` knows neither relative addresses nor files, which browsers and `chalcid` resolve against the
// running page or script.
//
//     node --import ./examples/node-fetch.mjs examples/hello/main.mjs
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const base = pathToFileURL(process.argv[1]);
const web = globalThis.fetch;
globalThis.fetch = async (resource, options) => {
  const url = new URL(resource, base);
  if (url.protocol !== "file:") return web(url, options);
  const type = url.pathname.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
  return new Response(await readFile(url), { headers: { "Content-Type": type } });
};
