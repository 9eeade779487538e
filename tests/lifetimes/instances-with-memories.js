// rounds: 50000
// Instances with memories that were read, written and grown, and with nothing that refers back to them.

const module = new WebAssembly.Module(wasm({
  memories: [{ min: 1, max: 3 }],
  funcs: [{ type: [[I32], [I32]], body: [0x20, 0, 0x28, 2, 0] }],
  data: [{ offset: i32const(8), bytes: [42] }],
  exports: { memory: ["memory", 0], load: ["func", 0] },
}));

globalThis.round = () => {
  const { memory, load } = new WebAssembly.Instance(module).exports;
  const before = memory.buffer;
  memory.grow(1);
  new Uint8Array(memory.buffer)[65536] = 7;
  if (load(8) !== 42 || load(65536) !== 7 || before.byteLength !== 0) fail("the memory is not what it should be");
};
