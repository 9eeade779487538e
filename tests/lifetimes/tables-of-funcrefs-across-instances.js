// rounds: 50000
// a -> its table -> function of b -> b -> its table -> function of a -> a; and one table that both fill.

const module = new WebAssembly.Module(wasm({
  imports: [["", "shared", "table", FUNCREF, { min: 4 }]],
  tables: [[FUNCREF, { min: 2 }]],
  globals: [[I32, true, i32const(0)]],
  funcs: [
    { type: [[I32], [I32]], body: [0x20, 0, 0x24, 0, 0x23, 0] },
    // Calls through its own table.
    { type: [[I32], [I32]], body: [0x20, 0, ...i32const(0), 0x11, 0, 1] },
  ],
  exports: { table: ["table", 1], keep: ["func", 0], call: ["func", 1] },
}));

globalThis.round = () => {
  const shared = new WebAssembly.Table({ element: "anyfunc", initial: 4 });
  const make = () => new WebAssembly.Instance(module, { "": { shared } }).exports;
  const a = make();
  const b = make();
  a.table.set(0, b.keep);
  b.table.set(0, a.keep);
  shared.set(0, a.call);
  shared.set(1, b.call);
  if (a.call(3) !== 3 || shared.get(1)(4) !== 4) fail("a function of the other instance was not called");
};
