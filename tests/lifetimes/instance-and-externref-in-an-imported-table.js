// instance -> imported table -> externref -> object -> instance.

const module = new WebAssembly.Module(wasm({
  imports: [["", "table", "table", EXTERNREF, { min: 2 }]],
  funcs: [{ type: [[I32, EXTERNREF], []], body: [0x20, 0, 0x20, 1, 0x26, 0] }],
  exports: { table: ["table", 0], set: ["func", 0] },
}));

globalThis.round = () => {
  const table = new WebAssembly.Table({ element: "externref", initial: 2 });
  const instance = new WebAssembly.Instance(module, { "": { table } });
  instance.exports.set(0, { instance });
  table.set(1, instance.exports);
  if (table.get(0).instance !== instance || instance.exports.table !== table) fail("the table is not what it should be");
};
