// Functions as values: a table that both sides read and write.
const { instance } = await WebAssembly.instantiateStreaming(fetch("callbacks.wasm"));
const { table, apply } = instance.exports;

console.log("double:", apply(0, 21), "negate:", apply(1, 21));

// An element is the same function object each time, and can be called and moved.
const double = table.get(0);
console.log("same object:", double === table.get(0), "called:", double(4));
table.set(2, double);
console.log("moved:", apply(2, 1.5));

// What is no function, or none of this type, traps.
for (const index of [3, 99]) {
  try {
    apply(index, 1);
  } catch (error) {
    console.log(index, error instanceof WebAssembly.RuntimeError);
  }
}

// Only functions of WebAssembly go into a table of functions.
try {
  table.set(3, () => 1);
} catch (error) {
  console.log("refused:", error instanceof TypeError);
}
console.log("length:", table.length, "grown from:", table.grow(2), "to:", table.length);
