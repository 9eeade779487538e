// Instances that import closures, which keep values of their own but not the instance.

const module = new WebAssembly.Module(wasm({
  imports: [["", "f", "func", [[I32], [I32]]]],
  funcs: [{ type: [[I32], [I32]], body: [0x20, 0, 0x10, 0] }],
  exports: { call: ["func", 1], imported: ["func", 0] },
}));

globalThis.round = () => {
  const kept = { one: 1, more: [2, 3] };
  const { call, imported } = new WebAssembly.Instance(module, { "": { f: (x) => x + kept.one } }).exports;
  if (call(1) !== 2 || imported(2) !== 3) fail("the closure was not called");
};
