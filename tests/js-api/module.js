// JS API, section "Modules".
"use strict";

const { Module } = WebAssembly;
const parts = {
  imports: [
    ["m", "f", "func", [[I32], []]],
    ["m", "t", "table", FUNCREF, { min: 1, max: 2 }],
    ["", "", "memory", { min: 0 }],
    ["ü", "𐐷", "global", I64, true],
  ],
  funcs: [{ type: [[], []], body: [] }],
  exports: { f: ["func", 1], "": ["memory", 0], t: ["table", 0], g: ["global", 0], 0: ["func", 0] },
  custom: [["note", [1, 2, 3]], ["other", []], ["note", []], ["yee𐐷eey", [9]], ["na\uFFFDme", [8]]],
};
const module = new Module(wasm(parts));

test("new Module: buffer sources only", () => {
  for (const value of [...nonObjects, {}, [0], Module]) throws(TypeError, () => new Module(value), /^WebAssembly\.Module\(\): /);
  throws(TypeError, () => new Module());
  throws(TypeError, () => Module(wasm()), /new/);
});

test("new Module: CompileError names offset and reason", () => {
  const { CompileError } = WebAssembly;
  throws(CompileError, () => new Module(new Uint8Array()), /^WebAssembly\.Module\(\): /);
  throws(CompileError, () => new Module(new Uint8Array([1, 2, 3, 4, 1, 0, 0, 0])), /^WebAssembly\.Module\(\): .*magic.*@\+0/);
  throws(CompileError, () => new Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 2, 0, 0, 0])), /version.*@\+4/);
  const illTyped = wasm({ funcs: [{ type: [[], [I32]], body: [0x42, 0] }] });
  throws(CompileError, () => new Module(illTyped), /@\+\d+/);
});

test("new Module: whatever is cut off, all that is thrown is a CompileError", () => {
  const bytes = wasm(parts);
  let valid = 0;
  for (let length = 0; length < bytes.length; length++) {
    const cut = bytes.subarray(0, length);
    if (WebAssembly.validate(cut)) {
      new Module(cut);
      valid++;
    } else {
      throws(WebAssembly.CompileError, () => new Module(cut));
    }
  }
  same(valid < 10, true);
});

test("new Module: an ordinary, extensible object of the class", () => {
  same(Object.getPrototypeOf(module), Module.prototype);
  same(Object.isExtensible(module), true);
  same(String(module), "[object WebAssembly.Module]");
  same(Reflect.ownKeys(module).length, 0);
});

test("new Module: subclasses, newTarget without a prototype", () => {
  class Derived extends Module {}
  same(Object.getPrototypeOf(new Derived(wasm())), Derived.prototype);
  same(Module.exports(new Derived(wasm())).length, 0);
  const target = function () {}.bind();
  same(Object.getPrototypeOf(Reflect.construct(Module, [wasm()], target)), Module.prototype);
}, { differs: ["V8"] });

test("Module: the static operations", () => {
  for (const [name, length] of [["exports", 1], ["imports", 1], ["customSections", 2]]) {
    same(attributes(Module, name), "wec", name);
    same(Module[name].length, length, `${name}.length`);
    for (const value of [...nonObjects, {}, Module, Module.prototype]) throws(TypeError, () => Module[name](value, ""));
    throws(TypeError, () => Module[name]());
  }
});

const descriptors = (found) => found.map((entry) => Object.values(entry).join("|"));

test("Module.exports: fresh arrays of fresh objects in module order", () => {
  const found = Module.exports(module);
  list(Object.keys(found[0]), ["name", "kind"]);
  list(descriptors(found).sort(), ["0|function", "f|function", "g|global", "t|table", "|memory"]);
  same(Object.getPrototypeOf(found[0]), Object.prototype);
  same(Array.isArray(found), true);
  same(attributes(found[0], "name"), "wec");
  different(Module.exports(module), found);
  different(Module.exports(module)[0], found[0]);
});

test("Module.imports: fresh arrays of fresh objects in module order", () => {
  const found = Module.imports(module);
  list(Object.keys(found[0]), ["module", "name", "kind"]);
  list(descriptors(found), ["m|f|function", "m|t|table", "||memory", "ü|𐐷|global"]);
  different(Module.imports(module)[0], found[0]);
});

test("Module.imports and exports: tags", () => {
  const tagged = new Module(wasm({ imports: [["m", "t", "tag", [I32]]], tags: [[I64]], exports: { e: ["tag", 1] } }));
  list(descriptors(Module.imports(tagged)), ["m|t|tag"]);
  list(descriptors(Module.exports(tagged)), ["e|tag"]);
}, { needs: "Tag" });

test("Module.customSections: fresh copies of every section of the name", () => {
  const bytes = (name) => Module.customSections(module, name).map((buffer) => Array.from(new Uint8Array(buffer)).join());
  list(bytes("note"), ["1,2,3", ""]);
  list(bytes("other"), [""]);
  list(bytes(""), []);
  list(bytes("note\0"), []);
  const [first] = Module.customSections(module, "note");
  same(Object.getPrototypeOf(first), ArrayBuffer.prototype);
  new Uint8Array(first)[0] = 7;
  list(bytes("note"), ["1,2,3", ""]);
});

test("Module.customSections: both arguments are needed, the second is a DOMString", () => {
  throws(TypeError, () => Module.customSections(module));
  throws(TypeError, () => Module.customSections(module, Symbol()));
  same(Module.customSections(module, undefined).length, 0);
  const named = new Module(wasm({ custom: [["undefined", [1]], ["1", [2]]] }));
  same(Module.customSections(named, undefined).length, 1);
  same(Module.customSections(named, 1).length, 1);
  same(Module.customSections(named, { toString: () => "1" }).length, 1);
}, { differs: ["V8"] });

test("Module.customSections: lone surrogates match nothing", () => {
  same(Module.customSections(module, "yee\uD801\uDC37eey").length, 1);
  same(Module.customSections(module, "yee\uFFFDeey").length, 0);
  same(Module.customSections(module, "na\uFFFDme").length, 1);
  same(Module.customSections(module, "na\uDC01me").length, 0);
});
