// Exceptions: JS API, sections "Exceptions", "JavaScript exceptions", "call an Exported Function", "create a host function".

if ("Exception" in WebAssembly) {
  const { Exception, JSTag, Tag } = WebAssembly;
  const EXNREF = 0x69;

  const thrownBy = (steps) => {
    try {
      steps();
    } catch (error) {
      return error;
    }
    return fail("nothing was thrown");
  };

  // Imports: f, and the tags own (i32), js (JSTag).
  const BLOCK_VOID = 0x40;
  const catching = (f, own) => instantiate({
    imports: [["m", "f", "func", [[], []]], ["m", "own", "tag", [I32]], ["m", "js", "tag", [EXTERNREF]]],
    funcs: [
      { type: [[], []], body: [0x10, 0] },
      // block (result externref) try_table (catch js 0) call f end ref.null extern end
      { type: [[], [EXTERNREF]], body: [0x02, EXTERNREF, 0x1f, BLOCK_VOID, 1, 0, 1, 0, 0x10, 0, 0x0b, 0xd0, EXTERNREF, 0x0b] },
      // The payload of own, or −1.
      { type: [[], [I32]], body: [0x02, I32, 0x1f, BLOCK_VOID, 1, 0, 0, 0, 0x10, 0, 0x0b, 0x41, 0x7f, 0x0b] },
      // 1 if anything was caught.
      { type: [[], [I32]], body: [0x02, BLOCK_VOID, 0x1f, BLOCK_VOID, 1, 2, 0, 0x10, 0, 0x0b, 0x41, 0, 0x0f, 0x0b, 0x41, 1] },
      // Catches anything by reference and throws it again.
      { type: [[], []], body: [0x02, EXNREF, 0x1f, BLOCK_VOID, 1, 3, 0, 0x10, 0, 0x0b, 0x0f, 0x0b, 0x0a] },
      { type: [[I32], []], body: [0x20, 0, 0x08, 0] },
      { type: [[EXTERNREF], []], body: [0x20, 0, 0x08, 1] },
      { type: [[], []], body: [0x00] },
    ],
    exports: { pass: ["func", 1], catchJS: ["func", 2], catchOwn: ["func", 3], catchAll: ["func", 4], again: ["func", 5],
      throwOwn: ["func", 6], throwJS: ["func", 7], trap: ["func", 8], own: ["tag", 0], js: ["tag", 1] },
  }, { m: { f, own, js: JSTag } });

  test("Exception(exceptionTag, payload, options): arguments", () => {
    same(Exception.length, 2);
    same(attributes(WebAssembly, "Exception"), "w-c");
    const tag = new Tag({ parameters: ["i32"] });
    throws(TypeError, () => Exception(tag, [1]));
    for (const wrong of [...nonObjects, {}, Tag]) throws(TypeError, () => new Exception(wrong, [1]));
    for (const wrong of [...nonObjects, {}]) throws(TypeError, () => new Exception(tag, wrong));
    for (const payload of [[], [1, 2]]) throws(TypeError, () => new Exception(tag, payload));
    throws(TypeError, () => new Exception(tag, [1n]));
    throws(TypeError, () => new Exception(tag, [1], 5));
    same(new Exception(tag, new Set([7])).getArg(tag, 0), 7);
    throws(TypeError, () => new Exception(JSTag, [{}]));
    throws(TypeError, () => new Exception(new Tag({ parameters: ["v128"] }), [0]));
    same(Object.prototype.toString.call(new Exception(tag, [1])), "[object WebAssembly.Exception]");
    same(new Exception(tag, [1]) instanceof Error, false);
  }, { differs: ["V8"] });

  test("Exception: every receiver is checked", () => {
    brandChecked(Exception.prototype, [new Tag({ parameters: [] }), new Error()]);
  });

  test("getArg(exceptionTag, index), is(exceptionTag)", () => {
    const object = {};
    const types = ["i32", "i64", "f32", "f64", "externref", "anyfunc"];
    const tag = new Tag({ parameters: types });
    const other = new Tag({ parameters: types });
    const exception = new Exception(tag, [-1, 2n, 0.5, 1 / 3, object, null]);
    list([0, 1, 2, 3, 4, 5].map((i) => exception.getArg(tag, i)), [-1, 2n, 0.5, 1 / 3, object, null]);
    same(exception.is(tag), true);
    same(exception.is(other), false);
    throws(TypeError, () => exception.getArg(other, 0));
    throws(RangeError, () => exception.getArg(tag, 6));
    for (const index of [-1, NaN, Infinity, 2 ** 32, undefined]) throws(TypeError, () => exception.getArg(tag, index));
    same(exception.getArg(tag, { valueOf: () => 1.9 }), 2n);
    throws(TypeError, () => exception.is());
    throws(TypeError, () => exception.is({}));
  });

  test("stack: a string with traceStack, else undefined", () => {
    const tag = new Tag({ parameters: [] });
    same(attributes(Exception.prototype, "stack"), "aec");
    same(new Exception(tag, []).stack, undefined);
    same(new Exception(tag, [], { traceStack: false }).stack, undefined);
    same(new Exception(tag, [], null).stack, undefined);
    const traced = (function maker() { return new Exception(tag, [], { traceStack: true }); })();
    same(typeof traced.stack, "string");
    same(traced.stack.includes("maker"), true);
  });

  test("JSTag: one Tag, an accessor of the namespace", () => {
    same(JSTag instanceof Tag, true);
    same(WebAssembly.JSTag, JSTag);
    same(attributes(WebAssembly, "JSTag"), "aec");
    same(Object.getOwnPropertyDescriptor(WebAssembly, "JSTag").set, undefined);
    same(catching(() => {}, new Tag({ parameters: ["i32"] })).js, JSTag);
  }, { differs: ["V8"] });

  test("what JavaScript throws passes with its identity, primitives too", () => {
    const own = new Tag({ parameters: ["i32"] });
    for (const value of [{}, new Error("e"), undefined, null, "text", 0, -0, 5, 1n, Symbol(), new Exception(own, [3])]) {
      const exports = catching(() => { throw value; }, own);
      same(thrownBy(exports.pass), value);
      same(thrownBy(exports.again), value);
      same(exports.catchAll(), 1);
    }
  });

  test("WebAssembly catches by tag what JavaScript throws", () => {
    const own = new Tag({ parameters: ["i32"] });
    for (const value of [{}, new Error("e"), undefined, "text", 5]) {
      const exports = catching(() => { throw value; }, own);
      same(exports.catchJS(), value);
      same(thrownBy(exports.catchOwn), value);
    }
    const exception = new Exception(own, [42]);
    const exports = catching(() => { throw exception; }, own);
    same(exports.catchOwn(), 42);
    same(thrownBy(exports.catchJS), exception);
  });

  test("what WebAssembly throws: an Exception, or the value of JSTag", () => {
    const own = new Tag({ parameters: ["i32"] });
    const exports = catching(() => {}, own);
    const exception = thrownBy(() => exports.throwOwn(7));
    same(Object.getPrototypeOf(exception), Exception.prototype);
    same(exception.is(own), true);
    same(exception.getArg(own, 0), 7);
    same(exception.stack, undefined);
    for (const value of [{}, undefined, null, "text", 1]) same(thrownBy(() => exports.throwJS(value)), value);
  });

  test("one Exception object for an exception that turns up again", () => {
    const own = new Tag({ parameters: ["i32"] });
    let inside;
    const inner = catching(() => {}, own);
    const outer = catching(() => {
      inside = thrownBy(() => inner.throwOwn(1));
      throw inside;
    }, own);
    same(thrownBy(outer.again), inside);
    same(outer.catchOwn(), 1);
  });

  test("a trap is caught by nothing, also behind JavaScript", () => {
    const own = new Tag({ parameters: ["i32"] });
    const { trap } = catching(() => {}, own);
    for (const f of [trap, () => trap(), () => { try { trap(); } catch (error) { throw error; } }]) {
      const exports = catching(f, own);
      for (const steps of [exports.catchAll, exports.again, exports.catchJS]) {
        same(thrownBy(steps) instanceof WebAssembly.RuntimeError, true);
      }
    }
    const made = new WebAssembly.RuntimeError("made");
    same(catching(() => { throw made; }, own).catchJS(), made);
  });

  test("imported and exported tags: identity, and link errors", () => {
    const own = new Tag({ parameters: ["i32"] });
    same(catching(() => {}, own).own, own);
    throws(WebAssembly.LinkError, () => catching(() => {}, new Tag({ parameters: ["i64"] })));
    throws(WebAssembly.LinkError, () => catching(() => {}, {}));
    const defined = instantiate({ tags: [[I32]], exports: { a: ["tag", 0], b: ["tag", 0] } });
    same(defined.a, defined.b);
  });
}
