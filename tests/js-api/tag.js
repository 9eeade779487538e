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
}, { needs: "Tag" });

test("new Tag: every value type, from any iterable", () => {
  for (const type of ["i32", "i64", "f32", "f64", "v128", "externref", "anyfunc"]) new Tag({ parameters: [type] });
  new Tag({ parameters: new Set(["i32", "f64"]) });
  new Tag({ parameters: (function* () { yield "i32"; })() });
  const order = [];
  new Tag({ parameters: [0, 1].map((i) => ({ toString() { order.push(i); return "i32"; } })) });
  list(order, [0, 1]);
}, { needs: "Tag", differs: ["V8"] });

test("new Tag: subclasses", () => {
  class Derived extends Tag {}
  same(Object.getPrototypeOf(new Derived({ parameters: [] })), Derived.prototype);
}, { needs: "Tag", differs: ["V8"] });

test("the interface has no members of its own", () => {
  list(Reflect.ownKeys(Tag.prototype), ["constructor", Symbol.toStringTag]);
}, { needs: "Tag", differs: ["V8"] });

const importing = (value) => instantiate({ imports: [["m", "x", "tag", [I32]]], exports: { x: ["tag", 0] } }, { m: { x: value } });

test("read the imports: a tag import takes a Tag of the type", () => {
  for (const value of [...nonObjects, {}, Tag]) throws(WebAssembly.LinkError, () => importing(value), /Import #0 "m" "x"/);
  throws(WebAssembly.LinkError, () => importing(new Tag({ parameters: ["i64"] })));
  const tag = new Tag({ parameters: ["i32"] });
  same(importing(tag).x, tag);
}, { needs: "Tag" });

test("create an exports object: a tag is one Tag object", () => {
  const { a, b } = instantiate({ tags: [[], [I32]], exports: { a: ["tag", 0], b: ["tag", 0] } });
  same(a instanceof Tag, true);
  same(a, b);
}, { needs: "Tag" });
