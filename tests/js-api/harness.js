// The harness of the interface's own tests, as a classic script: it and then a test file are evaluated in one global scope.
//
//   test(NAME, STEPS [, OPTIONS])   one check, named by the section of the specification; STEPS may return a promise.
//                                   OPTIONS: `differs` lists engines that are known to do otherwise (V8 as of Node 26), `needs` what
//                                   must be on the namespace for the check to make sense.
//   harness.run()                   runs the checks in order; a promise for JSON: [{ name, error }], error null if it passed.
//
// Under Node: node tests/js-api/run.cjs. Under QuickJS: cargo test -p chalcid-quickjs.
"use strict";

globalThis.harness = {
  checks: [],
  engine: typeof process === "object" && process.versions && process.versions.v8 ? "V8" : "chalcid",
  async run() {
    const results = [];
    for (const { name, steps } of harness.checks.splice(0)) {
      let error = null;
      try {
        await steps();
      } catch (thrown) {
        error = thrown instanceof Error ? `${thrown.name}: ${thrown.message}\n${thrown.stack}` : String(thrown);
      }
      results.push({ name, error });
    }
    return JSON.stringify(results);
  },
};

globalThis.test = (name, steps, { differs = [], needs } = {}) => {
  if (!differs.includes(harness.engine) && (!needs || needs in WebAssembly)) harness.checks.push({ name, steps });
};

// ---- Assertions

globalThis.show = (value) => {
  switch (typeof value) {
    case "string": return JSON.stringify(value);
    case "bigint": return `${value}n`;
    case "object": return value === null ? "null" : Object.prototype.toString.call(value);
    case "function": return `function ${value.name}`;
    default: return Object.is(value, -0) ? "-0" : String(value);
  }
};

globalThis.fail = (message) => { throw new Error(message); };

globalThis.same = (actual, expected, note = "") => {
  if (!Object.is(actual, expected)) fail(`${note} is ${show(actual)}, expected ${show(expected)}`);
};

globalThis.different = (a, b, note = "") => {
  if (Object.is(a, b)) fail(`${note} both are ${show(a)}`);
};

globalThis.list = (actual, expected, note = "list") => {
  same(actual.length, expected.length, `${note}.length`);
  for (let i = 0; i < expected.length; i++) same(actual[i], expected[i], `${note}[${i}]`);
};

const checkThrown = (thrown, wanted, pattern) => {
  if (typeof wanted === "function") {
    if (Object.getPrototypeOf(Object(thrown)) !== wanted.prototype) {
      fail(`${show(thrown)} (${thrown && thrown.message}) was thrown, expected a ${wanted.name}`);
    }
  } else {
    same(thrown, wanted, "the thrown value");
  }
  if (pattern && !pattern.test(thrown.message)) fail(`the message is ${show(thrown.message)}, expected ${pattern}`);
  return thrown;
};

// `wanted` is a class, or the very value.
globalThis.throws = (wanted, steps, pattern) => {
  let thrown;
  try {
    steps();
  } catch (error) {
    thrown = { error };
  }
  if (!thrown) fail(`nothing was thrown, expected ${typeof wanted === "function" ? wanted.name : show(wanted)}`);
  return checkThrown(thrown.error, wanted, pattern);
};

globalThis.rejects = async (wanted, promise, pattern) => {
  if (!(promise instanceof Promise)) fail("no promise was returned");
  const thrown = await promise.then(() => fail("the promise was fulfilled"), (error) => ({ error }));
  return checkThrown(thrown.error, wanted, pattern);
};

// A property's attributes in short: "wec" with a dash for each that is false; "a" for accessors in place of "w".
globalThis.attributes = (object, key) => {
  const found = Object.getOwnPropertyDescriptor(object, key);
  if (!found) return "absent";
  const first = "value" in found ? (found.writable ? "w" : "-") : "a";
  return first + (found.enumerable ? "e" : "-") + (found.configurable ? "c" : "-");
};

// Detaches an ArrayBuffer by whatever the engine has for it.
globalThis.detach = (buffer) => {
  if ("transfer" in ArrayBuffer.prototype) buffer.transfer();
  else structuredClone(buffer, { transfer: [buffer] });
};

globalThis.nonObjects = [undefined, null, true, false, "", "text", 0, 1, NaN, 1n, Symbol()];

// Every interface's methods and getters refuse every other receiver.
globalThis.brandChecked = (prototype, foreign) => {
  for (const key of Reflect.ownKeys(prototype)) {
    const found = Object.getOwnPropertyDescriptor(prototype, key);
    for (const steps of [found.get, found.set, key === "constructor" ? undefined : found.value]) {
      if (typeof steps !== "function") continue;
      for (const receiver of [...nonObjects, {}, prototype, ...foreign]) {
        throws(TypeError, () => Reflect.apply(steps, receiver, []));
      }
    }
  }
};

// ---- A small assembler

globalThis.I32 = 0x7f;
globalThis.I64 = 0x7e;
globalThis.F32 = 0x7d;
globalThis.F64 = 0x7c;
globalThis.V128 = 0x7b;
globalThis.FUNCREF = 0x70;
globalThis.EXTERNREF = 0x6f;

const unsigned = (n) => {
  const bytes = [];
  do {
    const low = n % 128;
    n = Math.floor(n / 128);
    bytes.push(n ? low | 0x80 : low);
  } while (n);
  return bytes;
};
globalThis.leb = unsigned;

const signed = (n) => {
  const bytes = [];
  for (;;) {
    const low = Number(n & 0x7fn);
    n >>= 7n;
    if ((n === 0n && !(low & 0x40)) || (n === -1n && low & 0x40)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
};
globalThis.i32const = (n) => [0x41, ...signed(BigInt(n))];
globalThis.i64const = (n) => [0x42, ...signed(BigInt(n))];

const utf8 = (text) => Array.from(unescape(encodeURIComponent(text)), (c) => c.charCodeAt(0));
const named = (text) => { const bytes = utf8(text); return [...unsigned(bytes.length), ...bytes]; };
const vector = (items, encode = (item) => item) => [...unsigned(items.length), ...items.flatMap(encode)];
const kinds = { func: 0, table: 1, memory: 2, global: 3, tag: 4 };
const limits = ({ min = 0, max, address, shared }) => {
  const flags = (max === undefined ? 0 : 1) | (shared ? 2 : 0) | (address === "i64" ? 4 : 0);
  return [flags, ...unsigned(min), ...(max === undefined ? [] : unsigned(max))];
};

// The binary of a module.
//   imports: [module, name, kind, …]: func takes [params, results]; table takes type, limits; memory takes limits; global takes
//            type, mutable; tag takes params.
//   funcs: { type: [params, results], locals: [types], body: [bytes without end] }; indices count the imported functions.
//   tables: [type, limits]; memories: [limits]; globals: [type, mutable, init]; tags: [params]; exports: { name: [kind, index] };
//   rawTypes: [bytes], the first types of the module; start: index; elems: { table, offset, funcs }; data: { memory, offset, bytes }; custom: [name, bytes].
globalThis.wasm = ({
  imports = [], funcs = [], tables = [], memories = [], globals = [], tags = [], exports = {}, start, elems = [], data = [],
  custom = [], rawTypes = [],
} = {}) => {
  const types = [...rawTypes];
  const typeIndex = ([params, results]) => {
    const bytes = [0x60, ...vector(params), ...vector(results)];
    const found = types.findIndex((type) => String(type) === String(bytes));
    return unsigned(found >= 0 ? found : types.push(bytes) - 1);
  };
  const importEntry = ([module, name, kind, ...rest]) => {
    const describe = {
      func: () => typeIndex(rest[0]),
      table: () => [rest[0], limits(rest[1])].flat(),
      memory: () => limits(rest[0]),
      global: () => [rest[0], rest[1] ? 1 : 0].flat(),
      tag: () => [0, ...typeIndex([rest[0], []])],
    };
    return [...named(module), ...named(name), kinds[kind], ...describe[kind]()];
  };
  const section = (id, bytes) => [id, ...unsigned(bytes.length), ...bytes];
  const optional = (id, items, encode) => (items.length ? section(id, vector(items, encode)) : []);
  const importSection = optional(2, imports, importEntry);
  const funcSection = optional(3, funcs, ({ type }) => typeIndex(type));
  const tagSection = optional(13, tags, (params) => [0, ...typeIndex([params, []])]);
  const codeSection = optional(10, funcs, ({ locals = [], body }) => {
    const code = [...vector(locals, (type) => [1, type]), ...body, 0x0b];
    return [...unsigned(code.length), ...code];
  });
  return new Uint8Array([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...optional(1, types),
    ...importSection,
    ...funcSection,
    ...optional(4, tables, ([type, bounds]) => [type, limits(bounds)].flat()),
    ...optional(5, memories, limits),
    ...tagSection,
    ...optional(6, globals, ([type, mutable, init]) => [type, mutable ? 1 : 0, ...init, 0x0b].flat()),
    ...optional(7, Object.entries(exports), ([name, [kind, index]]) => [...named(name), kinds[kind], ...unsigned(index)]),
    ...(start === undefined ? [] : section(8, unsigned(start))),
    ...optional(9, elems, ({ table = 0, offset, funcs: items }) => [
      ...(table ? [2, ...unsigned(table)] : [0]), ...offset, 0x0b, ...(table ? [0] : []), ...vector(items, unsigned),
    ]),
    ...codeSection,
    ...optional(11, data, ({ memory = 0, offset, bytes }) => [
      ...(memory ? [2, ...unsigned(memory)] : [0]), ...offset, 0x0b, ...vector(bytes, (byte) => [byte]),
    ]),
    ...custom.flatMap(([name, bytes]) => section(0, [...named(name), ...bytes])),
  ]);
};

globalThis.instantiate = (parts, imports) => new WebAssembly.Instance(new WebAssembly.Module(wasm(parts)), imports).exports;
