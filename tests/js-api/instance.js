// JS API, section "Instances", with "read the imports" and "create an exports object".
"use strict";

const { Module, Instance, LinkError, RuntimeError } = WebAssembly;
const module = new Module(wasm({
  imports: [["env", "f", "func", [[I32], [I32]]]],
  funcs: [{ type: [[I32], [I32]], body: [0x20, 0, 0x10, 0] }],
  tables: [[FUNCREF, { min: 1 }]],
  memories: [{ min: 1 }],
  globals: [[I32, true, i32const(5)]],
  exports: {
    run: ["func", 1], again: ["func", 1], f: ["func", 0], 10: ["func", 1], 2: ["func", 1],
    table: ["table", 0], memory: ["memory", 0], global: ["global", 0],
  },
}));
const imports = { env: { f: (x) => x * 2 } };

test("new Instance: a Module and an object or undefined", () => {
  for (const value of [...nonObjects, {}, Module, Module.prototype]) throws(TypeError, () => new Instance(value), /WebAssembly\.Module/);
  const empty = new Module(wasm());
  for (const value of nonObjects) {
    if (value === undefined) new Instance(empty, value);
    else throws(TypeError, () => new Instance(empty, value), /Argument 1 must be an object/);
  }
  throws(TypeError, () => new Instance());
  throws(TypeError, () => Instance(empty), /new/);
});

test("new Instance: an ordinary, extensible object of the class", () => {
  const instance = new Instance(module, imports);
  same(Object.getPrototypeOf(instance), Instance.prototype);
  same(Object.isExtensible(instance), true);
  same(Reflect.ownKeys(instance).length, 0);
  same(String(instance), "[object WebAssembly.Instance]");
  class Derived extends Instance {}
  same(Object.getPrototypeOf(new Derived(module, imports)), Derived.prototype);
  same(new Derived(module, imports).exports.run(4), 8);
});

test("exports: an accessor without a setter, the same object each time", () => {
  same(attributes(Instance.prototype, "exports"), "aec");
  const { get, set } = Object.getOwnPropertyDescriptor(Instance.prototype, "exports");
  same(get.name, "get exports");
  same(set, undefined);
  const instance = new Instance(module, imports);
  same(instance.exports, instance.exports);
  brandChecked(Instance.prototype, [module]);
});

test("create an exports object: null prototype, frozen, module order", () => {
  const { exports } = new Instance(module, imports);
  same(Object.getPrototypeOf(exports), null);
  same(Object.isFrozen(exports), true);
  for (const key of Reflect.ownKeys(exports)) same(attributes(exports, key), "-e-", key);
  const declared = Module.exports(module).map(({ name }) => name);
  const isIndex = (name) => String(name >>> 0) === name;
  list(Reflect.ownKeys(exports), [...declared.filter(isIndex).sort((a, b) => a - b), ...declared.filter((name) => !isIndex(name))]);
});

test("create an exports object: the internal methods of an ordinary frozen object", () => {
  // Whatever is done first with an export, it is as if all had been made at once.
  const described = (descriptor) => descriptor && [descriptor.value, descriptor.writable, descriptor.enumerable, descriptor.configurable, descriptor.get, descriptor.set];
  const operations = {
    get: (o, key) => o[key],
    "get through an heir": (o, key) => Object.create(o)[key],
    "get by Reflect": (o, key) => Reflect.get(o, key, {}),
    has: (o, key) => key in o,
    own: (o, key) => Object.hasOwn(o, key),
    enumerable: (o, key) => Object.prototype.propertyIsEnumerable.call(o, key),
    descriptor: (o, key) => described(Reflect.getOwnPropertyDescriptor(o, key)),
    set: (o, key) => { "use strict"; o[key] = 1; },
    "set by Reflect": (o, key) => Reflect.set(o, key, 1),
    "set of an heir": (o, key) => Reflect.set(Object.create(o), key, 1),
    "set of another": (o, key) => Reflect.set({}, key, 1, o),
    delete: (o, key) => { "use strict"; return delete o[key]; },
    "delete by Reflect": (o, key) => Reflect.deleteProperty(o, key),
    "define a value": (o, key) => Reflect.defineProperty(o, key, { value: 1 }),
    "define its own value": (o, key) => Reflect.defineProperty(o, key, { value: o[key] }),
    "define all that it is": (o, key) => Reflect.defineProperty(o, key, { value: o[key], writable: false, enumerable: true, configurable: false }),
    "define nothing": (o, key) => Reflect.defineProperty(o, key, {}),
    "define as writable": (o, key) => Reflect.defineProperty(o, key, { writable: true }),
    "define as configurable": (o, key) => Reflect.defineProperty(o, key, { configurable: true }),
    "define as hidden": (o, key) => Reflect.defineProperty(o, key, { enumerable: false }),
    "define as an accessor": (o, key) => Reflect.defineProperty(o, key, { get: undefined }),
    "define or throw": (o, key) => Object.defineProperty(o, key, { value: 1 }) === o,
    "freeze again": (o) => Object.freeze(o) === o && Object.isFrozen(o),
    seal: (o) => Object.seal(o) === o && Object.isSealed(o),
    extensible: (o) => [Object.isExtensible(o), Reflect.preventExtensions(o)],
    prototype: (o) => [Reflect.getPrototypeOf(o), Reflect.setPrototypeOf(o, null), Reflect.setPrototypeOf(o, {})],
    keys: (o) => [...Object.keys(o), "|", ...Object.getOwnPropertyNames(o), "|", ...Object.getOwnPropertySymbols(o)],
    entries: (o) => Object.entries(o).flat(),
    "for in": (o) => { const keys = []; for (const key in o) keys.push(key); return keys; },
    spread: (o) => Object.entries({ ...o }).flat(),
    assign: (o) => Object.entries(Object.assign({}, o)).flat(),
    rest: (o) => { const { run, ...rest } = o; return [run, ...Object.entries(rest).flat()]; },
    tag: (o) => Object.prototype.toString.call(o),
    json: (o) => JSON.stringify(o),
  };
  const outcome = (operation, object, key) => {
    try {
      const result = operation(object, key);
      return Array.isArray(result) ? result : [result];
    } catch (error) {
      return [error.constructor];
    }
  };
  for (const [name, operation] of Object.entries(operations)) {
    for (const key of ["run", "memory", "2", 10, "11", "absent", "length", "", Symbol.toStringTag]) {
      const { exports } = new Instance(module, imports);
      const untouched = outcome(operation, exports, key);
      const ordinary = Object.create(null);
      for (const { name } of Module.exports(module)) ordinary[name] = exports[name];
      Object.freeze(ordinary);
      list(untouched, outcome(operation, ordinary, key), `${name} of ${String(key)}`);
      list(outcome(operation, exports, key), untouched, `${name} of ${String(key)} once more`);
    }
  }
});

test("create an exports object: what is made is made once", () => {
  const { exports } = new Instance(module, imports);
  for (const key of Reflect.ownKeys(exports)) same(exports[key], exports[key], key);
  same(exports.run, exports.again);
  same(exports[2], exports[10]);
  // Also where another way leads to it.
  const reexported = new Instance(new Module(wasm({ imports: [["", "run", "func", [[I32], [I32]]]], exports: { run: ["func", 0] } })), { "": exports });
  same(reexported.exports.run, exports.run);
});

test("create an exports object: hundreds of names", () => {
  const names = Array.from({ length: 500 }, (_, index) => (index % 3 ? `name ${index}` : `${1000 - index}`));
  const many = new Module(wasm({
    globals: names.map((_, index) => [I32, false, i32const(index)]),
    exports: Object.fromEntries(names.map((name, index) => [name, ["global", index]])),
  }));
  const { exports } = new Instance(many);
  const order = Object.keys(Object.fromEntries(names.map((name) => [name, 0])));
  list(Object.keys(exports), order);
  for (let round = 0; round < 2; round++) {
    for (const index of [...names.keys()].reverse()) same(exports[names[index]].value, index);
  }
});

test("create an exports object: one object per address", () => {
  const { exports } = new Instance(module, imports);
  same(exports.run, exports.again);
  same(exports.run, exports[2]);
  same(exports.memory instanceof WebAssembly.Memory, true);
  same(exports.table instanceof WebAssembly.Table, true);
  same(exports.global instanceof WebAssembly.Global, true);
  different(new Instance(module, imports).exports.run, exports.run);
});

test("create an exports object: any name is a name", () => {
  const names = ["__proto__", "constructor", "toString", "a\0b", "\0", "🐝", "then", "default", " ", "4294967295", "-1", "01"];
  const exports = instantiate({
    funcs: [{ type: [[], [I32]], body: i32const(3) }],
    exports: Object.fromEntries([["first", ["func", 0]], ...names.map((name) => [name, ["func", 0]])]),
  });
  for (const name of names) {
    same(Object.getOwnPropertyDescriptor(exports, name)?.value?.(), 3, show(name));
  }
  same(Object.getPrototypeOf(exports), null);
  same(Reflect.ownKeys(exports).length, names.length + 1);
});

test("read the imports: any name is a name", () => {
  for (const name of ["__proto__", "constructor", "a\0b", "", "🐝", "0", "-1"]) {
    const inner = Object.create(null);
    const outer = Object.create(null);
    inner[name] = 7;
    outer[name] = inner;
    same(instantiate({ imports: [[name, name, "global", I32]], exports: { x: ["global", 0] } }, outer).x.value, 7, show(name));
  }
});

test("an import that is exported again is the same object", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 1 });
  const global = new WebAssembly.Global({ value: "i32", mutable: true }, 1);
  const { run } = new Instance(module, imports).exports;
  const exports = instantiate({
    imports: [
      ["m", "memory", "memory", { min: 1 }], ["m", "table", "table", FUNCREF, { min: 1 }], ["m", "global", "global", I32, true],
      ["m", "run", "func", [[I32], [I32]]],
    ],
    exports: { memory: ["memory", 0], table: ["table", 0], global: ["global", 0], run: ["func", 0] },
  }, { m: { memory, table, global, run } });
  same(exports.memory, memory);
  same(exports.table, table);
  same(exports.global, global);
  same(exports.run, run);
});

test("read the imports: without an object, a module with imports is a TypeError", () => {
  throws(TypeError, () => new Instance(module), /Imports argument must be present/);
  throws(TypeError, () => new Instance(module, undefined), /Imports argument must be present/);
});

test("read the imports: Get of the module's name and of the field for every import, in order", () => {
  const order = [];
  const traced = (target, name) => new Proxy(target, {
    get(object, key) { order.push(`${name}.${String(key)}`); return object[key]; },
    has() { fail("HasProperty was asked"); },
  });
  const inner = traced({ a: 1, b: 2 }, "m");
  const outer = traced({ m: inner, n: traced({ a: 3 }, "n") }, "");
  instantiate({ imports: [["m", "a", "global", I32], ["n", "a", "global", I32], ["m", "b", "global", I32]] }, outer);
  list(order, [".m", "m.a", ".n", "n.a", ".m", "m.b"]);
});

test("read the imports: a module that is no object is a TypeError, a function is an object", () => {
  for (const value of nonObjects) throws(TypeError, () => new Instance(module, { env: value }), /Import #0 "env": module is not an object or function/);
  new Instance(module, { env: Object.assign(() => {}, imports.env) });
});

test("read the imports: what a getter throws is thrown", () => {
  const thrown = {};
  throws(thrown, () => new Instance(module, { get env() { throw thrown; } }));
  throws(thrown, () => new Instance(module, { env: { get f() { throw thrown; } } }));
});

test("function imports: callables, else LinkError that names the import", () => {
  for (const value of [...nonObjects, {}, module]) {
    throws(LinkError, () => new Instance(module, { env: { f: value } }), /^WebAssembly\.Instance\(\): Import #0 "env" "f": function import requires a callable/);
  }
  const bound = function (x) { return this.n + x; }.bind({ n: 100 });
  same(new Instance(module, { env: { f: bound } }).exports.run(1), 101);
  same(new Instance(module, { env: { f: new Proxy((x) => x - 1, {}) } }).exports.run(1), 0);
  throws(TypeError, () => new Instance(module, { env: { f: class {} } }).exports.run(1));
});

test("function imports: an Exported Function must have the type", () => {
  const { wrong, right } = instantiate({
    funcs: [{ type: [[], []], body: [] }, { type: [[I32], [I32]], body: [0x20, 0] }],
    exports: { wrong: ["func", 0], right: ["func", 1] },
  });
  throws(LinkError, () => new Instance(module, { env: { f: wrong } }), /Import #0 "env" "f"/);
  same(new Instance(module, { env: { f: right } }).exports.f, right);
});

const importing = (...entry) => (value) => instantiate({ imports: [["m", "x", ...entry]] }, { m: { x: value } });

test("global imports: numbers and BigInts by their language type", () => {
  for (const type of [I32, F32, F64]) {
    importing("global", type)(1.5);
    for (const value of [undefined, null, true, "1", 1n, Symbol(), {}]) throws(LinkError, () => importing("global", type)(value), /Import #0 "m" "x"/);
  }
  importing("global", I64)(1n);
  for (const value of [undefined, null, true, "1", 1, Symbol(), {}]) throws(LinkError, () => importing("global", I64)(value));
  throws(LinkError, () => importing("global", V128)(1));
});

test("global imports: the value that arrives", () => {
  const value = (type, given) => instantiate({ imports: [["m", "x", "global", type]], exports: { x: ["global", 0] } }, { m: { x: given } }).x.value;
  same(value(I32, 2 ** 32 + 5), 5);
  same(value(I32, -1), -1);
  same(value(I64, 2n ** 63n), -(2n ** 63n));
  same(value(F32, 0.1), Math.fround(0.1));
  same(value(F64, -0), -0);
  same(value(EXTERNREF, undefined), undefined);
  same(value(EXTERNREF, null), null);
  same(value(EXTERNREF, module), module);
  same(value(FUNCREF, null), null);
});

test("global imports: funcref takes null and Exported Functions alone", () => {
  const { f } = instantiate({ funcs: [{ type: [[], []], body: [] }], exports: { f: ["func", 0] } });
  importing("global", FUNCREF)(f);
  for (const value of [undefined, 1, {}, () => {}]) throws(LinkError, () => importing("global", FUNCREF)(value));
});

test("global imports: a mutable one needs a Global of the type and mutability", () => {
  const global = (value, mutable) => new WebAssembly.Global({ value, mutable });
  throws(LinkError, () => importing("global", I32, true)(1));
  throws(LinkError, () => importing("global", I32, true)(global("i32", false)));
  throws(LinkError, () => importing("global", I32, false)(global("i32", true)));
  throws(LinkError, () => importing("global", I32, false)(global("i64", false)));
  throws(LinkError, () => importing("global", EXTERNREF, true)(1));
  importing("global", I32, true)(global("i32", true));
  importing("global", I32, false)(global("i32", false));
});

test("memory imports: a Memory whose current size and maximum fit", () => {
  for (const value of [...nonObjects, {}, new WebAssembly.Table({ element: "anyfunc", initial: 1 }), WebAssembly.Memory]) {
    throws(LinkError, () => importing("memory", { min: 0 })(value), /memory import must be a WebAssembly\.Memory object/);
  }
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
  throws(LinkError, () => importing("memory", { min: 2 })(memory));
  throws(LinkError, () => importing("memory", { min: 1, max: 3 })(memory));
  throws(LinkError, () => importing("memory", { min: 1, max: 3 })(new WebAssembly.Memory({ initial: 1 })));
  memory.grow(1);
  importing("memory", { min: 2, max: 4 })(memory);
});

test("table imports: a Table whose type and current size fit", () => {
  const table = (element, initial, maximum) => new WebAssembly.Table({ element, initial, maximum });
  for (const value of [...nonObjects, {}, new WebAssembly.Memory({ initial: 1 })]) {
    throws(LinkError, () => importing("table", FUNCREF, { min: 0 })(value), /table import requires a WebAssembly\.Table/);
  }
  throws(LinkError, () => importing("table", FUNCREF, { min: 0 })(table("externref", 1)));
  throws(LinkError, () => importing("table", FUNCREF, { min: 2 })(table("anyfunc", 1)));
  throws(LinkError, () => importing("table", FUNCREF, { min: 1, max: 2 })(table("anyfunc", 1)));
  importing("table", FUNCREF, { min: 1, max: 2 })(table("anyfunc", 1, 2));
});

test("instantiation: a segment out of bounds is a RuntimeError and leaves earlier writes", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const bytes = wasm({
    imports: [["m", "memory", "memory", { min: 1 }]],
    data: [{ offset: i32const(0), bytes: [1, 2] }, { offset: i32const(65535), bytes: [3, 4] }],
  });
  throws(RuntimeError, () => new Instance(new Module(bytes), { m: { memory } }));
  list(new Uint8Array(memory.buffer, 0, 2), [1, 2]);
  same(new Uint8Array(memory.buffer)[65535], 0);
});

test("instantiation: functions put in a table stay callable when it fails later", () => {
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 2 });
  const bytes = wasm({
    imports: [["m", "table", "table", FUNCREF, { min: 2 }]],
    funcs: [{ type: [[], [I32]], body: i32const(42) }, { type: [[], []], body: [0x00] }],
    elems: [{ offset: i32const(1), funcs: [0] }],
    start: 1,
  });
  throws(RuntimeError, () => new Instance(new Module(bytes), { m: { table } }), /unreachable/);
  same(table.get(0), null);
  same(table.get(1)(), 42);
  same(table.get(1).name, "0");
});

test("instantiation: the start function runs before the constructor returns, its exception is thrown", () => {
  const bytes = wasm({ imports: [["env", "f", "func", [[], []]]], start: 0 });
  let ran = 0;
  new Instance(new Module(bytes), { env: { f() { ran++; } } });
  same(ran, 1);
  const thrown = Symbol();
  throws(thrown, () => new Instance(new Module(bytes), { env: { f() { throw thrown; } } }));
});
