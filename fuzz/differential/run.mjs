// Runs the programs of a file that `programs make FIRST..LAST SUBJECT FILE` wrote, by what their plans say (src/plan.rs), and writes an account of each to
// standard output: the same lines as src/account.rs.
//
//   node run.mjs FILE [SEED]      all programs, or those after a seed

import { readFileSync } from 'node:fs';

// As in src/plan.rs.
const OBJECTS = 4, THROWN = 1, THROWS_EVERY = 7, CALLS_SHOWN = 20, ELEMENTS_SHOWN = 60;

// As in src/account.rs.
const PATTERN = Uint8Array.from({ length: 1 << 16 }, (_, at) => (at & 32 ? Math.imul(at, 0x9e3779b1) >>> 23 : 0));

const [file, after] = process.argv.slice(2);
const modules = readFileSync(`${file}.bin`);
const lines = [];
const say = (line) => lines.push(line);

const objects = Array.from({ length: OBJECTS }, (_, index) => ({ name: `object ${index}` }));
const floats = new DataView(new ArrayBuffer(8));

// The value that a word of a plan means.
function value(type, word, exports) {
  switch (type) {
    case 'i32': return Number(word);
    case 'i64': return BigInt(word);
    case 'f32': floats.setUint32(0, Number(`0x${word}`)); return floats.getFloat32(0);
    case 'f64': floats.setBigUint64(0, BigInt(`0x${word}`)); return floats.getFloat64(0);
  }
  const [kind, rest] = [word.split(' ', 1)[0], word.slice(word.indexOf(' ') + 1)];
  switch (kind) {
    case 'i31': return Number(rest);
    case 'object': return objects[rest];
    case 'export': return exports[rest];
    default: return null;
  }
}

function show(type, value) {
  switch (type) {
    case 'i32': case 'i64': return String(value);
    case 'f32': floats.setFloat32(0, value); return Number.isNaN(value) ? 'nan' : floats.getUint32(0).toString(16);
    case 'f64': floats.setFloat64(0, value); return Number.isNaN(value) ? 'nan' : floats.getBigUint64(0).toString(16);
  }
  switch (typeof value) {
    case 'number': return `i31 ${value}`;
    case 'function': return 'function';
    case 'object': {
      if (value === null) return 'null';
      const known = objects.indexOf(value);
      return known >= 0 ? `object ${known}` : Object.getPrototypeOf(value) === null ? 'aggregate' : 'a value';
    }
    default: return String(value);
  }
}

const showAll = (types, values) => types.map((type, index) => show(type, values[index])).join(', ');

// The sum over a memory's bytes, by wasm: JavaScript would take too long.
const sums = new Map();
function sum(memory, { wide, shared }) {
  const kind = `${wide} ${shared}`;
  let module = sums.get(kind);
  if (module === undefined) {
    const address = wide ? 0x7e : 0x7f;
    const maximum = shared ? (wide ? [0x80, 0x80, 0x10] : [0x80, 0x80, 0x04]) : [];
    // (func (param $at address) (param $end address) (result i64): sum = (sum rotl 5 xor word) * odd
    const [ge, add, eight] = wide ? [0x5a, 0x7c, [0x42, 8]] : [0x4f, 0x6a, [0x41, 8]];
    const body = [
      1, 1, 0x7e, 0x02, 0x40, 0x03, 0x40,
      0x20, 0, 0x20, 1, ge, 0x0d, 1,
      0x20, 2, 0x42, 5, 0x89, 0x20, 0, 0x29, 0, 0, 0x85, 0x42, 0xb5, 0xf3, 0xdd, 0xf1, 0x09, 0x7e, 0x21, 2,
      0x20, 0, ...eight, add, 0x21, 0, 0x0c, 0, 0x0b, 0x0b, 0x20, 2, 0x0b,
    ];
    module = new WebAssembly.Module(new Uint8Array([
      0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
      1, 7, 1, 0x60, 2, address, address, 1, 0x7e,
      2, 8 + maximum.length, 1, 1, 109, 1, 109, 2, (shared ? 3 : 0) | (wide ? 4 : 0), 0, ...maximum,
      3, 2, 1, 0, 7, 5, 1, 1, 115, 0, 0,
      10, body.length + 2, 1, body.length, ...body,
    ]));
    sums.set(kind, module);
  }
  const { s } = new WebAssembly.Instance(module, { m: { m: memory } }).exports;
  const length = memory.buffer.byteLength;
  return `${length}:${s(wide ? 0n : 0, wide ? BigInt(length) : length)}`;
}

const EXHAUSTED = Symbol('exhausted');
const KINDS = [
  [/stack size exceeded|stack overflow|call stack exhausted|out of memory|allocation failed|requested new array is too large|too large array/i, EXHAUSTED],
  [/unreachable/i, 'unreachable'],
  [/divi(de|sion) by zero|remainder by zero/i, 'division by zero'],
  [/divide result unrepresentable|integer overflow|float unrepresentable|invalid conversion/i, 'unrepresentable'],
  [/memory access out of bounds|out of bounds memory|data segment.*out of bounds|unaligned/i, 'memory'],
  [/array element access out of bounds|out of bounds array|array.*out of bounds/i, 'array'],
  [/table index is out of bounds|table.*out of bounds|out of bounds table|undefined element|table access out of bounds|element segment out of bounds/i, 'table'],
  [/illegal cast|cast failure/i, 'cast'],
  [/expected shared|Atomics\.wait cannot be called/i, 'other'],
  [/null|indirect call type|uninitialized element|signature mismatch/i, 'null'],
];

// How a step failed; `EXHAUSTED` where that depends on what is left.
function failure(error, tags) {
  const known = objects.indexOf(error);
  if (known >= 0) return `object ${known}`;
  if (error instanceof WebAssembly.Exception) {
    const of = tags.map(([tag, types], index) => {
      if (!error.is(tag)) return '';
      return ` of tag ${index} (${types.map((type, at) => show(type, error.getArg(tag, at))).join(', ')})`;
    });
    return `an exception${of.join('')}`;
  }
  if (error instanceof RangeError) return EXHAUSTED;
  const message = String(error?.message).replaceAll('\n', ' ');
  if (error instanceof WebAssembly.CompileError) return `invalid # ${message}`;
  if (error instanceof WebAssembly.LinkError) return `a LinkError # ${message}`;
  const kind = KINDS.find(([pattern]) => pattern.test(error?.message ?? ''))?.[1];
  if (kind === EXHAUSTED) return EXHAUSTED;
  if (error instanceof WebAssembly.RuntimeError) return `trap: ${kind ?? error.message}`;
  return `failure: ${error?.constructor?.name}: ${error?.message}`;
}

// What stands for an import.
function supply(item) {
  const size = (number) => (item.wide ? BigInt(number) : number);
  const limits = () => ({
    initial: size(item.initial),
    ...(item.maximum === null ? {} : { maximum: size(item.maximum) }),
    ...(item.wide ? { address: 'i64' } : {}),
  });
  const named = (type) => (type === 'funcref' ? 'anyfunc' : type);
  switch (item.kind) {
    case 'func': {
      const { params, results, returns } = item;
      const values = results.map((type, index) => value(type, returns[index]));
      let calls = 0;
      return (...args) => {
        if (++calls < CALLS_SHOWN) say(`  import called with ${showAll(params, args)}`);
        if (calls % THROWS_EVERY === 0) throw objects[THROWN];
        return values.length === 1 ? values[0] : values.length === 0 ? undefined : values;
      };
    }
    case 'global': return new WebAssembly.Global({ value: named(item.ty), mutable: item.mutable }, value(item.ty, item.value));
    case 'memory': return new WebAssembly.Memory({ ...limits(), shared: item.shared });
    case 'table': return new WebAssembly.Table({ ...limits(), element: named(item.ty) }, null);
    default: return new WebAssembly.Tag({ parameters: item.params.map(named) });
  }
}

// What there is to see of an export.
function look(item, watch) {
  switch (watch.kind) {
    case 'memory': return sum(item, watch);
    case 'global': return show(watch.ty, item.value);
    default: {
      const wide = typeof item.length === 'bigint';
      const shown = [];
      for (let index = 0; index < Math.min(Number(item.length), ELEMENTS_SHOWN); index++) shown.push(show(watch.ty, item.get(wide ? BigInt(index) : index)));
      return `${item.length} ${shown.join(' ')}`;
    }
  }
}

function run(plan) {
  let exports;
  try {
    const module = new WebAssembly.Module(modules.subarray(plan.offset, plan.offset + plan.length));
    const imports = {};
    for (const item of plan.imports) (imports[item.module] ??= {})[item.name] = supply(item);
    exports = new WebAssembly.Instance(module, imports).exports;
  } catch (error) {
    const how = failure(error, []);
    return say(how === EXHAUSTED ? 'exhausted' : `not instantiated: ${how}`);
  }
  const tags = plan.tags.map(([name, types]) => [exports[name], types]);
  for (const { name, kind } of plan.watch) {
    if (kind !== 'memory') continue;
    const memory = new Uint8Array(exports[name].buffer);
    memory.set(PATTERN.subarray(0, memory.length));
  }
  const seen = plan.watch.map(() => '');
  const lookAtAll = () => {
    plan.watch.forEach((watch, index) => {
      const sight = look(exports[watch.name], watch);
      // Only what has changed.
      if (seen[index] !== sight) say(`  ${watch.name}: ${sight}`);
      seen[index] = sight;
    });
  };
  lookAtAll();
  for (const { name, params, args, results } of plan.calls) {
    if (plan.fuel !== null) exports[plan.fuel[0]].value = plan.fuel[1];
    const what = `${name}(${args.join(', ')})`;
    try {
      const returned = exports[name](...params.map((type, index) => value(type, args[index], exports)));
      say(`${what} = ${showAll(results, results.length === 1 ? [returned] : returned)}`);
    } catch (error) {
      const how = failure(error, tags);
      if (how === EXHAUSTED) return say('exhausted');
      say(`${what}: ${how}`);
    }
    lookAtAll();
  }
}

for (const line of readFileSync(`${file}.json`, 'utf8').split('\n')) {
  if (line === '') continue;
  const plan = JSON.parse(line);
  if (after !== undefined && plan.seed <= Number(after)) continue;
  say(`program ${plan.seed}`);
  run(plan);
  console.log(lines.join('\n'));
  lines.length = 0;
}
