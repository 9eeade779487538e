// Stack traces: the WebAssembly Web API, section "Developer-Facing Display Conventions", and where the frames belong.

// The names of the frames of a stack, innermost first; those of WebAssembly end in "!".
const names = (stack) => stack.split("\n").filter((line) => /^\s+at /.test(line)).map((line) => {
  const [, name] = /^\s+at (?:Object\.|globalThis\.|async )?(\S+)/.exec(line);
  return /wasm:\/\/wasm\/[0-9a-f]{8}:wasm-function\[\d+\]:0x[0-9a-f]+\)?$/.test(line) ? `${name}!` : name;
});

const text = (value) => { const bytes = [...value].map((c) => c.charCodeAt(0)); return [bytes.length, ...bytes]; };
// A name section for functions.
const nameSection = (functions) => {
  const entries = functions.flatMap((name, index) => [index, ...text(name)]);
  return ["name", [1, ...leb(entries.length + 1), functions.length, ...entries]];
};

// outer calls inner, inner calls the import.
const calling = (f) => instantiate({
  imports: [["m", "f", "func", [[], []]]],
  funcs: [{ type: [[], []], body: [0x10, 0] }, { type: [[], []], body: [0x10, 1] }, { type: [[], []], body: [0x00] }],
  exports: { outer: ["func", 2], trap: ["func", 3] },
  custom: [nameSection(["f", "inner", "outer", "trap"])],
}, { m: { f } });

const first = (stack, wanted, note) => list(names(stack).slice(0, wanted.length), wanted, note);

test("stack: an error that an import makes", () => {
  let made;
  const { outer } = calling(function imported() { made = new Error("made"); });
  (function caller() { outer(); })();
  first(made.stack, ["imported", "inner!", "outer!", "caller"]);
});

test("stack: an error that an import throws, caught outside and inside", () => {
  let inside;
  const { outer } = calling(function imported() {
    try { null.x; } catch (error) { inside = error; throw error; }
  });
  let outside;
  (function caller() { try { outer(); } catch (error) { outside = error; } })();
  same(inside, outside);
  same(inside instanceof TypeError, true);
  first(inside.stack, ["imported", "inner!", "outer!", "caller"]);
});

test("stack: several turns between the languages", () => {
  let made, depth = 0;
  const { outer } = calling(function imported() {
    if (depth++ < 1) again();
    else made = new Error();
  });
  function again() { outer(); }
  (function caller() { again(); })();
  first(made.stack, ["imported", "inner!", "outer!", "again", "imported", "inner!", "outer!", "again", "caller"]);
});

test("stack: a trap behind an import", () => {
  let caught;
  const { outer, trap } = calling(function imported() {
    try { trap(); } catch (error) { caught = error; }
  });
  (function caller() { outer(); })();
  same(caught instanceof WebAssembly.RuntimeError, true);
  first(caught.stack, ["trap!", "imported", "inner!", "outer!", "caller"]);
});

test("stack: coroutines keep their place", async () => {
  let made;
  const { outer } = calling(async function imported() { made = new Error(); });
  await (async function caller() { await null; outer(); })();
  first(made.stack, ["imported", "inner!", "outer!", "caller"]);
  const generator = (function* generating() { yield outer(); })();
  (function driver() { generator.next(); })();
  const found = names(made.stack);
  list(found.slice(0, 4).map((name) => name.replace("generating.next", "generating")), ["imported", "inner!", "outer!", "generating"]);
});

test("stack: the start function", () => {
  let made;
  const bytes = wasm({
    imports: [["m", "f", "func", [[], []]]],
    funcs: [{ type: [[], []], body: [0x10, 0] }],
    start: 1,
    custom: [nameSection(["f", "start"])],
  });
  (function caller() {
    new WebAssembly.Instance(new WebAssembly.Module(bytes), { m: { f: function imported() { made = new Error(); } } });
  })();
  list(names(made.stack).slice(0, 2), ["imported", "start!"]);
  same(names(made.stack).includes("caller"), true);
});

test("stack: without WebAssembly on it, it is what it was", () => {
  const make = function make() { return new Error("text"); };
  const before = make().stack;
  calling(() => {}).outer();
  const after = make().stack;
  list(names(after).slice(0, 1), ["make"]);
  same(names(before).length, names(after).length);
  let inside;
  calling(function imported() { inside = make().stack; }).outer();
  first(inside, ["make", "imported", "inner!", "outer!"]);
});

test("stack: errors of the interface itself", () => {
  const { outer } = calling(function imported() { WebAssembly.Memory.prototype.grow.call(1); });
  let caught;
  (function caller() { try { outer(); } catch (error) { caught = error; } })();
  const found = names(caught.stack);
  list(found.slice(found.indexOf("imported"), found.indexOf("imported") + 4), ["imported", "inner!", "outer!", "caller"]);
});

if ("prepareStackTrace" in Error || harness.engine === "V8") {
  test("Error.prepareStackTrace stays the program's", () => {
    calling(() => {}).outer();
    const before = Error.prepareStackTrace;
    try {
      const calls = [];
      Error.prepareStackTrace = function (error, sites) { calls.push(error); return `prepared ${Array.isArray(sites)}`; };
      const prepare = Error.prepareStackTrace;
      let made;
      calling(function imported() { made = new Error(); made.stack; }).outer();
      same(made.stack, "prepared true");
      same(calls.includes(made), true);
      same(new Error().stack, "prepared true");
      same(Error.prepareStackTrace, prepare);
    } finally {
      Error.prepareStackTrace = before;
    }
    same(Error.prepareStackTrace, before);
    let made;
    calling(function imported() { made = new Error(); }).outer();
    first(made.stack, ["imported", "inner!", "outer!"]);
  });
}

test("Error.stackTraceLimit counts frames of both languages", () => {
  const before = Error.stackTraceLimit;
  try {
    let made;
    const { outer } = calling(function imported() { made = new Error(); });
    Error.stackTraceLimit = 2;
    outer();
    list(names(made.stack), ["imported", "inner!"]);
    Error.stackTraceLimit = 0;
    outer();
    list(names(made.stack), []);
  } finally {
    Error.stackTraceLimit = before;
  }
});

test("stack: used up", () => {
  let count = 0;
  const { outer } = calling(function imported() { count++; outer(); });
  let caught;
  try { outer(); } catch (error) { caught = error; }
  same(caught instanceof RangeError, true);
  same(typeof caught.stack, "string");
  same(count > 10, true);
});

// DWARF for one file, /src/a.c: [address, line, column] of each row, the last of which ends the code. Addresses count from the code section's contents.
const dwarf = (rows) => {
  const u32 = (n) => [n & 0xff, (n >> 8) & 0xff, (n >> 16) & 0xff, n >>> 24];
  const string = (value) => [...text(value).slice(1), 0];
  const sized = (bytes) => [...u32(bytes.length), ...bytes];
  const [start, end] = [rows[0][0], rows[rows.length - 1][0]];
  // One unit with its line program, its range and its folder.
  const abbrev = [1, 0x11, 0, 0x10, 0x17, 0x11, 0x01, 0x12, 0x06, 0x1b, 0x08, 0, 0, 0];
  const info = sized([4, 0, ...u32(0), 4, 1, ...u32(0), ...u32(start), ...u32(end - start), ...string("/src")]);
  const header = [1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, ...string("a.c"), 0, 0, 0, 0];
  const program = [0, 5, 2, ...u32(start)];
  let line = 1;
  rows.forEach(([address, at, column], index) => {
    if (index + 1 === rows.length) return program.push(0, 1, 1);
    program.push(3, ...leb(at - line), 5, ...leb(column), 1, 2, ...leb(rows[index + 1][0] - address));
    line = at;
  });
  const lines = sized([4, 0, ...sized(header), ...program]);
  return [[".debug_abbrev", abbrev], [".debug_info", info], [".debug_line", lines]];
};

test("stack: lines of source, where the module carries DWARF", () => {
  const functions = {
    // The code section's contents: 2, then 3 and the body of inner (locals at 2, unreachable at 3), then 4 and that of outer (call at 7).
    funcs: [{ type: [[], []], body: [0x00] }, { type: [[], []], body: [0x10, 0] }],
    exports: { outer: ["func", 1] },
  };
  const rows = [[2, 10, 3], [6, 20, 0], [10]];
  const lines = (custom) => {
    try {
      instantiate({ ...functions, custom: [nameSection(["inner", "outer"]), ...custom] }).outer();
    } catch (error) {
      return error.stack.split("\n").filter((line) => line.includes("wasm-function")).map((line) => line.trim());
    }
  };
  const [inner, outer] = lines(dwarf(rows));
  same(/^at inner \(wasm:\/\/wasm\/[0-9a-f]{8}:wasm-function\[0\]:0x[0-9a-f]+, \/src\/a\.c:10:3\)$/.test(inner), true, inner);
  same(/^at outer \(wasm:\/\/wasm\/[0-9a-f]{8}:wasm-function\[1\]:0x[0-9a-f]+, \/src\/a\.c:20\)$/.test(outer), true, outer);
  // What says nothing, or cannot be read, leaves the frames as they are.
  for (const custom of [[], dwarf(rows).slice(0, 2), dwarf(rows).map(([name, bytes]) => [name, bytes.slice(0, 9)]), dwarf([[20, 1, 0], [30]])]) {
    same(lines(custom).every((line) => /:0x[0-9a-f]+\)$/.test(line)), true, "no lines");
  }
}, { differs: ["V8"] });
