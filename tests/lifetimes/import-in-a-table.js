// rounds: 20000
// instance -> its table -> imported function -> closure -> instance.

const module = new WebAssembly.Module(wasm({
  imports: [["", "f", "func", [[], [I32]]]],
  tables: [[FUNCREF, { min: 1 }]],
  elems: [{ offset: [0x41, 0], funcs: [0] }],
  funcs: [{ type: [[], [I32]], body: [0x41, 0, 0x11, 0, 0] }],
  exports: { call: ["func", 1] },
}));

globalThis.round = () => {
  let instance;
  instance = new WebAssembly.Instance(module, { "": { f: () => (instance ? 7 : 0) } });
  if (instance.exports.call() !== 7) fail("the import was not called");
};
