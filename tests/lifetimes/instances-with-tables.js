// Instances whose tables hold their own functions: from segments, from code and from JavaScript.

const module = new WebAssembly.Module(wasm({
  tables: [[FUNCREF, { min: 8, max: 64 }]],
  funcs: [
    { type: [[I32], [I32]], body: [0x20, 0] },
    // Calls through the table.
    { type: [[I32, I32], [I32]], body: [0x20, 0, 0x20, 1, 0x11, 0, 0] },
  ],
  elems: [{ offset: i32const(2), funcs: [0, 1] }],
  exports: { table: ["table", 0], same: ["func", 0], call: ["func", 1] },
}));

globalThis.round = () => {
  const { table, same, call } = new WebAssembly.Instance(module).exports;
  table.grow(4, call);
  table.set(0, same);
  if (table.get(2) !== same || call(5, 0) !== 5 || call(6, 2) !== 6) fail("the table is not what it should be");
};
