// instance -> its global -> externref -> object -> instance.

const module = new WebAssembly.Module(wasm({
  globals: [[EXTERNREF, true, [0xd0, EXTERNREF]], [EXTERNREF, true, [0xd0, EXTERNREF]]],
  funcs: [{ type: [[EXTERNREF], []], body: [0x20, 0, 0x24, 1] }],
  exports: { thing: ["global", 0], set: ["func", 0] },
}));

globalThis.round = () => {
  const instance = new WebAssembly.Instance(module);
  const { thing, set } = instance.exports;
  thing.value = { instance };
  // Global 1 is seen by the instance's code alone.
  set(() => instance);
  if (thing.value.instance !== instance) fail("the global does not hold the object");
};
