// Modules that no honest compiler makes, small and expensive: each stands for work that grew faster than the module in some engine.

/** Bytes of a module in the making. */
class Bytes {
  constructor() {
    this.bytes = new Uint8Array(1 << 12);
    this.length = 0;
  }

  room(count) {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes);
    this.bytes = larger;
  }

  /** Appends numbers below 256, other `Bytes`, and arrays of either. */
  add(...parts) {
    for (const part of parts) {
      if (typeof part === 'number') {
        this.room(1);
        this.bytes[this.length++] = part;
      } else if (part instanceof Bytes) {
        this.room(part.length);
        this.bytes.set(part.view(), this.length);
        this.length += part.length;
      } else {
        this.add(...part);
      }
    }
    return this;
  }

  /** Appends something `count` times. */
  repeat(count, ...parts) {
    const one = new Bytes().add(...parts);
    this.room(one.length * count);
    const [start, end] = [this.length, this.length + one.length * count];
    this.add(one);
    for (let done = one.length; start + done < end; done *= 2) {
      this.bytes.copyWithin(start + done, start, Math.min(start + done, end - done));
    }
    this.length = end;
    return this;
  }

  view() {
    return this.bytes.subarray(0, this.length);
  }
}

/** Unsigned LEB128. */
function leb(number) {
  const out = [];
  do {
    const low = number % 128;
    number = Math.floor(number / 128);
    out.push(number > 0 ? low + 128 : low);
  } while (number > 0);
  return out;
}

const bytes = (...parts) => new Bytes().add(...parts);
const repeat = (count, ...parts) => new Bytes().repeat(count, ...parts);
const each = (count, make) => {
  const out = new Bytes();
  for (let index = 0; index < count; index++) out.add(make(index));
  return out;
};
const sized = (content) => bytes(leb(content.length), content);
const section = (id, ...content) => bytes(id, sized(bytes(...content)));
const vector = (count, ...content) => [leb(count), ...content];
const module = (...sections) => bytes([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], ...sections).view();
/** A function's code; `locals` are pairs of a count and a type. */
const code = (locals, ...body) => sized(bytes(vector(locals.length, locals.map(([count, type]) => [...leb(count), type])), ...body, END));

const END = 0x0b, I32 = 0x7f, I64 = 0x7e, F32 = 0x7d, EXTERNREF = 0x6f, EMPTY = 0x40, DROP = 0x1a, UNREACHABLE = 0x00, FUNC = 0x60;
const get = (local) => [0x20, ...leb(local)];
const set = (local) => [0x21, ...leb(local)];
const exportFunc = (name, index) => [1, name.charCodeAt(0), 0, ...leb(index)];
/** A module of functions of which the last is exported as `f`; those beyond `before`, their types, have neither parameters nor results. */
function functions(bodies, { types = [], before = [], count = bodies.length } = {}) {
  return module(
    section(1, vector(types.length + 1, [FUNC, 0, 0], ...types)),
    section(3, vector(count, before, repeat(count - before.length, 0))),
    section(7, vector(1, exportFunc('f', count - 1))),
    section(10, vector(count, ...bodies)),
  );
}
/** As many equal functions, and one that calls the first of them. */
const manyFunctions = (count, body, calls) => functions(
  [repeat(count, body), code([], each(calls, (at) => [0x10, ...leb(at)]))], { count: count + 1 });
const one = (locals, ...body) => functions([code(locals, ...body)]);
/** A function type with a thousand results. */
const thousandResults = bytes(FUNC, 0, leb(1000), repeat(1000, I64));
const callsOfManyResults = (count) => functions(
  [code([], UNREACHABLE), code([], repeat(count, 0x10, 0), UNREACHABLE)],
  { types: [thousandResults], before: [1] },
);
const nestOfLoops = (count) => one(
  [[count, I64]],
  each(count, (at) => [0x03, EMPTY, get(at), get((at * 7) % count), 0x7c, set((at * 13) % count)]),
  each(count, (at) => [get(at), 0xa7, 0x0d, 0, END]),
);

/** Makers of modules of less than half a megabyte, by name. */
export const small = {
  'array.new_fixed of 2^32-1 operands': () => functions(
    [code([], UNREACHABLE, 0xfb, 8, 1, leb(0xffffffff), DROP)], { types: [[0x5e, I32, 1]] }),
  '1,000 calls of 1,000 results': () => callsOfManyResults(1000),
  '10,000 calls of 1,000 results': () => callsOfManyResults(10_000),
  '100,000 calls of 1,000 results': () => callsOfManyResults(100_000),
  '10,000 structures of 10,000 fields, unreachable': () => functions(
    [code([], UNREACHABLE, repeat(10_000, 0xfb, 0, 1, DROP))],
    { types: [bytes(0x5f, leb(10_000), repeat(10_000, I32, 1))] }),
  'a nest of 1,000 loops that change 1,000 locals': () => nestOfLoops(1000),
  'a nest of 5,000 loops that change 5,000 locals': () => nestOfLoops(5000),
  '100 nested try_tables of 1,000 clauses, a call in each': () => module(
    section(1, vector(1, [FUNC, 0, 0])),
    section(3, vector(2, 0, 0)),
    section(13, vector(1, 0, 0)),
    section(7, vector(1, exportFunc('f', 1))),
    section(10, vector(2, code([]), code([],
      repeat(100, 0x02, EMPTY, 0x1f, EMPTY, leb(1000), repeat(1000, 0, 0, 0), 0x10, 0),
      repeat(100, END, END)))),
  ),
  'a nest of 1,000 loops around uses of 1,000 locals': () => one(
    [[1000, I64]],
    repeat(1000, 0x03, EMPTY), each(1000, (at) => [get(at), DROP]), repeat(1000, 0x41, 0, 0x0d, 0, END)),
  '2,000 locals that are changed on one of two ways each, and then used': () => one(
    [[2000, I64]],
    each(2000, (at) => [0x41, 1, 0x04, EMPTY, 0x42, 1, set(at), END]), each(2000, (at) => [get(at), DROP])),
  '5,000 locals used at the end of 10,000 blocks': () => one(
    [[5000, I64]],
    repeat(10_000, 0x02, EMPTY, 0x41, 0, 0x0d, 0, END), each(5000, (at) => [get(at), DROP])),
  '1,000 locals, each changed at a label of a branch table': () => one(
    [[1000, I64]],
    repeat(1000, 0x02, EMPTY), each(1000, (at) => [0x42, 1, set(at)]), 0x41, 0, 0x0e, leb(999), each(1000, (at) => leb(at)),
    each(1000, (at) => [END, get(at), 0x42, 1, 0x7c, set(at)]), each(1000, (at) => [get(at), DROP])),
  'a loop of 5,000 blocks, around changes of 5,000 locals': () => one(
    [[5000, I64]],
    0x03, EMPTY, each(5000, (at) => [get(at), get((at * 7) % 5000), 0x7c, set(at)]), repeat(5000, 0x02, EMPTY, 0x41, 0, 0x0d, 0, END),
    0x41, 0, 0x0d, 0, END),
  '1,000 functions of 50,000 locals': () => manyFunctions(1000, code([[50_000, I64]]), 1000),
  'a nest of 1,000 loops around uses of 1,000 references': () => one(
    [[1000, EXTERNREF]],
    repeat(1000, 0x03, EMPTY), each(1000, (at) => [get(at), DROP]), repeat(1000, 0x41, 0, 0x0d, 0, END)),
  '1,000 functions that use the last of 50,000 locals': () => manyFunctions(1000, code([[50_000, I64]], get(49_999), DROP), 1000),
};

/** Makers of larger ones. */
export const large = {
  'br_table of a million targets with 1,000 results': () => functions(
    [code([], 0x02, 1, UNREACHABLE, 0x0e, leb(1_000_000), repeat(1_000_001, 0), END, UNREACHABLE)],
    { types: [thousandResults] }),
  'a nest of 100,000 loops with br_if': () => one(
    [], repeat(100_000, 0x03, EMPTY), repeat(100_000, 0x41, 0, 0x0d, 0, END)),
  '1,000 branch tables of 1,000 labels': () => one(
    [], repeat(1000, 0x02, EMPTY),
    repeat(1000, 0x02, EMPTY, 0x41, 0, 0x0e, leb(1000), each(1001, (at) => leb(at)), END),
    repeat(1000, END)),
  '50,000 exported functions of different types': () => {
    const count = 50_000;
    // Sixteen bits of the number, one a parameter.
    const type = (at) => [FUNC, 17, ...Array.from({ length: 16 }, (_, bit) => (at >> bit & 1 ? F32 : I32)), I32, 0];
    const name = (at) => [5, ...String(10_000 + at).padStart(5, '0').slice(0, 5).split('').map((digit) => digit.charCodeAt(0))];
    return module(
      section(1, vector(count, each(count, type))),
      section(3, vector(count, each(count, (at) => leb(at)))),
      section(7, vector(count, each(count, (at) => [...name(at), 0, ...leb(at)]))),
      section(10, vector(count, repeat(count, code([])))),
    );
  },
  'a million empty functions, 50,000 of them called': () => manyFunctions(999_999, code([]), 50_000),
  'a million multiplications in a row': () => one([[1, I32]], get(0), repeat(1_000_000, 0x20, 0, 0x6c), DROP),
  '2,500,000 nested blocks': () => one([], repeat(2_500_000, 0x02, EMPTY), repeat(2_500_000, END)),
  'a constant expression of two million operators': () => module(
    section(6, vector(1, I32, 0, 0x41, 1, repeat(1_000_000, 0x41, 1, 0x6a), END))),
  'a recursion group of a million structures': () => module(
    section(1, vector(1, 0x4e, leb(1_000_000), repeat(1_000_000, 0x5f, 1, I32, 0)))),
};
