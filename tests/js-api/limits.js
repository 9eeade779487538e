// The implementation limits, each from both sides: JS API, section "Implementation-defined Limits".
//
// Modules of a million items are made by doubling typed arrays, so that an interpreter of JavaScript takes no time over them.

// `pattern` n times.
const repeated = (pattern, n) => {
  const bytes = new Uint8Array(pattern.length * n);
  bytes.set(pattern.slice(0, bytes.length));
  for (let done = pattern.length; done > 0 && done < bytes.length; done *= 2) bytes.copyWithin(done, 0, Math.min(done, bytes.length - done));
  return bytes;
};

const joined = (...parts) => {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const section = (id, ...parts) => {
  const contents = joined(...parts);
  return joined([id], leb(contents.length), contents);
};
const sized = (id, n, items) => section(id, leb(n), items);
const many = (id, n, pattern) => sized(id, n, repeated(pattern, n));
const moduleOf = (...sections) => joined(HEADER, ...sections);

const VOID_TYPE = section(1, [1, 0x60, 0, 0]);
const ONE_FUNC = section(3, [1, 0]);
const EMPTY_CODE = section(10, [1, 2, 0, 0x0b]);

// A module is valid at the limit and a CompileError above it.
const limit = (name, n, module, options) => test(`limits: ${name}`, () => {
  new WebAssembly.Module(module(n));
  const beyond = module(n + 1);
  same(WebAssembly.validate(beyond), false, "beyond the limit");
  throws(WebAssembly.CompileError, () => new WebAssembly.Module(beyond));
}, options);

const has = (bytes) => WebAssembly.validate(moduleOf(...bytes));
const hasGc = has([section(1, [1, 0x5f, 0])]);
const hasTags = has([VOID_TYPE, section(13, [1, 0, 0])]);
const has64 = has([section(5, [1, 4, 1])]);

limit("1,000,000 types", 1_000_000, (n) => moduleOf(many(1, n, [0x60, 0, 0])));
limit("1,000,000 functions", 1_000_000, (n) => moduleOf(VOID_TYPE, many(3, n, [0]), many(10, n, [2, 0, 0x0b])));
limit("1,000,000 imports", 1_000_000, (n) => moduleOf(VOID_TYPE, many(2, n, [0, 0, 0, 0])));
limit("1,000,000 exports", 1_000_000, (n) => {
  const entries = repeated([3, 0, 0, 0, 0, 0], n);
  for (let i = 0; i < n; i++) {
    entries[i * 6 + 1] = i & 0x7f;
    entries[i * 6 + 2] = (i >> 7) & 0x7f;
    entries[i * 6 + 3] = i >> 14;
  }
  return moduleOf(VOID_TYPE, ONE_FUNC, sized(7, n, entries), EMPTY_CODE);
});
limit("1,000,000 globals", 1_000_000, (n) => moduleOf(many(6, n, [I32, 0, 0x41, 0, 0x0b])));
if (hasTags) limit("1,000,000 tags", 1_000_000, (n) => moduleOf(VOID_TYPE, many(13, n, [0, 0])));
limit("100,000 data segments", 100_000, (n) => moduleOf(section(5, [1, 0, 1]), many(11, n, [0, 0x41, 0, 0x0b, 0])));
limit("10,000,000 element segments", 10_000_000, (n) => moduleOf(section(4, [1, FUNCREF, 0, 1]), many(9, n, [0, 0x41, 0, 0x0b, 0])));
limit("100,000 tables", 100_000, (n) => moduleOf(many(4, n, [FUNCREF, 0, 0])));
limit("100,000 tables, imported ones included", 100_000, (n) =>
  moduleOf(section(2, [1, 0, 0, 1, FUNCREF, 0, 0]), many(4, n - 1, [FUNCREF, 0, 0])), { differs: ["V8"] });
limit("10,000,000 entries of a table initialization", 10_000_000, (n) =>
  moduleOf(VOID_TYPE, ONE_FUNC, section(9, [1, 1, 0], leb(n), new Uint8Array(n)), EMPTY_CODE));
limit("100 memories", 100, (n) => moduleOf(many(5, n, [0, 0])), { differs: ["V8"] });
limit("100 memories, imported ones included", 100, (n) => moduleOf(section(2, [1, 0, 0, 2, 0, 0]), many(5, n - 1, [0, 0])),
  { differs: ["V8"] });
limit("65,536 pages of a 32-bit memory, at least", 65_536, (n) => moduleOf(section(5, [1, 0], leb(n))));
limit("65,536 pages of a 32-bit memory, at most", 65_536, (n) => moduleOf(section(5, [1, 1, 0], leb(n))));
if (has64) {
  limit("2^37 − 1 pages of a 64-bit memory, at most", 2 ** 37 - 1, (n) => moduleOf(section(5, [1, 5, 0], leb(n))),
    { differs: ["V8"] });
}
limit("1,000 parameters", 1_000, (n) => moduleOf(section(1, [1, 0x60], leb(n), repeated([I32], n), [0])));
limit("1,000 results", 1_000, (n) => moduleOf(section(1, [1, 0x60, 0], leb(n), repeated([I32], n))));
limit("1,000 results of a block", 1_000, (n) => {
  // Type 1 is the block's; the function drops what it leaves.
  const types = section(1, [2, 0x60, 0, 0, 0x60, 0], leb(n), repeated([I32], n));
  const body = joined([0, 0x02, 1, 0x00, 0x0b], repeated([0x1a], n), [0x0b]);
  return moduleOf(types, ONE_FUNC, section(10, [1], leb(body.length), body));
});
limit("7,654,321 bytes of a function body", 7_654_321, (n) =>
  moduleOf(VOID_TYPE, ONE_FUNC, section(10, [1], leb(n), [0], repeated([0x01], n - 2), [0x0b])));
limit("50,000 locals", 50_000, (n) => {
  const body = joined([1], leb(n), [I32, 0x0b]);
  return moduleOf(VOID_TYPE, ONE_FUNC, section(10, [1], leb(body.length), body));
});
limit("50,000 locals, parameters included", 50_000, (n) => {
  const body = joined([1], leb(n - 2), [I32, 0x0b]);
  return moduleOf(section(1, [1, 0x60, 2, I32, I32, 0]), ONE_FUNC, section(10, [1], leb(body.length), body));
});

if (hasGc) {
  limit("1,000,000 recursion groups", 1_000_000, (n) => moduleOf(many(1, n, [0x4e, 1, 0x60, 0, 0])));
  limit("1,000,000 types of a recursion group", 1_000_000, (n) =>
    moduleOf(section(1, [1, 0x4e], leb(n), repeated([0x60, 0, 0], n))));
  limit("a depth of 63 subtypes", 63, (n) => {
    const types = [[0x50, 0, 0x5f, 0]];
    for (let i = 0; i < n; i++) types.push([0x50, 1, ...leb(i), 0x5f, 0]);
    return moduleOf(sized(1, n + 1, types.flat()));
  });
  limit("10,000 fields of a structure", 10_000, (n) => moduleOf(section(1, [1, 0x5f], leb(n), repeated([I32, 0], n))));
  limit("10,000 operands of array.new_fixed", 10_000, (n) => {
    const body = joined([0], repeated([0x41, 0], n), [0xfb, 0x08, 1], leb(n), [0x1a, 0x0b]);
    return moduleOf(section(1, [2, 0x60, 0, 0, 0x5e, I32, 0]), ONE_FUNC, section(10, [1], leb(body.length), body));
  });
}

// ---- What runs

const { Memory, Table } = WebAssembly;

test("limits: a table has at most 10,000,000 elements", () => {
  new Table({ element: "externref", initial: 10_000_000 });
  throws(RangeError, () => new Table({ element: "externref", initial: 10_000_001 }));
  const table = new Table({ element: "anyfunc", initial: 1, maximum: 20_000_000 });
  throws(RangeError, () => table.grow(10_000_000));
  same(table.grow(9_999_999), 1);
  const { table: own, grow } = instantiate({
    tables: [[EXTERNREF, { min: 0 }]],
    funcs: [{ type: [[I32], [I32]], body: [0xd0, EXTERNREF, 0x20, 0, 0xfc, 15, 0] }],
    exports: { table: ["table", 0], grow: ["func", 0] },
  });
  same(grow(10_000_001), -1);
  same(grow(10_000_000), 0);
  same(own.length, 10_000_000);
});

test("limits: a 32-bit memory has at most 65,536 pages", () => {
  throws(RangeError, () => new Memory({ initial: 65_537 }));
  throws(RangeError, () => new Memory({ initial: 0, maximum: 65_537 }));
  const memory = new Memory({ initial: 1 });
  throws(RangeError, () => memory.grow(65_536));
  same(memory.grow(65_535), 1);
  throws(RangeError, () => memory.grow(1));
});

if (has64) {
  test("limits: a 64-bit memory has at most 262,144 pages", () => {
    new Memory({ address: "i64", initial: 0n, maximum: 2n ** 37n - 1n });
    throws(RangeError, () => new Memory({ address: "i64", initial: 0n, maximum: 2n ** 37n }));
    throws(RangeError, () => new Memory({ address: "i64", initial: 262_145n }));
    const memory = new Memory({ address: "i64", initial: 1n });
    throws(RangeError, () => memory.grow(262_144n));
  }, { differs: ["V8"] });
}
