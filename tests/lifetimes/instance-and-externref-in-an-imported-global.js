// instance -> imported global -> externref -> object -> instance.

const module = new WebAssembly.Module(wasm({
  imports: [["", "thing", "global", EXTERNREF, true]],
  funcs: [{ type: [[EXTERNREF], []], body: [0x20, 0, 0x24, 0] }],
  exports: { thing: ["global", 0], set: ["func", 0] },
}));

globalThis.round = () => {
  const thing = new WebAssembly.Global({ value: "externref", mutable: true });
  const instance = new WebAssembly.Instance(module, { "": { thing } });
  instance.exports.set({ instance });
  if (thing.value.instance !== instance || instance.exports.thing !== thing) fail("the global is not what it should be");
};
