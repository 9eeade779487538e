// JS API, section "Tables".
"use strict";

const { Table } = WebAssembly;
const { f, g } = instantiate({
  funcs: [{ type: [[], [I32]], body: i32const(1) }, { type: [[], [I32]], body: i32const(2) }],
  exports: { f: ["func", 0], g: ["func", 1] },
});
const functions = (initial, maximum) => new Table({ element: "anyfunc", initial, maximum });
const values = (initial, maximum) => new Table({ element: "externref", initial, maximum });
const outOfRange = [NaN, Infinity, -1, 2 ** 32, "text", {}];

test("new Table: a descriptor with element and initial", () => {
  for (const value of [...nonObjects, {}, { element: "anyfunc" }, { initial: 1 }]) throws(TypeError, () => new Table(value), /^WebAssembly\.Table\(\): /);
  for (const element of ["i32", "v128", "any", "funcref ", "", null, 1]) throws(TypeError, () => new Table({ element, initial: 1 }));
  throws(TypeError, () => new Table());
  throws(TypeError, () => Table({ element: "anyfunc", initial: 1 }), /new/);
  const table = functions(2);
  same(Object.getPrototypeOf(table), Table.prototype);
  same(Object.isExtensible(table), true);
  same(Reflect.ownKeys(table).length, 0);
  same(String(table), "[object WebAssembly.Table]");
  same(table.length, 2);
});

test("new Table: limits", () => {
  for (const value of outOfRange) {
    throws(TypeError, () => functions(value));
    throws(TypeError, () => functions(0, value));
  }
  throws(RangeError, () => functions(2, 1));
  throws(RangeError, () => functions(10000001));
  same(functions("3", "4").length, 3);
  same(functions(0, 2 ** 32 - 1).length, 0);
});

test("new Table: the value; missing is the default, undefined is a value", () => {
  same(functions(1).get(0), null);
  same(values(1).get(0), undefined);
  same(new Table({ element: "anyfunc", initial: 2 }, f).get(1), f);
  same(new Table({ element: "anyfunc", initial: 2 }, null).get(1), null);
  throws(TypeError, () => new Table({ element: "anyfunc", initial: 2 }, undefined));
  for (const value of [1, "", {}, () => {}]) throws(TypeError, () => new Table({ element: "anyfunc", initial: 1 }, value), /Argument 1 is invalid for table/);
  for (const value of [...nonObjects, f, {}]) same(new Table({ element: "externref", initial: 1 }, value).get(0), value);
}, { differs: ["V8"] });

test("new Table: the order of conversions", () => {
  const order = [];
  const descriptor = {};
  for (const [key, value] of Object.entries({ maximum: 2, initial: 1, address: "i32", element: "anyfunc" })) {
    Object.defineProperty(descriptor, key, {
      get() {
        order.push(key);
        return { valueOf() { order.push(`${key} value`); return value; }, toString() { order.push(`${key} string`); return value; } };
      },
    });
  }
  new Table(descriptor);
  list(order, [
    "element", "element string", "address", "address string", "initial", "initial value", "maximum", "maximum value",
  ]);
}, { differs: ["V8"] });

test("new Table: subclasses, newTarget without a prototype", () => {
  class Derived extends Table {}
  same(Object.getPrototypeOf(new Derived({ element: "anyfunc", initial: 0 })), Derived.prototype);
  const target = function () {}.bind();
  same(Object.getPrototypeOf(Reflect.construct(Table, [{ element: "anyfunc", initial: 0 }], target)), Table.prototype);
}, { differs: ["V8"] });

test("the interface's members", () => {
  for (const name of ["grow", "get", "set"]) {
    same(attributes(Table.prototype, name), "wec", name);
    same(Table.prototype[name].length, 1, `${name}.length`);
  }
  same(attributes(Table.prototype, "length"), "aec");
  same(Object.getOwnPropertyDescriptor(Table.prototype, "length").set, undefined);
  brandChecked(Table.prototype, [new WebAssembly.Memory({ initial: 0 })]);
});

test("get and set: TypeError for an index that is none, RangeError out of bounds", () => {
  const table = functions(2);
  for (const index of [undefined, ...outOfRange]) {
    throws(TypeError, () => table.get(index));
    throws(TypeError, () => table.set(index, f));
  }
  throws(TypeError, () => table.get());
  throws(TypeError, () => table.set());
  for (const index of [2, 2 ** 32 - 1]) {
    throws(RangeError, () => table.get(index), /^WebAssembly\.Table\.get\(\): invalid address \d+ in .*table of size 2/);
    throws(RangeError, () => table.set(index, f));
  }
  same(table.get("1"), null);
  same(table.get({ valueOf: () => 1 }), null);
});

test("set: funcref takes null and Exported Functions; missing is the default", () => {
  const table = functions(2);
  same(table.set(0, f), undefined);
  same(table.get(0), f);
  table.set(0, g);
  same(table.get(0), g);
  table.set(0, null);
  same(table.get(0), null);
  table.set(0, f);
  table.set(0);
  same(table.get(0), null);
  for (const value of [undefined, 0, {}, () => {}, f.bind()]) throws(TypeError, () => table.set(0, value));
});

test("set: externref takes every value; missing is undefined", () => {
  const table = values(1);
  for (const value of [...nonObjects, f, {}, -0]) {
    table.set(0, value);
    same(table.get(0), value);
  }
  table.set(0);
  same(table.get(0), undefined);
});

test("set: the index is converted and checked before the value is", () => {
  const table = functions(1);
  throws(TypeError, () => table.set(-1, {}));
  throws(TypeError, () => table.set(1, {}));
  throws(RangeError, () => table.set(1, f));
}, { differs: ["V8"] });

test("grow: the old size, the value, the bounds", () => {
  const table = functions(1, 4);
  same(table.grow(1), 1);
  same(table.length, 2);
  same(table.get(1), null);
  same(table.grow(1, f), 2);
  same(table.get(2), f);
  same(table.grow(0), 3);
  throws(RangeError, () => table.grow(2), /failed to grow table by 2/);
  throws(TypeError, () => table.grow(1, {}));
  throws(TypeError, () => table.grow());
  for (const value of [undefined, ...outOfRange]) throws(TypeError, () => table.grow(value));
  same(table.length, 3);
  const others = values(0);
  same(others.grow(1), 0);
  same(others.get(0), undefined);
  others.grow(1, null);
  same(others.get(1), null);
  others.grow(1, undefined);
  same(others.get(2), undefined);
  throws(RangeError, () => others.grow(10000000));
});

test("WebAssembly and JavaScript see one table", () => {
  const { table, set, get, call, size } = instantiate({
    tables: [[FUNCREF, { min: 2 }], [EXTERNREF, { min: 2 }]],
    funcs: [
      { type: [[I32, FUNCREF], []], body: [0x20, 0, 0x20, 1, 0x26, 0] },
      { type: [[I32], [FUNCREF]], body: [0x20, 0, 0x25, 0] },
      { type: [[I32], [I32]], body: [0x20, 0, 0x11, 3, 0] },
      { type: [[], [I32]], body: [0xfc, 0x10, 0] },
    ],
    exports: { table: ["table", 0], set: ["func", 0], get: ["func", 1], call: ["func", 2], size: ["func", 3] },
  });
  set(0, f);
  same(table.get(0), f);
  table.set(1, g);
  same(get(1), g);
  same(call(0), 1);
  same(call(1), 2);
  table.grow(1, f);
  same(size(), 3);
  same(call(2), 1);
  throws(WebAssembly.RuntimeError, () => set(3, f), /table/);
  table.set(1, null);
  throws(WebAssembly.RuntimeError, () => call(1));
});

test("externref in a table goes through WebAssembly as it is", () => {
  const { table, copy, grow } = instantiate({
    tables: [[EXTERNREF, { min: 2 }]],
    funcs: [
      { type: [[], []], body: [...i32const(1), ...i32const(0), 0x25, 0, 0x26, 0] },
      { type: [[EXTERNREF], [I32]], body: [0x20, 0, ...i32const(1), 0xfc, 0x0f, 0] },
    ],
    exports: { table: ["table", 0], copy: ["func", 0], grow: ["func", 1] },
  });
  same(table.get(0), null);
  for (const value of [...nonObjects, {}]) {
    table.set(0, value);
    copy();
    same(table.get(1), value);
    same(table.get(grow(value)), value);
  }
});

test("address i64: indices and sizes are BigInts", () => {
  const table = new Table({ element: "externref", address: "i64", initial: 1n, maximum: 3n });
  same(table.length, 1n);
  table.set(0n, "a");
  same(table.get(0n), "a");
  same(table.grow(1n), 1n);
  for (const value of [0, undefined, -1n, 2n ** 64n]) {
    throws(TypeError, () => table.get(value));
    throws(TypeError, () => table.grow(value));
  }
  throws(RangeError, () => table.get(2n));
  throws(RangeError, () => table.get(2n ** 64n - 1n));
  throws(RangeError, () => table.grow(2n));
  throws(TypeError, () => new Table({ element: "externref", address: "i64", initial: 1 }));
}, { differs: ["V8"] });
