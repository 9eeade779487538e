// One memory, seen from both sides: no byte is copied.
const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
const { instance } = await WebAssembly.instantiateStreaming(fetch("views.wasm"), { js: { memory } });

const before = new Float64Array(memory.buffer, 1024, 100);
for (let i = 0; i < before.length; i++) before[i] = i / 4;
console.log("sum:", instance.exports.sum(1024, 100));

// Growing detaches the old buffer, whichever side asks for it; the bytes stay.
console.log("old size in pages:", instance.exports.grow(2));
console.log("old view:", before.length, "new buffer:", memory.buffer.byteLength);
console.log("same sum:", instance.exports.sum(1024, 100));
console.log("cannot grow:", instance.exports.grow(2));
try {
  memory.grow(2);
} catch (error) {
  console.log("cannot grow:", error instanceof RangeError);
}
