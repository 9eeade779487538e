// WebAssembly Web API, section "Serialization". Only where there is structuredClone.
"use strict";

if (typeof structuredClone === "function") {
  const exporting = { funcs: [{ type: [[], [I32]], body: i32const(42) }], exports: { f: ["func", 0] }, custom: [["c", [1, 2]]] };
  // f() is the length of the string constant "four".
  const lengthOfConstant = wasm({
    imports: [["wasm:js-string", "length", "func", [[EXTERNREF], [I32]]], ["strings", "four", "global", EXTERNREF, false]],
    funcs: [{ type: [[], [I32]], body: [0x23, 0, 0x10, 0] }],
    exports: { f: ["func", 1] },
  });

  test("serialization: a clone of a module is another Module object that says and does the same", () => {
    const module = new WebAssembly.Module(wasm(exporting));
    const clone = structuredClone(module);
    different(clone, module);
    same(Object.getPrototypeOf(clone), WebAssembly.Module.prototype);
    same(JSON.stringify(WebAssembly.Module.exports(clone)), JSON.stringify(WebAssembly.Module.exports(module)));
    list(new Uint8Array(WebAssembly.Module.customSections(clone, "c")[0]), [1, 2]);
    same(new WebAssembly.Instance(clone).exports.f(), 42);
  });

  test("serialization: a module within other objects is cloned once", () => {
    const module = new WebAssembly.Module(wasm(exporting));
    const { a, b } = structuredClone({ a: [module], b: new Map([["m", module]]) });
    same(a[0], b.get("m"));
    different(a[0], module);
    same(new WebAssembly.Instance(a[0]).exports.f(), 42);
  });

  test("serialization: builtins and string constants go along", () => {
    const module = new WebAssembly.Module(lengthOfConstant, { builtins: ["js-string"], importedStringConstants: "strings" });
    const clone = structuredClone(module);
    same(WebAssembly.Module.imports(clone).length, 0);
    same(new WebAssembly.Instance(clone, {}).exports.f(), 4);
  });

  test("serialization: nothing else of the interface can be cloned", () => {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm(exporting)));
    const memory = new WebAssembly.Memory({ initial: 1 });
    for (const value of [exports.f, memory, new WebAssembly.Table({ element: "anyfunc", initial: 0 }), new WebAssembly.Global({ value: "i32" })]) {
      let thrown;
      try { structuredClone(value); } catch (error) { thrown = error; }
      same(thrown?.name, "DataCloneError", show(value));
    }
  });
}
