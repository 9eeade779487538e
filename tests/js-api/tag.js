// JS API, section "Tags".
"use strict";

const { Tag } = WebAssembly;

test("new Tag: a type with parameters", () => {
  for (const value of [...nonObjects, {}]) throws(TypeError, () => new Tag(value));
  throws(TypeError, () => new Tag());
  throws(TypeError, () => Tag({ parameters: [] }), /new/);
  for (const parameters of [1, "i32", {}, ["i16"], [undefined], null]) throws(TypeError, () => new Tag({ parameters }));
  const tag = new Tag({ parameters: [] });
  same(Object.getPrototypeOf(tag), Tag.prototype);
  same(Object.isExtensible(tag), true);
  same(Reflect.ownKeys(tag).length, 0);
  same(String(tag), "[object WebAssembly.Tag]");
});

test("new Tag: every value type, from any iterable", () => {
  for (const type of ["i32", "i64", "f32", "f64", "v128", "externref", "anyfunc"]) new Tag({ parameters: [type] });
  new Tag({ parameters: new Set(["i32", "f64"]) });
  new Tag({ parameters: (function* () { yield "i32"; })() });
  const order = [];
  new Tag({ parameters: [0, 1].map((i) => ({ toString() { order.push(i); return "i32"; } })) });
  list(order, [0, 1]);
}, { differs: ["V8"] });

test("new Tag: subclasses", () => {
  class Derived extends Tag {}
  same(Object.getPrototypeOf(new Derived({ parameters: [] })), Derived.prototype);
}, { differs: ["V8"] });

test("the interface has no members of its own", () => {
  list(Reflect.ownKeys(Tag.prototype), ["constructor", Symbol.toStringTag]);
}, { differs: ["V8"] });
