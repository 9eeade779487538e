// rounds: 20000
// instance -> its global -> structure -> function -> instance; the same through an array in a table.

// Type 0 is (struct (field (mut funcref))), type 1 (array (mut funcref)).
const module = new WebAssembly.Module(wasm({
  rawTypes: [[0x5f, 1, FUNCREF, 1], [0x5e, FUNCREF, 1]],
  globals: [[[0x63, 0], true, [0xd0, 0]]],
  tables: [[[0x63, 1], { min: 1 }]],
  funcs: [
    { type: [[], [I32]], body: [0x41, 5] },
    { type: [[], []], body: [0xd2, 0, 0xfb, 0, 0, 0x24, 0, 0x41, 0, 0xd2, 0, 0x41, 3, 0xfb, 6, 1, 0x26, 0] },
  ],
  exports: { five: ["func", 0], link: ["func", 1] },
}));

globalThis.round = () => {
  const { five, link } = new WebAssembly.Instance(module).exports;
  link();
  if (five() !== 5) fail("the function does not answer");
};
