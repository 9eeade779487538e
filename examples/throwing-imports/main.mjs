// Errors across the border: what an import throws comes out of the export as it is; a trap is a RuntimeError.
class Stop extends Error {}
const stop = new Stop("enough");

const module = await WebAssembly.compileStreaming(fetch("throwing.wasm"));
const instance = new WebAssembly.Instance(module, {
  env: {
    next(value) {
      if (value > 5) throw stop;
      return value - 4;
    },
  },
});

console.log(instance.exports.run(5));
try {
  instance.exports.run(6);
} catch (error) {
  console.log("the very same object:", error === stop);
}
try {
  instance.exports.run(4);
} catch (error) {
  console.log("a trap:", error instanceof WebAssembly.RuntimeError);
}
console.log("and it still works:", instance.exports.run(0));

// What is missing is named.
try {
  new WebAssembly.Instance(module, { env: {} });
} catch (error) {
  console.log(error instanceof WebAssembly.LinkError, /env/.test(error.message), /next/.test(error.message));
}
