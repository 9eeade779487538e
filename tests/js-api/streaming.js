// WebAssembly Web API, section "Streaming Module Compilation and Instantiation". Only where there is a Response.
"use strict";

const bytes = wasm({ funcs: [{ type: [[], [I32]], body: i32const(42) }], exports: { f: ["func", 0] } });

test("the operations", () => {
  for (const name of ["compileStreaming", "instantiateStreaming"]) {
    same(attributes(WebAssembly, name), "wec", name);
    same(WebAssembly[name].length, 1, `${name}.length`);
    same(WebAssembly[name].name, name);
  }
});

test("whatever is no Response, or a promise for none, rejects with a TypeError", async () => {
  for (const name of ["compileStreaming", "instantiateStreaming"]) {
    await rejects(TypeError, WebAssembly[name]());
    for (const value of [...nonObjects, {}, bytes, bytes.buffer, new WebAssembly.Module(bytes)]) {
      await rejects(TypeError, WebAssembly[name](value));
      await rejects(TypeError, WebAssembly[name](Promise.resolve(value)));
    }
    const reason = {};
    await rejects(reason, WebAssembly[name](Promise.reject(reason)));
  }
}, { differs: ["V8"] });

if (typeof Response === "function") {
  const response = (type, init = {}) => new Response(bytes, { ...init, headers: type === undefined ? {} : { "Content-Type": type } });

  test("a Response, or a promise for one", async () => {
    const module = await WebAssembly.compileStreaming(response("application/wasm"));
    same(module instanceof WebAssembly.Module, true);
    const { instance } = await WebAssembly.instantiateStreaming(Promise.resolve(response("application/wasm")));
    same(instance.exports.f(), 42);
  });

  test("the MIME type, without parameters", async () => {
    for (const type of ["application/wasm", "APPLICATION/wasm", " application/wasm\t"]) await WebAssembly.compileStreaming(response(type));
    for (const type of ["", "text/plain", "application/wasm;", "application/wasm; charset=utf-8", "application/wasm;x", "application/wasmx"]) {
      await rejects(TypeError, WebAssembly.compileStreaming(response(type)), /MIME|Content-Type/);
    }
  }, { differs: ["V8"] });

  test("the status must be ok", async () => {
    for (const status of [404, 500]) await rejects(TypeError, WebAssembly.compileStreaming(response("application/wasm", { status })));
    await WebAssembly.compileStreaming(response("application/wasm", { status: 201 }));
  }, { differs: ["V8"] });

  test("a body that is no module is a CompileError, a consumed one a TypeError", async () => {
    const broken = new Response(new Uint8Array([1, 2, 3]), { headers: { "Content-Type": "application/wasm" } });
    await rejects(WebAssembly.CompileError, WebAssembly.compileStreaming(broken));
    const consumed = response("application/wasm");
    await consumed.arrayBuffer();
    await rejects(TypeError, WebAssembly.compileStreaming(consumed));
  }, { differs: ["V8"] });

  test("imports are read after compilation, an import that does not fit is a LinkError", async () => {
    const importing = wasm({ imports: [["m", "f", "func", [[], []]]] });
    const make = () => new Response(importing, { headers: { "Content-Type": "application/wasm" } });
    let read = false;
    const promise = WebAssembly.instantiateStreaming(make(), { get m() { read = true; return { f() {} }; } });
    same(read, false);
    await promise;
    same(read, true);
    await rejects(WebAssembly.LinkError, WebAssembly.instantiateStreaming(make(), { m: {} }));
    await rejects(TypeError, WebAssembly.instantiateStreaming(make()));
    await rejects(TypeError, WebAssembly.instantiateStreaming(make(), 1));
  });

  const streamed = (pieces, init = {}) => new Response(new ReadableStream(pieces, init), { headers: { "Content-Type": "application/wasm" } });
  // Something in many sections, with code before and after the last one.
  const large = wasm({
    memories: [{ min: 1 }],
    funcs: Array.from({ length: 3000 }, (_, i) => ({ type: [[], [I32]], body: i32const(i) })),
    exports: { f: ["func", 2999], memory: ["memory", 0] },
  });

  test("a body in pieces of any size is the module of all of them", async () => {
    for (const size of [1000, 7, large.length]) {
      const response = streamed({
        at: 0,
        pull(controller) {
          if (this.at >= large.length) return controller.close();
          controller.enqueue(large.slice(this.at, this.at += size));
        },
      });
      const { instance } = await WebAssembly.instantiateStreaming(response);
      same(instance.exports.f(), 2999);
      same(response.bodyUsed, true);
    }
  });

  test("a body that fails rejects with its own error, whatever came before", async () => {
    const reason = {};
    for (const start of [large.subarray(0, 5000), new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9])]) {
      let sent = false;
      const response = streamed({
        pull(controller) {
          if (sent) return controller.error(reason);
          sent = true;
          controller.enqueue(start);
        },
      });
      await rejects(reason, WebAssembly.compileStreaming(response));
    }
  });

  test("a fault in the bytes is told at the end, in the words that the whole has", async () => {
    // The size of a section, and constants in the middle and in the end that are no instructions any more.
    for (const at of [9, large.indexOf(0x41, large.length >> 1), large.lastIndexOf(0x41)]) {
      const damaged = large.slice();
      damaged[at] = 0xff;
      let end = false;
      const response = streamed({
        at: 0,
        pull(controller) {
          if (this.at >= damaged.length) {
            end = true;
            return controller.close();
          }
          controller.enqueue(damaged.slice(this.at, this.at += 1000));
        },
      });
      let expected;
      try { new WebAssembly.Module(damaged); } catch (error) { expected = error.message; }
      const error = await rejects(WebAssembly.CompileError, WebAssembly.compileStreaming(response));
      same(error.message, expected.replace("Module()", "compileStreaming()"));
      same(end, true);
    }
  });

  test("an empty body, no body, and one that is no stream of bytes", async () => {
    const init = { headers: { "Content-Type": "application/wasm" } };
    await rejects(WebAssembly.CompileError, WebAssembly.compileStreaming(new Response("", init)));
    await rejects(WebAssembly.CompileError, WebAssembly.compileStreaming(new Response(null, init)));
    await rejects(TypeError, WebAssembly.compileStreaming(streamed({ pull(controller) { controller.enqueue("text"); controller.close(); } })));
    const locked = response("application/wasm");
    locked.body.getReader();
    await rejects(TypeError, WebAssembly.compileStreaming(locked));
  }, { differs: ["V8"] });
}
