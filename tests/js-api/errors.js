// JS API, sections "Error Objects" and "Error Condition Mappings to JavaScript".
"use strict";

for (const name of ["CompileError", "LinkError", "RuntimeError"]) {
  const Class = WebAssembly[name];

  test(`${name}: NativeError object structure, the constructor`, () => {
    same(Object.getPrototypeOf(Class), Error);
    same(Class.name, name);
    same(Class.length, 1);
    same(attributes(Class, "prototype"), "---");
    list(Reflect.ownKeys(Class).sort(), ["length", "name", "prototype"]);
  });

  test(`${name}: NativeError object structure, the prototype`, () => {
    same(Object.getPrototypeOf(Class.prototype), Error.prototype);
    for (const key of ["constructor", "name", "message"]) same(attributes(Class.prototype, key), "w-c", key);
    same(Class.prototype.constructor, Class);
    same(Class.prototype.name, name);
    same(Class.prototype.message, "");
    same(Symbol.toStringTag in Class.prototype, false);
    same(Object.prototype.toString.call(Class.prototype), "[object Object]");
  });

  test(`${name}: instances`, () => {
    for (const error of [new Class("text"), Class("text")]) {
      same(error instanceof Class, true);
      same(error instanceof Error, true);
      same(Object.prototype.toString.call(error), "[object Error]");
      same(error.message, "text");
      same(attributes(error, "message"), "w-c");
      same(String(error), `${name}: text`);
      same(typeof error.stack, "string");
    }
    same(Object.hasOwn(new Class(), "message"), false);
    same(Object.hasOwn(new Class(undefined), "message"), false);
    same(new Class(null).message, "null");
    throws(TypeError, () => new Class(Symbol()));
  });

  test(`${name}: cause`, () => {
    const cause = {};
    same(new Class("text", { cause }).cause, cause);
    same(attributes(new Class("text", { cause }), "cause"), "w-c");
    same(attributes(new Class("text", { cause: undefined }), "cause"), "w-c");
    same(Object.hasOwn(new Class("text", {}), "cause"), false);
    same(Object.hasOwn(new Class("text", 1), "cause"), false);
  });

  test(`${name}: subclasses and newTarget`, () => {
    class Derived extends Class {}
    const derived = new Derived("text");
    same(derived instanceof Class, true);
    same(Object.getPrototypeOf(derived), Derived.prototype);
    const target = function () {}.bind();
    target.prototype = null;
    same(Object.getPrototypeOf(Reflect.construct(Class, [], target)), Class.prototype);
  });
}

test("a trap is a RuntimeError that JavaScript can catch, and the instance goes on", () => {
  const { fail: trap, ok } = instantiate({
    funcs: [{ type: [[], []], body: [0x00] }, { type: [[], [I32]], body: i32const(7) }],
    exports: { fail: ["func", 0], ok: ["func", 1] },
  });
  throws(WebAssembly.RuntimeError, trap, /unreachable/);
  same(ok(), 7);
});

test("traps by their reason", () => {
  const binary = (opcode) => ({ type: [[I32, I32], [I32]], body: [0x20, 0, 0x20, 1, opcode] });
  const { div, load, trunc, call } = instantiate({
    memories: [{ min: 1 }],
    tables: [[FUNCREF, { min: 1 }]],
    funcs: [
      binary(0x6d),
      { type: [[I32], [I32]], body: [0x20, 0, 0x28, 2, 0] },
      { type: [[F64], [I32]], body: [0x20, 0, 0xaa] },
      { type: [[I32], []], body: [0x20, 0, 0x11, 4, 0] },
      { type: [[], []], body: [] },
    ],
    exports: { div: ["func", 0], load: ["func", 1], trunc: ["func", 2], call: ["func", 3] },
  });
  const { RuntimeError } = WebAssembly;
  throws(RuntimeError, () => div(1, 0), /divi/);
  throws(RuntimeError, () => div(-(2 ** 31), -1), /overflow|unrepresentable/);
  throws(RuntimeError, () => load(65536), /out of bounds/);
  throws(RuntimeError, () => load(-1), /out of bounds/);
  throws(RuntimeError, () => trunc(NaN), /integer|unrepresentable/);
  throws(RuntimeError, () => trunc(1e10), /integer|unrepresentable/);
  throws(RuntimeError, () => call(0));
  throws(RuntimeError, () => call(1));
  same(div(7, 2), 3);
});

test("a trap's stack names the WebAssembly frames, innermost first", () => {
  const name = [1, ...leb(15), 2, 0, 5, ..."inner".split("").map((c) => c.charCodeAt()), 1, 5, ..."outer".split("").map((c) => c.charCodeAt())];
  const { outer } = instantiate({
    funcs: [{ type: [[], []], body: [0x00] }, { type: [[], []], body: [0x10, 0] }],
    exports: { outer: ["func", 1] },
    custom: [["name", name]],
  });
  const { stack } = throws(WebAssembly.RuntimeError, outer);
  const frames = stack.split("\n").filter((line) => line.includes("wasm-function"));
  same(frames.length, 2, stack);
  same(/^\s+at inner \(wasm:\/\/wasm\/[0-9a-f]{8}:wasm-function\[0\]:0x[0-9a-f]+\)$/.test(frames[0]), true, stack);
  same(/^\s+at outer \(wasm:\/\/wasm\/[0-9a-f]{8}:wasm-function\[1\]:0x[0-9a-f]+\)$/.test(frames[1]), true, stack);
}, { differs: ["V8"] });

test("Stack Overflow: what JavaScript throws, and both stacks stay usable", () => {
  let deepest;
  const recurse = () => recurse() + 1;
  try {
    recurse();
  } catch (error) {
    deepest = Object.getPrototypeOf(error);
  }
  const { loop, bounce, ok } = instantiate({
    imports: [["env", "back", "func", [[], []]]],
    funcs: [
      { type: [[], []], body: [0x10, 1] },
      { type: [[], []], body: [0x10, 0] },
      { type: [[], [I32]], body: i32const(1) },
    ],
    exports: { loop: ["func", 1], bounce: ["func", 2], ok: ["func", 3] },
  }, { env: { back: () => bounce() } });
  for (let i = 0; i < 3; i++) {
    for (const steps of [loop, bounce]) {
      let thrown;
      try {
        steps();
      } catch (error) {
        thrown = error;
      }
      same(Object.getPrototypeOf(Object(thrown)), deepest, "class");
      same(ok(), 1);
    }
  }
});

test("what an import throws passes through WebAssembly unchanged", () => {
  for (const value of [new Error("text"), {}, null, undefined, 0, "text", 1n, Symbol()]) {
    const { run } = instantiate({
      imports: [["env", "f", "func", [[], []]]],
      funcs: [{ type: [[], []], body: [0x10, 0] }],
      exports: { run: ["func", 1] },
    }, { env: { f() { throw value; } } });
    throws(typeof value === "function" ? {} : value, run);
  }
});

test("a trap under JavaScript under WebAssembly passes through both", () => {
  const { trap } = instantiate({ funcs: [{ type: [[], []], body: [0x00] }], exports: { trap: ["func", 0] } });
  let seen;
  const { run } = instantiate({
    imports: [["env", "f", "func", [[], []]]],
    funcs: [{ type: [[], []], body: [0x10, 0] }],
    exports: { run: ["func", 1] },
  }, { env: { f() { try { trap(); } catch (error) { seen = error; throw error; } } } });
  const thrown = throws(WebAssembly.RuntimeError, run);
  same(thrown, seen);
});
