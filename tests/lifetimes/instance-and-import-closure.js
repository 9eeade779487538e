// instance -> import -> closure -> instance.

const module = new WebAssembly.Module(wasm({
  imports: [["", "f", "func", [[I32], [I32]]]],
  memories: [{ min: 1 }],
  funcs: [{ type: [[I32], [I32]], body: [0x20, 0, 0x10, 0] }],
  exports: { call: ["func", 1], memory: ["memory", 0] },
}));

globalThis.round = () => {
  const instance = new WebAssembly.Instance(module, { "": { f: (x) => (x > 0 ? instance.exports.call(x - 1) : x) } });
  if (instance.exports.call(2) !== 0) fail("the closure was not called");
};
