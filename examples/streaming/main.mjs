// Compiling while the bytes arrive: the response goes in, the instance comes out.
const { module, instance } = await WebAssembly.instantiateStreaming(fetch("squares.wasm"));
instance.exports.squares(10);
console.log(new Uint32Array(instance.exports.memory.buffer, 0, 10).join(" "));

// A module compiled once makes any number of instances, each with a memory of its own.
const other = await WebAssembly.instantiate(module);
console.log(new Uint32Array(other.exports.memory.buffer, 0, 3).join(" "));

// What is not served as WebAssembly is refused.
const text = new Response("(module)", { headers: { "Content-Type": "text/plain" } });
await WebAssembly.compileStreaming(text).catch((error) => console.log(error.name));
