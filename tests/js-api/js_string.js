// String builtins and imported string constants: JS API, sections "Builtins", "String Builtins", "The WebAssembly Namespace".

const REF_EXTERN = [0x64, EXTERNREF];
const STRINGS = "wasm:js-string";

const stringTypes = {
  test: [[EXTERNREF], [I32]],
  cast: [[EXTERNREF], [REF_EXTERN]],
  fromCharCode: [[I32], [REF_EXTERN]],
  fromCodePoint: [[I32], [REF_EXTERN]],
  charCodeAt: [[EXTERNREF, I32], [I32]],
  codePointAt: [[EXTERNREF, I32], [I32]],
  length: [[EXTERNREF], [I32]],
  concat: [[EXTERNREF, EXTERNREF], [REF_EXTERN]],
  substring: [[EXTERNREF, I32, I32], [REF_EXTERN]],
  equals: [[EXTERNREF, EXTERNREF], [I32]],
  compare: [[EXTERNREF, EXTERNREF], [I32]],
};

// A module that imports every builtin and exports a function of the same name which calls it.
const callers = () => {
  const names = Object.keys(stringTypes);
  return {
    imports: names.map((name) => [STRINGS, name, "func", stringTypes[name]]),
    funcs: names.map((name, i) => ({
      type: stringTypes[name],
      body: [...stringTypes[name][0].flatMap((_, local) => [0x20, local]), 0x10, i],
    })),
    exports: Object.fromEntries(names.map((name, i) => [name, ["func", names.length + i]])),
  };
};

const withBuiltins = { builtins: ["js-string"] };
const compiled = (parts, options = withBuiltins) => new WebAssembly.Module(wasm(parts), options);
const strings = () => new WebAssembly.Instance(compiled(callers()), {}).exports;
const traps = (steps) => throws(WebAssembly.RuntimeError, steps);

const texts = ["", "a", "abc", "\0", "é", "日本語", "\ud83d\ude00", "\ud83d", "\ude00x", "x".repeat(5000), "日".repeat(3000)];
const notStrings = [undefined, true, 0, 1.5, 1n, Symbol(), {}, [], new String("text"), () => {}];

test("js-string, test: whether a value is a String", () => {
  const { test } = strings();
  for (const text of texts) same(test(text), 1);
  for (const value of [null, ...notStrings]) same(test(value), 0);
});

test("js-string, cast: the String itself, a trap for everything else", () => {
  const { cast } = strings();
  for (const text of texts) same(cast(text), text);
  for (const value of [null, ...notStrings]) traps(() => cast(value));
});

test("js-string, length", () => {
  const { length } = strings();
  for (const text of texts) same(length(text), text.length);
  for (const value of [null, ...notStrings]) traps(() => length(value));
});

test("js-string, charCodeAt and codePointAt: as String.prototype's, indices are unsigned", () => {
  const { charCodeAt, codePointAt } = strings();
  for (const text of texts) {
    for (const i of [0, 1, 2, 1000, 2999]) {
      if (i < text.length) {
        same(charCodeAt(text, i), text.charCodeAt(i));
        same(codePointAt(text, i), text.codePointAt(i));
      }
    }
    for (const i of [text.length, text.length + 1, -1, -2147483648]) {
      traps(() => charCodeAt(text, i));
      traps(() => codePointAt(text, i));
    }
  }
  for (const value of [null, ...notStrings]) {
    traps(() => charCodeAt(value, 0));
    traps(() => codePointAt(value, 0));
  }
});

test("js-string, charCodeAt: strings that an engine may keep in pieces", () => {
  const { charCodeAt, concat, substring, length } = strings();
  let pieces = "";
  for (let i = 0; i < 4000; i++) pieces += String.fromCharCode(32 + (i % 90));
  same(charCodeAt(pieces, 3999), pieces.charCodeAt(3999));
  const wide = pieces + "日".repeat(10);
  same(charCodeAt(wide, 4005), 0x65e5);
  same(charCodeAt(wide, 33), wide.charCodeAt(33));
  const part = wide.slice(1500, 4008);
  same(charCodeAt(part, 0), wide.charCodeAt(1500));
  same(charCodeAt(substring(part, 1, 2507), 2505), 0x65e5);
  let joined = "";
  for (let i = 0; i < 3000; i++) joined = concat(joined, i % 7 ? "abc" : "é日");
  same(length(joined), 3000 * 3 - 429);
  let expected = "";
  for (let i = 0; i < 3000; i++) expected += i % 7 ? "abc" : "é日";
  same(joined, expected);
  same(charCodeAt(joined, 8000), expected.charCodeAt(8000));
});

test("js-string, fromCharCode: modulo 2^16", () => {
  const { fromCharCode } = strings();
  for (const unit of [0, 65, 0xe9, 0x65e5, 0xd83d, 0xffff, 0x10041, -1]) same(fromCharCode(unit), String.fromCharCode(unit));
});

test("js-string, fromCodePoint: a trap above 0x10ffff", () => {
  const { fromCodePoint } = strings();
  for (const point of [0, 65, 0xe9, 0xd83d, 0xffff, 0x10000, 0x1f600, 0x10ffff]) {
    same(fromCodePoint(point), String.fromCodePoint(point));
  }
  for (const point of [0x110000, -1, -2147483648]) traps(() => fromCodePoint(point));
});

test("js-string, concat", () => {
  const { concat } = strings();
  for (const a of texts) for (const b of texts) same(concat(a, b), a + b);
  for (const value of [null, ...notStrings]) {
    traps(() => concat(value, ""));
    traps(() => concat("", value));
  }
});

test("js-string, substring: empty where start > end or start > length, numbers are unsigned", () => {
  const { substring } = strings();
  same(substring("abcde", 1, 3), "bc");
  same(substring("abcde", 0, 5), "abcde");
  same(substring("abcde", 2, 100), "cde");
  same(substring("abcde", 2, -1), "cde");
  same(substring("abcde", 3, 1), "");
  same(substring("abcde", 5, 5), "");
  same(substring("abcde", 6, 9), "");
  same(substring("abcde", -1, -1), "");
  same(substring("a日本", 1, 2), "日");
  same(substring("x".repeat(5000), 100, 4000), "x".repeat(3900));
  for (const value of [null, ...notStrings]) traps(() => substring(value, 0, 0));
});

test("js-string, equals: null may be compared", () => {
  const { equals } = strings();
  for (const a of texts) for (const b of texts) same(equals(a, b), a === b ? 1 : 0);
  same(equals(null, null), 1);
  same(equals(null, ""), 0);
  same(equals("", null), 0);
  same(equals("abc".repeat(100), "abc".repeat(99) + "abc"), 1);
  for (const value of notStrings) {
    traps(() => equals(value, ""));
    traps(() => equals(null, value));
  }
});

test("js-string, compare: −1, 0 or 1 by code units", () => {
  const { compare } = strings();
  for (const a of texts) for (const b of texts) same(compare(a, b), a < b ? -1 : a === b ? 0 : 1);
  same(compare("\uffff", "\ud83d\ude00"), 1);
  for (const value of [null, ...notStrings]) {
    traps(() => compare(value, ""));
    traps(() => compare("", value));
  }
});

test("validate an import for builtins: another type is a CompileError", async () => {
  const wrong = {
    test: [[[EXTERNREF], [I64]], [[], [I32]], [[EXTERNREF], []], [[REF_EXTERN], [I32]]],
    cast: [[[EXTERNREF], [EXTERNREF]]],
    concat: [[[EXTERNREF], [REF_EXTERN]]],
    substring: [[[EXTERNREF, I64, I32], [REF_EXTERN]]],
  };
  for (const [name, types] of Object.entries(wrong)) {
    for (const type of types) {
      const bytes = wasm({ imports: [[STRINGS, name, "func", type]] });
      throws(WebAssembly.CompileError, () => new WebAssembly.Module(bytes, withBuiltins));
      same(WebAssembly.validate(bytes, withBuiltins), false);
      same(WebAssembly.validate(bytes), true);
      await rejects(WebAssembly.CompileError, WebAssembly.compile(bytes, withBuiltins));
      await rejects(WebAssembly.CompileError, WebAssembly.instantiate(bytes, {}, withBuiltins));
    }
  }
});

test("validate an import for builtins: an import that is no function is a CompileError", () => {
  const global = wasm({ imports: [[STRINGS, "test", "global", I32, false]] });
  same(WebAssembly.validate(global, withBuiltins), false);
}, { differs: ["V8"] });

test("validate builtin set names: duplicates are a CompileError, unknown names are ignored", () => {
  const bytes = wasm();
  throws(WebAssembly.CompileError, () => new WebAssembly.Module(bytes, { builtins: ["js-string", "js-string"] }));
  throws(WebAssembly.CompileError, () => new WebAssembly.Module(bytes, { builtins: ["unknown", "unknown"] }));
  same(WebAssembly.validate(bytes, { builtins: ["unknown", "js-string", "other"] }), true);
  const module = compiled(callers(), { builtins: ["unknown"] });
  same(WebAssembly.Module.imports(module).length, Object.keys(stringTypes).length);
}, { differs: ["V8"] });

test("read the imports: names that a builtin set lacks are asked of the imports object", () => {
  const type = [[], [I32]];
  const parts = {
    imports: [[STRINGS, "length", "func", stringTypes.length], [STRINGS, "added", "func", type]],
    exports: { length: ["func", 0], added: ["func", 1] },
  };
  const module = compiled(parts);
  list(WebAssembly.Module.imports(module).map((i) => i.name), ["added"]);
  const asked = [];
  const imports = new Proxy({ [STRINGS]: { added: () => 7, length: () => fail("called") } }, {
    get: (target, key) => (asked.push(key), target[key]),
  });
  const { exports } = new WebAssembly.Instance(module, imports);
  same(exports.added(), 7);
  same(exports.length("four"), 4);
  list(asked, [STRINGS]);
});

test("read the imports: without the option the imports object is asked", () => {
  const parts = { imports: [[STRINGS, "length", "func", stringTypes.length]], exports: { length: ["func", 0] } };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm(parts)), { [STRINGS]: { length: () => 42 } });
  same(exports.length("a"), 42);
});

test("read the imports: an importObject must be there when there are imports", () => {
  throws(TypeError, () => new WebAssembly.Instance(compiled(callers())));
}, { differs: ["V8"] });

test("a builtin that is exported is an Exported Function", () => {
  const parts = { imports: [[STRINGS, "length", "func", stringTypes.length]], exports: { a: ["func", 0], b: ["func", 0] } };
  const { a, b } = new WebAssembly.Instance(compiled(parts), {}).exports;
  same(a, b);
  same(a("four"), 4);
  same(a.length, 1);
  const again = instantiate({ imports: [["m", "f", "func", stringTypes.length]], exports: { f: ["func", 0] } }, { m: { f: a } });
  same(again.f, a);
});

// ---- Imported string constants

const constant = (namespace, text, type = EXTERNREF) =>
  ({ imports: [[namespace, text, "global", type, false]], exports: { constant: ["global", 0] } });

test("imported string constants: an import's name is its value", async () => {
  for (const namespace of ["", "'", "strings"]) {
    for (const text of ["", "text", "\0", "日本語", "\ud83d\ude00"]) {
      for (const type of [EXTERNREF, REF_EXTERN]) {
        const options = { importedStringConstants: namespace };
        const module = compiled(constant(namespace, text, type), options);
        same(WebAssembly.Module.imports(module).length, 0);
        const { exports } = new WebAssembly.Instance(module, {});
        same(exports.constant.value, text);
        const { instance } = await WebAssembly.instantiate(wasm(constant(namespace, text, type)), {}, options);
        same(instance.exports.constant.value, text);
      }
    }
  }
});

test("imported string constants: any other import of that module is a CompileError", () => {
  const options = { importedStringConstants: "m" };
  for (const rest of [["global", EXTERNREF, true], ["global", FUNCREF, false], ["global", I32, false], ["func", [[], []]],
    ["memory", { min: 1 }]]) {
    throws(WebAssembly.CompileError, () => compiled({ imports: [["m", "x", ...rest]] }, options));
    compiled({ imports: [["other", "x", ...rest]] }, options);
  }
});

test("imported string constants: absent, undefined and null are none", () => {
  for (const options of [undefined, null, {}, { importedStringConstants: undefined }, { importedStringConstants: null }]) {
    const module = compiled(constant("null", "x"), options);
    same(WebAssembly.Module.imports(module).length, 1);
    same(new WebAssembly.Instance(module, { null: { x: 5 } }).exports.constant.value, 5);
  }
});

// ---- The dictionary

test("WebAssemblyCompileOptions: conversions", async () => {
  const bytes = wasm();
  for (const options of [true, 0, "text", 1n, Symbol()]) {
    throws(TypeError, () => new WebAssembly.Module(bytes, options));
    throws(TypeError, () => WebAssembly.validate(bytes, options));
    await rejects(TypeError, WebAssembly.compile(bytes, options));
    await rejects(TypeError, WebAssembly.instantiate(bytes, {}, options));
  }
  for (const builtins of [null, 0, "js-string", true, {}]) {
    throws(TypeError, () => WebAssembly.validate(bytes, { builtins }));
  }
  throws(TypeError, () => WebAssembly.validate(bytes, { builtins: [Symbol()] }));
  throws(TypeError, () => WebAssembly.validate(bytes, { importedStringConstants: Symbol() }));
  same(WebAssembly.validate(bytes, { builtins: new Set(["js-string"]) }), true);
}, { differs: ["V8"] });

test("WebAssemblyCompileOptions: members are read in order, and before the bytes are copied", () => {
  const bytes = wasm();
  const read = [];
  const options = {
    get importedStringConstants() { read.push("importedStringConstants"); bytes[0] = 1; return null; },
    get builtins() { read.push("builtins"); return []; },
  };
  same(WebAssembly.validate(bytes, options), false);
  list(read, ["builtins", "importedStringConstants"]);
}, { differs: ["V8"] });
