// Whatever calls out may be called again from there: conversions, getters, imports, the start function.
"use strict";

const { Module, Instance, Memory, Table, Global } = WebAssembly;

test("the conversion of an index grows the table that is written", () => {
  const table = new Table({ element: "externref", initial: 1 });
  table.set({ valueOf() { table.grow(1); return 1; } }, "a");
  same(table.get(1), "a");
  same(table.get({ valueOf() { table.set(0, "b"); return 0; } }), "b");
});

test("the conversion of a value writes the global that is written", () => {
  const global = new Global({ value: "i32", mutable: true }, 1);
  global.value = { valueOf() { global.value = 7; return global.value + 1; } };
  same(global.value, 8);
});

test("the conversion of an argument calls the function that is called", () => {
  const { add } = instantiate({
    funcs: [{ type: [[I32, I32], [I32]], body: [0x20, 0, 0x20, 1, 0x6a] }],
    exports: { add: ["func", 0] },
  });
  const nested = { valueOf: () => add({ valueOf: () => add(1, 2) }, 3) };
  same(add(nested, nested), 12);
});

test("a getter of the imports object instantiates the same module", () => {
  const module = new Module(wasm({
    imports: [["m", "x", "global", I32]],
    globals: [[I32, false, [0x23, 0]]],
    exports: { x: ["global", 1] },
  }));
  let depth = 0;
  const imports = { m: { get x() { return depth++ < 5 ? new Instance(module, imports).exports.x.value + 1 : 0; } } };
  same(new Instance(module, imports).exports.x.value, 5);
});

test("the start function reaches the instance that is being made", () => {
  const table = new Table({ element: "anyfunc", initial: 1 });
  const memory = new Memory({ initial: 1 });
  const seen = [];
  const { f } = instantiate({
    imports: [["m", "start", "func", [[], []]], ["m", "table", "table", FUNCREF, { min: 1 }], ["m", "memory", "memory", { min: 1 }]],
    funcs: [{ type: [[I32], [I32]], body: [0x20, 0, 0x28, 2, 0] }],
    elems: [{ offset: i32const(0), funcs: [1] }],
    data: [{ offset: i32const(8), bytes: [42] }],
    start: 0,
    exports: { f: ["func", 1] },
  }, { m: { table, memory, start() {
    seen.push(table.get(0), table.get(0)(8), memory.grow(1));
  } } });
  list(seen, [f, 42, 1]);
  same(f(2 * 65536 - 4), 0);
});

test("an import replaces the function that is running in the table it was called through", () => {
  const table = new Table({ element: "anyfunc", initial: 1 });
  const parts = (n) => ({
    imports: [["m", "f", "func", [[], []]], ["m", "table", "table", FUNCREF, { min: 1 }]],
    funcs: [
      { type: [[], [I32]], body: [0x10, 0, ...i32const(n)] },
      { type: [[], [I32]], body: [...i32const(0), 0x11, 1, 0] },
    ],
    exports: { f: ["func", 1], call: ["func", 2] },
  });
  let f = () => {};
  const imports = { m: { table, f: () => f() } };
  const { call } = instantiate(parts(0), imports);
  table.set(0, instantiate(parts(1), imports).f);
  f = () => table.set(0, instantiate(parts(2), { m: { table, f() {} } }).f);
  same(call(), 1);
  f = () => {};
  same(call(), 2);
});

test("exceptions go through many layers of both languages", () => {
  const thrown = {};
  const { down } = instantiate({
    imports: [["m", "f", "func", [[I32], [I32]]]],
    funcs: [{ type: [[I32], [I32]], body: [0x20, 0, 0x10, 0] }],
    exports: { down: ["func", 1] },
  }, { m: { f(n) { if (n === 0) throw thrown; try { return down(n - 1); } finally { finished++; } } } });
  let finished = 0;
  throws(thrown, () => down(20));
  same(finished, 20);
  throws(thrown, () => down(20));
});

test("an exception in the middle of an asynchronous instantiation leaves the next one alone", async () => {
  const module = new Module(wasm({ imports: [["m", "f", "func", [[], []]]], start: 0 }));
  const thrown = {};
  const results = await Promise.allSettled([0, 1, 2].map((i) => WebAssembly.instantiate(module, { m: { f() { if (i === 1) throw thrown; } } })));
  list(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  same(results[1].reason, thrown);
});

test("thousands of instances with a memory each come and go", () => {
  const module = new Module(wasm({
    memories: [{ min: 1 }],
    funcs: [{ type: [[I32], [I32]], body: [0x20, 0, 0x20, 0, 0x36, 2, 0, 0x20, 0, 0x28, 2, 0] }],
    exports: { memory: ["memory", 0], f: ["func", 0] },
  }));
  for (let i = 0; i < 3000; i++) {
    const { exports } = new Instance(module);
    same(exports.f(4 * i), 4 * i);
    same(new Uint32Array(exports.memory.buffer)[i], 4 * i);
  }
});
