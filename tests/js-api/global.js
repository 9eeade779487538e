// JS API, section "Globals".
"use strict";

const { Global } = WebAssembly;
const { f } = instantiate({ funcs: [{ type: [[], []], body: [] }], exports: { f: ["func", 0] } });

test("new Global: a descriptor with value", () => {
  for (const value of [...nonObjects, {}]) throws(TypeError, () => new Global(value), /^WebAssembly\.Global\(\): /);
  for (const value of ["i16", "i32\0", "", null, "I32", 1]) throws(TypeError, () => new Global({ value }));
  throws(TypeError, () => new Global());
  throws(TypeError, () => Global({ value: "i32" }), /new/);
  const global = new Global({ value: "i32" });
  same(Object.getPrototypeOf(global), Global.prototype);
  same(Object.isExtensible(global), true);
  same(Reflect.ownKeys(global).length, 0);
  same(String(global), "[object WebAssembly.Global]");
});

test("new Global: mutable is read before value", () => {
  const order = [];
  new Global({ get value() { order.push("value"); return "i32"; }, get mutable() { order.push("mutable"); return false; } });
  list(order, ["mutable", "value"]);
});

test("new Global: v128 is a TypeError", () => {
  throws(TypeError, () => new Global({ value: "v128" }));
  throws(TypeError, () => new Global({ value: "v128" }, 0));
});

test("new Global: default values", () => {
  for (const [value, expected] of [["i32", 0], ["i64", 0n], ["f32", 0], ["f64", 0], ["externref", undefined], ["anyfunc", null]]) {
    same(new Global({ value }).value, expected, value);
    if (value !== "anyfunc") same(new Global({ value }, undefined).value, expected, value);
  }
});

test("new Global: the value is converted", () => {
  const value = (type, given) => new Global({ value: type }, given).value;
  same(value("i32", 2 ** 31), -(2 ** 31));
  same(value("i32", "7"), 7);
  same(value("i64", 2n ** 64n + 1n), 1n);
  same(value("f32", 0.1), Math.fround(0.1));
  same(value("f64", null), 0);
  same(value("externref", null), null);
  same(value("anyfunc", f), f);
  same(value("anyfunc", null), null);
  throws(TypeError, () => value("i32", 1n));
  throws(TypeError, () => value("i64", 1));
  throws(TypeError, () => value("f64", Symbol()));
  throws(TypeError, () => value("anyfunc", () => {}));
  throws(TypeError, () => value("anyfunc", {}));
});

test("new Global: subclasses, newTarget without a prototype", () => {
  class Derived extends Global {}
  same(Object.getPrototypeOf(new Derived({ value: "i32" })), Derived.prototype);
  const target = function () {}.bind();
  same(Object.getPrototypeOf(Reflect.construct(Global, [{ value: "i32" }], target)), Global.prototype);
}, { differs: ["V8"] });

test("the interface's members", () => {
  same(attributes(Global.prototype, "valueOf"), "wec");
  same(Global.prototype.valueOf.length, 0);
  same(attributes(Global.prototype, "value"), "aec");
  const { get, set } = Object.getOwnPropertyDescriptor(Global.prototype, "value");
  same(get.name, "get value");
  same(set.name, "set value");
  same(set.length, 1);
  brandChecked(Global.prototype, [new WebAssembly.Memory({ initial: 0 })]);
});

test("value: the setter of an immutable global throws before any conversion", () => {
  for (const value of ["i32", "i64", "f32", "f64", "externref", "anyfunc"]) {
    const global = new Global({ value });
    const before = global.value;
    throws(TypeError, () => { global.value = { valueOf() { fail("converted"); } }; }, /immutable global/);
    same(global.value, before);
  }
});

test("value: set and get", () => {
  const global = (value) => new Global({ value, mutable: true });
  for (const [type, given, expected] of [
    ["i32", 5.7, 5], ["i32", undefined, 0], ["i64", -1n, -1n], ["i64", "3", 3n], ["f32", 0.1, Math.fround(0.1)], ["f64", "1e3", 1000],
    ["externref", "a", "a"], ["externref", null, null], ["anyfunc", f, f], ["anyfunc", null, null],
  ]) {
    const found = global(type);
    found.value = given;
    same(found.value, expected, type);
    same(found.valueOf(), expected, type);
  }
  throws(TypeError, () => { global("i32").value = 1n; });
  throws(TypeError, () => { global("i64").value = 1; });
  throws(TypeError, () => { global("anyfunc").value = {}; });
});

test("value: the setter without an argument takes undefined", () => {
  const { set } = Object.getOwnPropertyDescriptor(Global.prototype, "value");
  const global = new Global({ value: "externref", mutable: true }, 1);
  same(set.call(global), undefined);
  same(global.value, undefined);
  const number = new Global({ value: "f64", mutable: true }, 1);
  set.call(number);
  same(number.value, NaN);
}, { differs: ["V8"] });

test("mutable: every truthy value", () => {
  for (const mutable of [true, 1, "x", {}]) new Global({ value: "i32", mutable }).value = 1;
  for (const mutable of [false, 0, "", null, undefined]) throws(TypeError, () => { new Global({ value: "i32", mutable }).value = 1; });
  new Global(Object.create({ value: "i32", mutable: true })).value = 1;
});

test("WebAssembly and JavaScript see one global", () => {
  for (const [type, name, a, b] of [
    [I32, "i32", 1, 2], [I64, "i64", 1n, 2n], [F32, "f32", 1.5, 2.5], [F64, "f64", 0.1, 0.2], [EXTERNREF, "externref", {}, "b"], [FUNCREF, "anyfunc", f, null],
  ]) {
    const own = new Global({ value: name, mutable: true }, a);
    const { get, set, again } = instantiate({
      imports: [["m", "g", "global", type, true]],
      funcs: [{ type: [[], [type]], body: [0x23, 0] }, { type: [[type], []], body: [0x20, 0, 0x24, 0] }],
      exports: { get: ["func", 0], set: ["func", 1], again: ["global", 0] },
    }, { m: { g: own } });
    same(again, own);
    same(get(), a, name);
    set(b);
    same(own.value, b, name);
    own.value = a;
    same(get(), a, name);
  }
});

test("an exported global of a module", () => {
  const { g, read } = instantiate({
    globals: [[I32, true, i32const(7)]],
    funcs: [{ type: [[], [I32]], body: [0x23, 0] }],
    exports: { g: ["global", 0], read: ["func", 0] },
  });
  same(g.value, 7);
  g.value = 8;
  same(read(), 8);
});

test("an exported v128 global: value and valueOf throw a TypeError", () => {
  const { g } = instantiate({ globals: [[V128, true, [0xfd, 0x0c, ...Array(16).fill(1)]]], exports: { g: ["global", 0] } });
  throws(TypeError, () => g.value);
  throws(TypeError, () => g.valueOf());
  throws(TypeError, () => { g.value = 0; });
});
