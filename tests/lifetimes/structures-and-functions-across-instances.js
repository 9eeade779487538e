// rounds: 20000
// instance -> global -> structure -> function -> instance; and through an array of functions of two instances.

const module = new WebAssembly.Module(wasm({
  // (func (result i32)), (struct (field (mut (ref null 0)))), (array (mut funcref))
  rawTypes: [[0x60, 0, 1, I32], [0x5f, 1, 0x63, 0, 1], [0x5e, FUNCREF, 1]],
  imports: [["", "other", "global", 0x6e, true]],
  globals: [[0x6e, true, [0xd0, 0x71]]],
  funcs: [
    { type: [[], [I32]], body: i32const(5) },
    { type: [[], []], body: [0xd2, 0, 0xfb, 0, 1, 0x24, 1] },
    // An array of the function, twice.
    { type: [[], []], body: [0xd2, 0, ...i32const(2), 0xfb, 6, 2, 0x24, 0] },
    { type: [[], [I32]], body: [0x23, 1, 0xfb, 0x16, 1, 0xfb, 2, 1, 0, 0x14, 0] },
  ],
  exports: { method: ["func", 0], keep: ["func", 1], share: ["func", 2], call: ["func", 3] },
}));

const globals = new WebAssembly.Module(wasm({ globals: [[0x6e, true, [0xd0, 0x71]]], exports: { global: ["global", 0] } }));

globalThis.round = () => {
  const a = new WebAssembly.Instance(globals).exports.global;
  const b = new WebAssembly.Instance(globals).exports.global;
  const first = new WebAssembly.Instance(module, { "": { other: a } }).exports;
  const second = new WebAssembly.Instance(module, { "": { other: b } }).exports;
  first.keep();
  second.keep();
  // Each instance has the other's function in an array of a global that both know.
  first.share();
  second.share();
  first.method.other = b;
  second.method.other = a;
  if (first.call() !== 5 || second.call() !== 5) fail("the method was not called");
};
