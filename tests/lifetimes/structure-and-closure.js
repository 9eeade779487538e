// rounds: 20000
// instance -> its global -> structure -> closure -> instance.

// Type 0 is (struct (field (mut externref))).
const module = new WebAssembly.Module(wasm({
  rawTypes: [[0x5f, 1, EXTERNREF, 1]],
  globals: [[[0x63, 0], true, [0xd0, 0]]],
  funcs: [
    { type: [[EXTERNREF], []], body: [0x20, 0, 0xfb, 0, 0, 0x24, 0] },
    { type: [[], [EXTERNREF]], body: [0x23, 0, 0xfb, 2, 0, 0] },
  ],
  exports: { set: ["func", 0], get: ["func", 1] },
}));

globalThis.round = () => {
  const instance = new WebAssembly.Instance(module);
  instance.exports.set(() => instance);
  if (instance.exports.get()() !== instance) fail("the structure does not hold the closure");
};
