// JS API, section "Exported Functions": Exported Functions, host functions, ToJSValue, ToWebAssemblyValue.
"use strict";

const pass = (type) => instantiate({ funcs: [{ type: [[type], [type]], body: [0x20, 0] }], exports: { f: ["func", 0] } }).f;
const through = (type, f) => instantiate({
  imports: [["env", "f", "func", [[type], [type]]]],
  funcs: [{ type: [[type], [type]], body: [0x20, 0, 0x10, 0] }],
  exports: { f: ["func", 1] },
}, { env: { f } }).f;

test("a new Exported Function: a built-in function that is no constructor", () => {
  const { f, g } = instantiate({
    funcs: [{ type: [[I32, F64, I64], []], body: [] }, { type: [[], []], body: [] }],
    exports: { f: ["func", 0], g: ["func", 1] },
  });
  same(typeof f, "function");
  same(Object.getPrototypeOf(f), Function.prototype);
  same(f.name, "0");
  same(g.name, "1");
  same(f.length, 3);
  same(attributes(f, "name"), "--c");
  same(attributes(f, "length"), "--c");
  list(Reflect.ownKeys(f).sort(), ["length", "name"]);
  same(Object.isExtensible(f), true);
  throws(TypeError, () => new f(1, 2, 3n));
  throws(TypeError, () => Reflect.construct(Object, [], f));
  same(String(f).includes("native code"), true);
});

test("a new Exported Function: its name is the index in the module that defines it", () => {
  const { f } = instantiate({
    imports: [["m", "a", "func", [[], []]], ["m", "b", "func", [[], []]]],
    funcs: [{ type: [[], []], body: [] }],
    exports: { f: ["func", 2] },
  }, { m: { a() {}, b() {} } });
  same(f.name, "2");
  same(instantiate({
    imports: [["m", "f", "func", [[], []]]],
    exports: { f: ["func", 0] },
  }, { m: { f } }).f.name, "2");
});

test("a new Exported Function: a host function is named by its place among the function imports", () => {
  const js = () => 1;
  const { a, b } = instantiate({
    imports: [["m", "g", "global", I32], ["m", "f", "func", [[], [I32]]], ["m", "f", "func", [[], [I32]]]],
    exports: { a: ["func", 0], b: ["func", 1] },
  }, { m: { g: 0, f: js } });
  same(a.name, "0");
  same(b.name, "1");
  different(a, b);
  different(a, js);
  same(a(), 1);
});

test("Exported Function cache: export, table, global and argument give one object", () => {
  const { f, table, global, argument } = instantiate({
    funcs: [{ type: [[], []], body: [] }, { type: [[FUNCREF], [FUNCREF]], body: [0x20, 0] }],
    tables: [[FUNCREF, { min: 1 }]],
    globals: [[FUNCREF, false, [0xd2, 0]]],
    elems: [{ offset: i32const(0), funcs: [0] }],
    exports: { f: ["func", 0], argument: ["func", 1], table: ["table", 0], global: ["global", 0] },
  });
  same(table.get(0), f);
  same(global.value, f);
  same(argument(f), f);
  same(argument(null), null);
});

test("call: arguments from left to right, missing ones are undefined, further ones are ignored", () => {
  const { f } = instantiate({
    funcs: [{ type: [[I32, F64], [F64]], body: [0x20, 0, 0xb7, 0x20, 1, 0xa0] }],
    exports: { f: ["func", 0] },
  });
  const order = [];
  const value = (n) => ({ valueOf() { order.push(n); return n; } });
  same(f(value(1), value(2), value(3)), 3);
  list(order, [1, 2]);
  same(f(1), NaN);
  same(f(), NaN);
  const thrown = {};
  throws(thrown, () => f({ valueOf() { throw thrown; } }, { valueOf() { fail("converted"); } }));
});

test("call: no result, one result, several results", () => {
  const { none, many } = instantiate({
    funcs: [{ type: [[], []], body: [] }, { type: [[], [I32, I64, F64]], body: [...i32const(1), ...i64const(2), 0x44, 0, 0, 0, 0, 0, 0, 8, 64] }],
    exports: { none: ["func", 0], many: ["func", 1] },
  });
  same(none(), undefined);
  const found = many();
  same(Object.getPrototypeOf(found), Array.prototype);
  list(found, [1, 2n, 3]);
  different(many(), found);
});

test("call: more parameters and results than fit in registers", () => {
  const types = Array.from({ length: 40 }, (_, i) => [I32, I64, F32, F64][i % 4]);
  const { f } = instantiate({
    funcs: [{ type: [types, types], body: types.flatMap((_, i) => [0x20, i]) }],
    exports: { f: ["func", 0] },
  });
  const values = types.map((type, i) => (type === I64 ? BigInt(i) : i));
  list(f(...values), values);
  const echo = instantiate({
    imports: [["env", "f", "func", [types, types]]],
    funcs: [{ type: [types, types], body: [...types.flatMap((_, i) => [0x20, i]), 0x10, 0] }],
    exports: { f: ["func", 1] },
  }, { env: { f: (...args) => args } });
  list(echo.f(...values), values);
});

test("call: a signature with v128 throws a TypeError before any conversion", () => {
  const { take, give } = instantiate({
    funcs: [
      { type: [[I32, V128], []], body: [] },
      { type: [[I32], [V128]], body: [0x20, 0, 0xfd, 0x11] },
    ],
    exports: { take: ["func", 0], give: ["func", 1] },
  });
  const untouchable = { valueOf() { fail("converted"); } };
  throws(TypeError, () => take(untouchable));
  throws(TypeError, () => give(untouchable));
});

test("ToWebAssemblyValue and ToJSValue: i32", () => {
  const f = pass(I32);
  for (const [given, expected] of [
    [0, 0], [-0, 0], [1.9, 1], [-1.9, -1], [2 ** 31, -(2 ** 31)], [2 ** 32, 0], [2 ** 53 + 2, 2], [NaN, 0], [Infinity, 0],
    [undefined, 0], [null, 0], [true, 1], ["12", 12], ["0x10", 16], ["text", 0], [[7], 7], [{ valueOf: () => 5 }, 5],
    [{ [Symbol.toPrimitive]: (hint) => (hint === "number" ? 9 : 0) }, 9],
  ]) same(f(given), expected, show(given));
  throws(TypeError, () => f(1n));
  throws(TypeError, () => f(Symbol()));
});

test("ToWebAssemblyValue and ToJSValue: i64", () => {
  const f = pass(I64);
  for (const [given, expected] of [
    [0n, 0n], [-1n, -1n], [2n ** 63n, -(2n ** 63n)], [2n ** 64n + 3n, 3n], [-(2n ** 63n), -(2n ** 63n)], [true, 1n], ["12", 12n], ["", 0n],
    [[7n], 7n], [{ valueOf: () => 5n }, 5n],
  ]) same(f(given), expected, show(given));
  for (const value of [0, 1.5, undefined, null, Symbol(), NaN]) throws(TypeError, () => f(value));
  for (const value of ["text", {}, "1.5"]) throws(SyntaxError, () => f(value));
});

test("ToWebAssemblyValue and ToJSValue: f32 and f64", () => {
  const f = pass(F32);
  const d = pass(F64);
  for (const value of [0, -0, 1, 0.1, 1e40, -1e40, 2 ** -149, 2 ** -150, 1.0000000596046448, 1.000000059604645, NaN, Infinity, 16777217]) {
    same(f(value), Math.fround(value), show(value));
    same(d(value), value, show(value));
  }
  same(f("1.5"), 1.5);
  same(d(undefined), NaN);
  same(d(null), 0);
  for (const g of [f, d]) {
    throws(TypeError, () => g(1n));
    throws(TypeError, () => g(Symbol()));
  }
});

test("ToWebAssemblyValue and ToJSValue: externref takes every value as it is", () => {
  const f = pass(EXTERNREF);
  for (const value of [...nonObjects, -0, {}, [], () => {}, f, new Proxy({}, {})]) same(f(value), value, show(value));
  same(f(), undefined);
});

test("ToWebAssemblyValue: funcref takes null and Exported Functions alone", () => {
  const f = pass(FUNCREF);
  same(f(f), f);
  same(f(null), null);
  for (const value of [undefined, 0, {}, () => {}, function () {}, new Proxy(f, {}), f.bind()]) throws(TypeError, () => f(value));
  throws(TypeError, () => f());
});

test("run a host function: this is undefined, arguments arrive in order", () => {
  let seen;
  const { f } = instantiate({
    imports: [["env", "f", "func", [[I32, I64, F64, EXTERNREF], []]]],
    funcs: [{ type: [[EXTERNREF], []], body: [...i32const(1), ...i64const(2), 0x44, 0, 0, 0, 0, 0, 0, 8, 64, 0x20, 0, 0x10, 0] }],
    exports: { f: ["func", 1] },
  }, { env: { f(...args) { seen = [this, ...args]; } } });
  const value = {};
  same(f(value), undefined);
  list(seen, [undefined, 1, 2n, 3, value]);
});

test("run a host function: the result is converted, the exception passes through", () => {
  same(through(I32, (x) => ({ valueOf: () => x + 1.5 }))(1), 2);
  same(through(I32, () => undefined)(1), 0);
  same(through(I64, (x) => x + 1n)(2n ** 63n - 1n), -(2n ** 63n));
  same(through(F32, () => 0.1)(0), Math.fround(0.1));
  same(through(EXTERNREF, (x) => [x])("a")[0], "a");
  throws(TypeError, () => through(I32, () => 1n)(1));
  throws(TypeError, () => through(I64, () => 1)(1n));
  const thrown = {};
  throws(thrown, () => through(I32, () => { throw thrown; })(1));
  throws(thrown, () => through(I32, () => ({ valueOf() { throw thrown; } }))(1));
});

test("run a host function: without results the return value is ignored", () => {
  const { f } = instantiate({
    imports: [["env", "f", "func", [[], []]]],
    funcs: [{ type: [[], []], body: [0x10, 0] }],
    exports: { f: ["func", 1] },
  }, { env: { f: () => ({ valueOf() { fail("converted"); } }) } });
  same(f(), undefined);
});

const pair = (f) => instantiate({
  imports: [["env", "f", "func", [[], [I32, EXTERNREF]]]],
  funcs: [{ type: [[], [I32, EXTERNREF]], body: [0x10, 0] }],
  exports: { f: ["func", 1] },
}, { env: { f } }).f;

test("run a host function: several results come from any iterable", () => {
  list(pair(() => [1.5, "a"])(), [1, "a"]);
  list(pair(() => new Set(["7", null]))(), [7, null]);
  list(pair(() => "42")(), [4, "2"]);
  list(pair(function* () { yield 1; yield 2; return 3; })(), [1, 2]);
});

test("run a host function: several results, what is refused", () => {
  for (const value of [undefined, null, 1, {}, { [Symbol.iterator]: null }, { [Symbol.iterator]: 1 }, { [Symbol.iterator]: () => 1 }]) {
    throws(TypeError, () => pair(() => value)());
  }
  for (const value of [[], [1], [1, 2, 3], "4"]) throws(TypeError, () => pair(() => value)());
});

test("run a host function: the iterator is drained before the count is checked, then the values are converted", () => {
  const order = [];
  const iterable = (count) => ({
    [Symbol.iterator]() {
      let i = 0;
      return { next() { order.push("next"); return { done: i++ === count, value: { valueOf() { order.push("valueOf"); return i; } } }; } };
    },
  });
  throws(TypeError, () => pair(() => iterable(3))());
  list(order.splice(0), ["next", "next", "next", "next"]);
  pair(() => iterable(2))();
  list(order, ["next", "next", "next", "valueOf"]);
});

test("run a host function: what an iterator throws passes through", () => {
  const thrown = {};
  const bad = [
    { get [Symbol.iterator]() { throw thrown; } },
    { [Symbol.iterator]() { throw thrown; } },
    { [Symbol.iterator]: () => ({ get next() { throw thrown; } }) },
    { [Symbol.iterator]: () => ({ next() { throw thrown; } }) },
    { [Symbol.iterator]: () => ({ next: () => ({ get done() { throw thrown; } }) }) },
    { [Symbol.iterator]: () => ({ next: () => ({ done: false, get value() { throw thrown; } }) }) },
  ];
  for (const value of bad) throws(thrown, () => pair(() => value)());
});

test("run a host function: it may call back into the instance, to any depth", () => {
  const exports = instantiate({
    imports: [["env", "f", "func", [[I32], [I32]]]],
    funcs: [{ type: [[I32], [I32]], body: [0x20, 0, 0x10, 0, ...i32const(1), 0x6a] }],
    exports: { f: ["func", 1] },
  }, { env: { f: (n) => (n > 0 ? exports.f(n - 1) : 0) } });
  same(exports.f(50), 51);
});

test("an Exported Function as import is called without conversion, and keeps its identity", () => {
  const { add } = instantiate({ funcs: [{ type: [[I32, I32], [I32]], body: [0x20, 0, 0x20, 1, 0x6a] }], exports: { add: ["func", 0] } });
  const { run, again } = instantiate({
    imports: [["m", "add", "func", [[I32, I32], [I32]]]],
    funcs: [{ type: [[], [I32]], body: [...i32const(2), ...i32const(3), 0x10, 0] }],
    exports: { run: ["func", 1], again: ["func", 0] },
  }, { m: { add } });
  same(run(), 5);
  same(again, add);
});
