// Runs programs made by `programs make` and writes down everything that can be seen of them, one line a step, the same in every engine.
//
//   node run.mjs FILE > node.txt;  chalcid run.mjs FILE > chalcid.txt;  ./compare.py node.txt chalcid.txt
//
// A step that depends on what an engine has left (its stack, its memory) ends the program's account with `exhausted`.

import { readFileSync } from 'node:fs';

const [file, only] = process.argv.slice(2);
const bytes = readFileSync(`${file}.bin`);
const lines = [];
const say = (line) => lines.push(line);

// The sum over a memory's bytes, by wasm: JavaScript would take too long.
const sums = new Map();
function sumOf(memory, kind) {
  let module = sums.get(kind);
  if (module === undefined) {
    const wide = kind.startsWith('i64');
    const shared = kind.endsWith('shared');
    const flags = (shared ? 3 : 0) | (wide ? 4 : 0);
    const address = wide ? 0x7e : 0x7f;
    const maximum = shared ? (wide ? [0x80, 0x80, 0x10] : [0x80, 0x80, 0x04]) : [];
    // (func (param $at address) (param $end address) (result i64): sum = (sum rotl 5 xor byte)*odd
    const [ge, add, one] = wide ? [0x5a, 0x7c, [0x42, 1]] : [0x4f, 0x6a, [0x41, 1]];
    const body = [
      1, 1, 0x7e, 0x02, 0x40, 0x03, 0x40,
      0x20, 0, 0x20, 1, ge, 0x0d, 1,
      0x20, 2, 0x42, 5, 0x89, 0x20, 0, 0x31, 0, 0, 0x85, 0x42, 0xb5, 0xe2, 0xd4, 0xac, 0x05, 0x7e, 0x21, 2,
      0x20, 0, ...one, add, 0x21, 0, 0x0c, 0, 0x0b, 0x0b, 0x20, 2, 0x0b,
    ];
    module = new WebAssembly.Module(new Uint8Array([
      0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
      1, 7, 1, 0x60, 2, address, address, 1, 0x7e,
      2, 8 + maximum.length, 1, 1, 109, 1, 109, 2, flags, 0, ...maximum,
      3, 2, 1, 0, 7, 5, 1, 1, 115, 0, 0,
      10, body.length + 2, 1, body.length, ...body,
    ]));
    sums.set(kind, module);
  }
  const { s } = new WebAssembly.Instance(module, { m: { m: memory } }).exports;
  const length = memory.buffer.byteLength;
  const wide = kind.startsWith('i64');
  return `${length}:${s(wide ? 0n : 0, wide ? BigInt(length) : length)}`;
}

function random(seed) {
  let state = BigInt.asUintN(64, BigInt(seed) * 0x9e3779b97f4a7c15n) | 1n;
  return () => {
    state = BigInt.asUintN(64, state ^ (state << 13n));
    state ^= state >> 7n;
    state = BigInt.asUintN(64, state ^ (state << 17n));
    return state;
  };
}

const objects = Array.from({ length: 4 }, (_, index) => ({ name: `object ${index}` }));

function number(next) {
  switch (Number(next() % 4n)) {
    case 0: return next();
    case 1: return next() % 70000n;
    case 2: return 1n << (next() % 64n);
    default: return BigInt.asUintN(64, -1n << (next() % 64n));
  }
}

// A value for a parameter; `undefined` for what JavaScript cannot make.
function argument(type, next) {
  const bits = number(next);
  switch (type) {
    case 'i32': return Number(BigInt.asIntN(32, bits));
    case 'i64': return BigInt.asIntN(64, bits);
    case 'f32':
    case 'f64': return [0, -0, 1.5, -1e10, Infinity, -Infinity, NaN, Number(BigInt.asIntN(40, bits)) / 16][Number(next() % 8n)];
    case 'externref': return [null, undefined, 'text', 7, ...objects][Number(next() % 8n)];
    case '(ref extern)': return [undefined, 'text', 7, ...objects][Number(next() % 7n)];
    case 'anyref': return [null, 12, objects[0], 'text', 1.5][Number(next() % 5n)];
    case '(ref any)': return [12, objects[0], 'text', 1.5][Number(next() % 4n)];
    case 'i31ref': case 'eqref': return [null, 0, -1, 0x3fffffff][Number(next() % 4n)];
    case '(ref i31)': case '(ref eq)': return [0, -1, 0x3fffffff][Number(next() % 3n)];
    default: return type.startsWith('(ref ') && !type.startsWith('(ref null') ? undefined : null;
  }
}

function show(value) {
  switch (typeof value) {
    case 'number': return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint': return `${value}n`;
    case 'string': return JSON.stringify(value);
    case 'function': return 'a function';
    case 'object': {
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
      const known = objects.indexOf(value);
      return known >= 0 ? `object ${known}` : Object.getPrototypeOf(value) === null ? 'an aggregate' : 'an object';
    }
    default: return String(value);
  }
}

const EXHAUSTED = Symbol('exhausted');
const KINDS = [
  [/stack size exceeded|stack overflow|call stack exhausted|out of memory|allocation failed|requested new array is too large|too large array/i, EXHAUSTED],
  [/unreachable/i, 'unreachable'],
  [/divi(de|sion) by zero|remainder by zero/i, 'division by zero'],
  [/divide result unrepresentable|integer overflow|float unrepresentable|invalid conversion/i, 'unrepresentable'],
  [/memory access out of bounds|out of bounds memory|data segment.*out of bounds|unaligned/i, 'memory'],
  [/array element access out of bounds|out of bounds array|array.*out of bounds/i, 'array'],
  [/table index is out of bounds|table.*out of bounds|out of bounds table|undefined element|table access out of bounds/i, 'table'],
  [/null function or function signature|indirect call type|uninitialized element|signature mismatch/i, 'indirect call'],
  [/element segment out of bounds|segment.*out of bounds/i, 'segment'],
  [/illegal cast|cast failure/i, 'cast'],
  [/null/i, 'null'],
];

function failure(error) {
  if (WebAssembly.Exception !== undefined && error instanceof WebAssembly.Exception) {
    return `an exception${tags.map((tag, index) => (error.is(tag) ? ` of tag ${index}` : '')).join('')}`;
  }
  if (error === EXHAUSTED) return EXHAUSTED;
  if (error instanceof RangeError) return EXHAUSTED;
  const kind = KINDS.find(([pattern]) => pattern.test(error?.message ?? ''))?.[1];
  if (kind === EXHAUSTED) return EXHAUSTED;
  if (error instanceof WebAssembly.RuntimeError) return `trap: ${kind ?? error.message}`;
  if (error instanceof TypeError) return 'a TypeError';
  if (error instanceof WebAssembly.LinkError) return 'a LinkError';
  return `${error?.constructor?.name}: ${error?.message}`;
}

let tags = [];

// Kinds of values that the interface's text lets JavaScript name: an engine may know more.
const NAMED = ['i32', 'i64', 'f32', 'f64', 'v128', 'externref', 'funcref'];

// Whether JavaScript can make what a program imports.
function canSupply([kind, ...rest]) {
  switch (kind) {
    case 'global': return NAMED.includes(rest[0]) && rest[0] !== 'v128';
    case 'table': return NAMED.includes(rest[2]);
    case 'tag': return rest[0].every((type) => NAMED.includes(type));
    default: return true;
  }
}

// An import of a kind; the same for the same seed in every engine.
function supply(what, next) {
  const [kind, ...rest] = what;
  switch (kind) {
    case 'func': {
      const [, results] = rest;
      const fixed = results.map((type) => argument(type, next));
      let calls = 0;
      return (...args) => {
        if (++calls < 20) say(`  import called with ${args.map(show).join(', ')}`);
        if (calls % 7 === 0) throw objects[1];
        return results.length === 0 ? undefined : results.length === 1 ? fixed[0] : fixed;
      };
    }
    case 'global': {
      const [type, mutable] = rest;
      const plain = { externref: 'externref', funcref: 'anyfunc' }[type] ?? type;
      return new WebAssembly.Global({ value: plain, mutable }, argument(type, next));
    }
    case 'memory': {
      const [initial, maximum, form] = rest;
      const wide = form.startsWith('i64');
      const size = (pages) => (wide ? BigInt(pages) : pages);
      const options = { initial: size(initial), shared: form.endsWith('shared') };
      if (maximum !== null) options.maximum = size(maximum);
      if (wide) options.address = 'i64';
      return new WebAssembly.Memory(options);
    }
    case 'table': {
      const [initial, maximum, element, wide] = rest;
      const size = (length) => (wide ? BigInt(length) : length);
      const options = { initial: size(initial), element: element === 'funcref' ? 'anyfunc' : element };
      if (maximum !== null) options.maximum = size(maximum);
      if (wide) options.address = 'i64';
      return new WebAssembly.Table(options);
    }
    default: {
      const [params] = rest;
      return new WebAssembly.Tag({ parameters: params });
    }
  }
}

function state(program, exports) {
  for (const [name, [kind, form]] of program.exports) {
    const item = exports[name];
    try {
      if (kind === 'memory') say(`  ${name}: ${sumOf(item, form)}`);
      if (kind === 'global') say(`  ${name}: ${show(item.value)}`);
      if (kind === 'table') {
        const wide = typeof item.length === 'bigint';
        const shown = [];
        for (let index = 0; index < Math.min(Number(item.length), 60); index++) shown.push(show(item.get(wide ? BigInt(index) : index)));
        say(`  ${name}: ${item.length} ${shown.join(' ')}`);
      }
    } catch (error) {
      say(`  ${name}: ${String(failure(error))}`);
    }
  }
}

function run(program) {
  say(`program ${program.seed}`);
  if (!program.imports.every(([, , what]) => canSupply(what))) return say('cannot be supplied');
  const next = random(program.seed);
  tags = [];
  let exports;
  try {
    const module = new WebAssembly.Module(bytes.subarray(program.offset, program.offset + program.length));
    const imports = {};
    for (const [from, name, what] of program.imports) (imports[from] ??= {})[name] = supply(what, next);
    exports = new WebAssembly.Instance(module, imports).exports;
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) say(`invalid: ${error.message}`);
    else {
      const what = error === objects[1] ? 'object 1' : failure(error);
      say(what === EXHAUSTED ? 'exhausted' : `not instantiated: ${what}`);
    }
    return;
  }
  tags = program.exports.filter(([, [kind]]) => kind === 'tag').map(([name]) => exports[name]);
  state(program, exports);
  for (const [name, [kind, params]] of program.exports) {
    if (kind !== 'func') continue;
    for (let round = 0; round < 2; round++) {
      const args = params.map((type) => argument(type, next));
      try {
        say(`${name}(${args.map(show).join(', ')}) = ${show(exports[name](...args))}`);
      } catch (error) {
        const what = error === objects[1] ? 'object 1' : failure(error);
        if (what === EXHAUSTED) return say('exhausted');
        say(`${name}(${args.map(show).join(', ')}): ${what}`);
      }
      state(program, exports);
    }
  }
}

for (const line of readFileSync(`${file}.json`, 'utf8').split('\n')) {
  if (line === '') continue;
  const program = JSON.parse(line);
  if (only !== undefined && String(program.seed) !== only) continue;
  run(program);
  console.log(lines.join('\n'));
  lines.length = 0;
}
