// instance -> its table -> externref -> object -> instance.

const module = new WebAssembly.Module(wasm({
  tables: [[EXTERNREF, { min: 4 }]],
  funcs: [{ type: [[I32, EXTERNREF], []], body: [0x20, 0, 0x20, 1, 0x26, 0] }],
  exports: { table: ["table", 0], set: ["func", 0] },
}));

globalThis.round = () => {
  const instance = new WebAssembly.Instance(module);
  const { table, set } = instance.exports;
  table.set(0, instance);
  set(1, { instance });
  set(2, () => table);
  set(3, set);
  if (table.get(1).instance !== instance) fail("the table does not hold the object");
};
