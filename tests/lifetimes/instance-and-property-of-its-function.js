// rounds: 10000
// function -> property -> instance -> function; the same with a memory, its buffers and the views of these.

const module = new WebAssembly.Module(wasm({
  memories: [{ min: 1, max: 2 }],
  funcs: [{ type: [[], []], body: [] }],
  exports: { memory: ["memory", 0], f: ["func", 0] },
}));

globalThis.round = () => {
  const instance = new WebAssembly.Instance(module);
  const { memory, f } = instance.exports;
  f.instance = instance;
  memory.self = memory;
  const fixed = memory.buffer;
  fixed.view = new Uint8Array(fixed);
  const resizable = memory.toResizableBuffer();
  resizable.memory = memory;
  resizable.view = new Uint8Array(resizable);
  resizable.resize(2 * 65536);
  if (resizable.view.length !== 2 * 65536 || fixed.view.length !== 0) fail("the views are not what they should be");
};
