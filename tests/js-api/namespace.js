// JS API, section "The WebAssembly Namespace": the object, validate, compile, instantiate.
"use strict";

const interfaces = ["Module", "Instance", "Memory", "Table", "Global", "Tag"].filter((name) => name in WebAssembly);
const identity = [[I32], [I32]];
const empty = wasm();
const adder = wasm({
  imports: [["env", "f", "func", identity]],
  funcs: [{ type: identity, body: [0x20, 0, 0x10, 0] }],
  exports: { f: ["func", 1] },
});
const broken = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0]);

test("Web IDL: the namespace object", () => {
  same(attributes(globalThis, "WebAssembly"), "w-c");
  same(String(WebAssembly), "[object WebAssembly]");
  same(attributes(WebAssembly, Symbol.toStringTag), "--c");
  same(Object.getPrototypeOf(WebAssembly), Object.prototype);
  throws(TypeError, () => WebAssembly());
  throws(TypeError, () => new WebAssembly());
});

test("Web IDL: operations are enumerable, interface objects and error classes are not", () => {
  for (const [name, length] of Object.entries({ validate: 1, compile: 1, instantiate: 1 })) {
    same(attributes(WebAssembly, name), "wec", name);
    same(WebAssembly[name].name, name);
    same(WebAssembly[name].length, length, `${name}.length`);
    same("prototype" in WebAssembly[name], false, `${name} has a prototype`);
    throws(TypeError, () => new WebAssembly[name](empty));
  }
  for (const name of [...interfaces, "CompileError", "LinkError", "RuntimeError"]) {
    same(attributes(WebAssembly, name), "w-c", name);
  }
});

test("Web IDL: interface objects", () => {
  for (const name of interfaces) {
    const object = WebAssembly[name];
    same(object.name, name);
    same(object.length, 1, `${name}.length`);
    same(attributes(object, "name"), "--c");
    same(attributes(object, "length"), "--c");
    same(attributes(object, "prototype"), "---");
    if (name !== "Module") same(Object.getPrototypeOf(object), Function.prototype, name);
    same(attributes(object.prototype, "constructor"), "w-c");
    same(object.prototype.constructor, object);
    if (name !== "Module") same(Object.getPrototypeOf(object.prototype), Object.prototype, name);
    same(object.prototype[Symbol.toStringTag], `WebAssembly.${name}`);
    same(attributes(object.prototype, Symbol.toStringTag), "--c");
    throws(TypeError, () => object({}), /new/);
  }
});

test("validate: true, false, and TypeError for what is no buffer source", () => {
  same(WebAssembly.validate(empty), true);
  same(WebAssembly.validate(broken), false);
  same(WebAssembly.validate(new Uint8Array()), false);
  for (const value of [...nonObjects, {}, [], () => {}]) throws(TypeError, () => WebAssembly.validate(value), /buffer source/);
  throws(TypeError, () => WebAssembly.validate());
});

test("buffer sources: ArrayBuffer, every view, shared, resizable", () => {
  const padded = new Uint8Array(empty.length + 8);
  padded.set(empty, 4);
  const sources = [
    empty.buffer,
    padded.subarray(4, 4 + empty.length),
    new Uint16Array(empty.buffer),
    new Float32Array(empty.buffer),
  ];
  if (typeof SharedArrayBuffer === "function") {
    const shared = new SharedArrayBuffer(empty.length);
    new Uint8Array(shared).set(empty);
    sources.push(shared, new Uint8Array(shared));
  }
  if ("resizable" in ArrayBuffer.prototype) {
    const resizable = new ArrayBuffer(empty.length, { maxByteLength: 100 });
    new Uint8Array(resizable).set(empty);
    sources.push(resizable, new Uint8Array(resizable));
  }
  for (const source of sources) same(WebAssembly.validate(source), true, show(source));
}, { differs: ["V8"] });

test("buffer sources: DataView", () => {
  same(WebAssembly.validate(new DataView(empty.buffer)), true);
  same(WebAssembly.validate(new DataView(empty.buffer, 1)), false);
}, { differs: ["V8"] });

test("buffer sources: a detached buffer holds no bytes", () => {
  const buffer = empty.slice().buffer;
  const view = new Uint8Array(buffer);
  detach(buffer);
  same(WebAssembly.validate(buffer), false);
  same(WebAssembly.validate(view), false);
  throws(WebAssembly.CompileError, () => new WebAssembly.Module(buffer));
});

test("compile: a promise for a Module, never a throw", async () => {
  const promise = WebAssembly.compile(empty);
  same(Object.getPrototypeOf(promise), Promise.prototype);
  const module = await promise;
  same(Object.getPrototypeOf(module), WebAssembly.Module.prototype);
  await rejects(TypeError, WebAssembly.compile());
  for (const value of [...nonObjects, {}]) await rejects(TypeError, WebAssembly.compile(value));
  await rejects(WebAssembly.CompileError, WebAssembly.compile(broken), /^WebAssembly\.compile\(\): /);
});

test("compile: the bytes are copied at the call", async () => {
  const bytes = empty.slice();
  const promise = WebAssembly.compile(bytes);
  bytes.fill(0xff);
  await promise;
});

test("compile: settles in a task, after the microtasks", async () => {
  const order = [];
  const compiled = WebAssembly.compile(empty).then(() => order.push("compiled"));
  await Promise.resolve().then(() => order.push("microtask"));
  await compiled;
  list(order, ["microtask", "compiled"]);
});

test("instantiate(bytes): an ordinary object with module and instance", async () => {
  const result = await WebAssembly.instantiate(adder, { env: { f: (x) => x + 1 } });
  same(Object.getPrototypeOf(result), Object.prototype);
  list(Object.keys(result), ["module", "instance"]);
  same(attributes(result, "module"), "wec");
  same(attributes(result, "instance"), "wec");
  same(result.module instanceof WebAssembly.Module, true);
  same(result.instance instanceof WebAssembly.Instance, true);
  same(result.instance.exports.f(41), 42);
});

test("instantiate(bytes): imports are read after compilation", async () => {
  let read = false;
  const imports = { get env() { read = true; return { f: (x) => x }; } };
  const promise = WebAssembly.instantiate(adder, imports);
  same(read, false);
  await promise;
  same(read, true);
});

test("instantiate(Module): resolves with the Instance, imports are read at the call", async () => {
  const module = new WebAssembly.Module(adder);
  let read = false;
  const imports = { get env() { read = true; return { f: (x) => x }; } };
  const promise = WebAssembly.instantiate(module, imports);
  same(read, true);
  const instance = await promise;
  same(Object.getPrototypeOf(instance), WebAssembly.Instance.prototype);
});

test("instantiate: what goes wrong rejects", async () => {
  const thrown = { thrown: true };
  const module = new WebAssembly.Module(adder);
  const throwing = { get env() { throw thrown; } };
  await rejects(TypeError, WebAssembly.instantiate());
  for (const value of [...nonObjects, {}]) await rejects(TypeError, WebAssembly.instantiate(value));
  for (const source of [adder, module]) {
    await rejects(thrown, WebAssembly.instantiate(source, throwing));
    await rejects(TypeError, WebAssembly.instantiate(source), /^WebAssembly\.instantiate\(\): /);
    await rejects(TypeError, WebAssembly.instantiate(source, null));
    await rejects(TypeError, WebAssembly.instantiate(source, { env: 1 }));
    await rejects(WebAssembly.LinkError, WebAssembly.instantiate(source, { env: {} }), /^WebAssembly\.instantiate\(\): Import #0 "env" "f"/);
  }
  await rejects(WebAssembly.CompileError, WebAssembly.instantiate(broken), /^WebAssembly\.instantiate\(\): /);
});

test("instantiate: the start function runs in a task, and its exception is the reason", async () => {
  const thrown = Symbol("thrown");
  const bytes = wasm({ imports: [["env", "f", "func", [[], []]]], start: 0 });
  let ran = false;
  const promise = WebAssembly.instantiate(new WebAssembly.Module(bytes), { env: { f: () => { ran = true; } } });
  same(ran, false);
  await promise;
  same(ran, true);
  await rejects(thrown, WebAssembly.instantiate(bytes, { env: { f: () => { throw thrown; } } }));
}, { differs: ["V8"] });

test("instantiate: many at once settle on their own", async () => {
  const results = await Promise.all(Array.from({ length: 20 }, (_, i) => WebAssembly.instantiate(adder, { env: { f: (x) => x + i } })));
  list(results.map(({ instance }) => instance.exports.f(1)), results.map((_, i) => i + 1));
});
