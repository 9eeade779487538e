// rounds: 50000
// WeakRef and FinalizationRegistry see everything of an instance die, by count and by sample.

const module = new WebAssembly.Module(wasm({
  imports: [["", "f", "func", [[], []]]],
  memories: [{ min: 1 }],
  tables: [[EXTERNREF, { min: 1 }]],
  globals: [[EXTERNREF, true, [0xd0, EXTERNREF]]],
  tags: [[]],
  funcs: [{ type: [[], []], body: [0x10, 0] }],
  exports: { f: ["func", 1], memory: ["memory", 0], table: ["table", 0], global: ["global", 0], tag: ["tag", 0] },
}));

let registered = 0;
let finalized = 0;
const registry = new FinalizationRegistry((count) => { finalized += count; });
const sample = [];

globalThis.round = () => {
  const instance = new WebAssembly.Instance(module, { "": { f: () => instance } });
  const { exports } = instance;
  exports.f();
  exports.table.set(0, instance);
  exports.global.value = exports;
  for (const thing of [instance, exports, ...Object.values(exports), exports.memory.buffer]) {
    registry.register(thing, 1);
    registered += 1;
    if (registered % 997 === 0 && sample.length < 1000) sample.push(new WeakRef(thing));
  }
};

// Called when everything was collected and the registry's jobs have run.
globalThis.settled = () => {
  if (finalized !== registered) fail(`${registered} were registered and ${finalized} finalized`);
  for (const reference of sample.splice(0)) {
    if (reference.deref() !== undefined) fail("a WeakRef still has its target");
  }
};
