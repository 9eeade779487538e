// Structures, arrays and the `any` hierarchy: JS API, sections "Garbage Collected Objects", "ToJSValue", "ToWebAssemblyValue".

const [ANYREF, EQREF, I31REF, STRUCTREF, ARRAYREF, NULLREF] = [0x6e, 0x6d, 0x6c, 0x6b, 0x6a, 0x71];
const STRUCT = [0x63, 0];
const NON_NULL_STRUCT = [0x64, 0];
const ARRAY = [0x63, 1];

const identity = (type) => ({ type: [[type], [type]], body: [0x20, 0] });

// Type 0 is (struct (field (mut i32))), type 1 (array (mut i16)).
const gcModule = {
  rawTypes: [[0x5f, 1, I32, 1], [0x5e, 0x77, 1]],
  funcs: [
    { type: [[I32], [NON_NULL_STRUCT]], body: [0x20, 0, 0xfb, 0, 0] },
    { type: [[I32], [ARRAY]], body: [0x20, 0, 0xfb, 7, 1] },
    ...[ANYREF, EQREF, I31REF, STRUCTREF, ARRAYREF, NULLREF, STRUCT, NON_NULL_STRUCT, ARRAY, EXTERNREF, FUNCREF].map(identity),
    { type: [[STRUCT], [I32]], body: [0x20, 0, 0xfb, 2, 0, 0] },
    { type: [[STRUCT, STRUCT], [I32]], body: [0x20, 0, 0x20, 1, 0xd3] },
    // Whether an externref is an i31 inside: any.convert_extern, ref.test i31.
    { type: [[EXTERNREF], [I32]], body: [0x20, 0, 0xfb, 0x1a, 0xfb, 0x14, I31REF] },
    { type: [[EXTERNREF], [I32]], body: [0x20, 0, 0xfb, 0x1a, 0xfb, 0x14, 0] },
  ],
  tables: [[STRUCT, { min: 3 }], [ANYREF, { min: 3 }]],
  globals: [[ANYREF, true, [0xd0, NULLREF]], [STRUCT, true, [0xd0, 0]]],
  exports: Object.fromEntries([
    ...["struct", "array", "any", "eq", "i31", "structref", "arrayref", "none", "point", "somePoint", "units", "extern", "func", "get", "same",
      "isI31", "isPoint"].map((name, i) => [name, ["func", i]]),
    ["points", ["table", 0]], ["anything", ["table", 1]], ["thing", ["global", 0]], ["onePoint", ["global", 1]],
  ]),
};

if (WebAssembly.validate(wasm(gcModule))) {
  const gc = () => instantiate(gcModule);
  const notObjects = [undefined, true, "text", Symbol(), 1n, {}, () => {}, 1.5];

  test("Exported GC Objects: every internal method", () => {
    const { struct, array } = gc();
    for (const object of [struct(1), array(3)]) {
      same(typeof object, "object");
      same(Object.getPrototypeOf(object), null);
      same(Reflect.setPrototypeOf(object, {}), false);
      same(Reflect.setPrototypeOf(object, null), false);
      same(Object.isExtensible(object), false);
      same(Reflect.preventExtensions(object), false);
      throws(TypeError, () => Object.freeze(object));
      same(Reflect.getOwnPropertyDescriptor(object, "length"), undefined);
      same(Reflect.defineProperty(object, "x", { value: 1 }), false);
      for (const key of ["x", 0, "length", "__proto__", Symbol.toStringTag]) {
        same(Reflect.has(object, key), false);
        same(object[key], undefined);
        throws(TypeError, () => { object[key] = 1; });
        throws(TypeError, () => Reflect.set(object, key, 1));
        throws(TypeError, () => delete object[key]);
        throws(TypeError, () => Reflect.deleteProperty(object, key));
      }
      list(Reflect.ownKeys(object), []);
      same(JSON.stringify(object), "{}");
      same(Object.prototype.toString.call(object), "[object Object]");
      throws(TypeError, () => `${object}`);
      throws(TypeError, () => new object());
    }
  }, { differs: ["V8"] });

  test("Exported GC Objects: one for each structure and array", () => {
    const { struct, array, any, eq, structref, point, extern, get, same: sameStruct, points, anything, thing, onePoint } = gc();
    const object = struct(42);
    for (const through of [any, eq, structref, point, extern]) same(through(object), object);
    same(get(object), 42);
    same(sameStruct(object, object), 1);
    same(sameStruct(object, struct(42)), 0);
    different(struct(42), object);
    points.set(0, object);
    anything.set(1, object);
    thing.value = object;
    onePoint.value = object;
    for (const found of [points.get(0), anything.get(1), thing.value, onePoint.value]) same(found, object);
    const keys = new WeakMap([[object, 1], [array(1), 2]]);
    same(keys.get(points.get(0)), 1);
    same(new Set([object, any(object), extern(object)]).size, 1);
  });

  test("Exported GC Objects: a Proxy around one is none", () => {
    const { struct, get, any } = gc();
    const proxy = new Proxy(struct(1), {});
    throws(TypeError, () => get(proxy));
    same(any(proxy), proxy);
  });

  test("ToWebAssemblyValue, ToJSValue: numbers in the any hierarchy", () => {
    const { any, eq, i31, isI31, extern } = gc();
    for (const n of [0, 1, -1, 42, 2 ** 30 - 1, -(2 ** 30)]) {
      for (const through of [any, eq, i31, extern]) same(through(n), n);
      same(isI31(n), 1);
    }
    for (const n of [2 ** 30, -(2 ** 30) - 1, 0.5, NaN, Infinity, 2 ** 31, 2 ** 53]) {
      same(any(n), n);
      same(extern(n), n);
      same(isI31(n), 0);
      throws(TypeError, () => i31(n));
      throws(TypeError, () => eq(n));
    }
    same(any(-0), -0);
    same(extern(-0), -0);
  });

  test("ToWebAssemblyValue: values of the host are any and extern, and nothing else", () => {
    const { any, extern, eq, i31, structref, arrayref, point, units, none, func } = gc();
    for (const value of notObjects) {
      same(any(value), value);
      same(extern(value), value);
      for (const refused of [eq, i31, structref, arrayref, point, units, none, func]) throws(TypeError, () => refused(value));
    }
  });

  test("ToWebAssemblyValue: null and the nullability of a type", () => {
    const { any, eq, i31, structref, arrayref, none, point, somePoint, units, extern, func } = gc();
    for (const through of [any, eq, i31, structref, arrayref, none, point, units, extern, func]) same(through(null), null);
    throws(TypeError, () => somePoint(null));
  });

  test("ToWebAssemblyValue: the type of a structure or array is looked at", () => {
    const { struct, array, structref, arrayref, point, somePoint, units, i31, none, func, points, onePoint, isPoint } = gc();
    const [object, elements] = [struct(1), array(1)];
    for (const through of [structref, point, somePoint]) {
      same(through(object), object);
      throws(TypeError, () => through(elements));
    }
    for (const through of [arrayref, units]) {
      same(through(elements), elements);
      throws(TypeError, () => through(object));
    }
    for (const refused of [i31, none, func]) throws(TypeError, () => refused(object));
    throws(TypeError, () => points.set(0, elements));
    throws(TypeError, () => points.grow(1, 5));
    throws(TypeError, () => { onePoint.value = elements; });
    same(points.grow(1, object), 3);
    same(points.get(3), object);
    same(isPoint(object), 1);
    same(isPoint(elements), 0);
  });

  test("Exported GC Objects pass between instances with one type", () => {
    const [a, b] = [gc(), gc()];
    const object = a.struct(7);
    same(b.get(object), 7);
    same(b.point(object), object);
  });

  test("js-string: arrays of code units", () => {
    const type = { from: [[ARRAY, I32, I32], [[0x64, EXTERNREF]]], into: [[EXTERNREF, ARRAY, I32], [I32]] };
    const parts = {
      rawTypes: gcModule.rawTypes,
      imports: [["wasm:js-string", "fromCharCodeArray", "func", type.from], ["wasm:js-string", "intoCharCodeArray", "func", type.into]],
      funcs: [{ type: [[I32], [ARRAY]], body: [0x20, 0, 0xfb, 7, 1] }],
      exports: { from: ["func", 0], into: ["func", 1], array: ["func", 2] },
    };
    const module = new WebAssembly.Module(wasm(parts), { builtins: ["js-string"] });
    const { from, into, array } = new WebAssembly.Instance(module, {}).exports;
    const units = array(10);
    same(into("a\ud83d日", units, 2), 3);
    same(from(units, 2, 5), "a\ud83d日");
    same(from(units, 0, 3), "\0\0a");
    same(from(units, 5, 5), "");
    same(into("", units, 10), 0);
    const { RuntimeError } = WebAssembly;
    for (const [start, end] of [[3, 2], [0, 11], [-1, -1], [11, 11]]) throws(RuntimeError, () => from(units, start, end));
    throws(RuntimeError, () => into("abc", units, 8));
    throws(RuntimeError, () => into("abc", units, -1));
    throws(RuntimeError, () => into("abc", null, 0));
    throws(RuntimeError, () => into(1, units, 0));
    throws(RuntimeError, () => from(null, 0, 0));
  });
}
