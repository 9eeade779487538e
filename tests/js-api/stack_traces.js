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
