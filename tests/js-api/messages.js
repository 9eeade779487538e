// Messages that programs and people search for: they begin as V8's do. The text of the specification leaves them open.

const { Module, Instance, Memory, Table, Global } = WebAssembly;

const noop = { funcs: [{ type: [[], []], body: [] }], exports: { f: ["func", 0] } };
const importing = (kind, ...type) => new Module(wasm({ imports: [["env", "x", kind, ...type]] }));
const given = (x, kind, ...type) => () => new Instance(importing(kind, ...type), { env: { x } });
const running = (body, parts = {}) => () =>
  instantiate({ funcs: [{ type: [[], []], body }], exports: { f: ["func", 0] }, ...parts }).f();

const begins = (wanted, message, steps) => test(`message: ${message}`, () => {
  const { message: found } = throws(wanted, steps);
  if (!found.startsWith(message)) fail(`the message is ${show(found)}, expected ${show(message)}`);
});
const { CompileError, LinkError, RuntimeError } = WebAssembly;

begins(TypeError, "WebAssembly.Module(): Argument 0 must be a buffer source", () => new Module(5));
begins(TypeError, "WebAssembly.Module(): WebAssembly.Module must be invoked with 'new'", () => Module(wasm()));
begins(CompileError, "WebAssembly.Module(): BufferSource argument is empty", () => new Module(new Uint8Array()));
begins(CompileError, "WebAssembly.Module(): expected magic word 00 61 73 6d, found 00 61 73 6e @+0",
  () => new Module(new Uint8Array([0, 0x61, 0x73, 0x6e, 1, 0, 0, 0])));
begins(CompileError, "WebAssembly.Module(): expected version 01 00 00 00, found 02 00 00 00 @+4",
  () => new Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 2, 0, 0, 0])));
begins(CompileError, "WebAssembly.Module(): Compiling function #0 failed: ",
  () => new Module(wasm({ funcs: [{ type: [[], [I32]], body: [] }] })));
begins(TypeError, "WebAssembly.Instance(): Argument 0 must be a WebAssembly.Module", () => new Instance({}));
begins(TypeError, "WebAssembly.Instance(): Imports argument must be present and must be an object",
  () => new Instance(importing("func", [[], []])));
begins(TypeError, "WebAssembly.Instance(): Argument 1 must be an object", () => new Instance(new Module(wasm()), 5));
begins(TypeError, 'WebAssembly.Instance(): Import #0 "env": module is not an object or function',
  () => new Instance(importing("func", [[], []]), {}));

const IMPORT = 'WebAssembly.Instance(): Import #0 "env" "x": ';
begins(LinkError, `${IMPORT}function import requires a callable`, given(undefined, "func", [[], []]));
begins(LinkError, `${IMPORT}function import requires a callable`, given(1, "func", [[], []]));
begins(LinkError, `${IMPORT}imported function does not match the expected type`,
  () => given(instantiate(noop).f, "func", [[I32], []])());
begins(LinkError, `${IMPORT}memory import must be a WebAssembly.Memory object`, given({}, "memory", { min: 1 }));
begins(LinkError, `${IMPORT}memory import has 1 pages which is smaller than the declared initial of 2`,
  given(new Memory({ initial: 1 }), "memory", { min: 2 }));
begins(LinkError, `${IMPORT}memory import has no maximum limit, expected at most `,
  given(new Memory({ initial: 1 }), "memory", { min: 1, max: 2 }));
begins(LinkError, `${IMPORT}memory import has a larger maximum size 5 than the module's declared maximum 2`,
  given(new Memory({ initial: 1, maximum: 5 }), "memory", { min: 1, max: 2 }));
begins(LinkError, `${IMPORT}table import requires a WebAssembly.Table`, given(1, "table", FUNCREF, { min: 1 }));
begins(LinkError, `${IMPORT}imported table does not match the expected type`,
  given(new Table({ element: "externref", initial: 1 }), "table", FUNCREF, { min: 1 }));
begins(LinkError, `${IMPORT}global import must be a `, given(undefined, "global", I32, false));
begins(LinkError, `${IMPORT}imported global does not match the expected mutability`,
  given(new Global({ value: "i32" }, 1), "global", I32, true));
begins(LinkError, `${IMPORT}imported global does not match the expected type`,
  given(new Global({ value: "f64" }, 1), "global", I32, false));

begins(TypeError, "WebAssembly.Memory(): WebAssembly.Memory must be invoked with 'new'", () => Memory({ initial: 1 }));
begins(TypeError, "WebAssembly.Memory(): Argument 0 must be a memory descriptor", () => new Memory());
begins(TypeError, "WebAssembly.Memory(): Property 'initial' is required", () => new Memory({}));
begins(TypeError, "WebAssembly.Memory(): Property 'initial' must be non-negative", () => new Memory({ initial: -1 }));
begins(TypeError, "WebAssembly.Memory(): Unknown address type 'x'; pass 'i32' or 'i64'",
  () => new Memory({ initial: 1, address: "x" }));
begins(RangeError, "WebAssembly.Memory(): Property 'initial': value 65537 is above the upper bound", () => new Memory({ initial: 65537 }));
begins(RangeError, "WebAssembly.Memory(): Property 'maximum': value 1 is below the lower bound 2",
  () => new Memory({ initial: 2, maximum: 1 }));
begins(RangeError, "WebAssembly.Memory.grow(): Maximum memory size exceeded",
  () => new Memory({ initial: 1, maximum: 1 }).grow(1));
begins(TypeError, "WebAssembly.Memory.grow(): Receiver is not a WebAssembly.Memory", () => Memory.prototype.grow.call({}, 1));

begins(TypeError, "WebAssembly.Table(): Argument 0 must be a table descriptor", () => new Table());
begins(RangeError, "WebAssembly.Table.get(): invalid address 1 in funcref table of size 1",
  () => new Table({ element: "anyfunc", initial: 1 }).get(1));
begins(RangeError, "WebAssembly.Table.set(): invalid address 1 in funcref table of size 1",
  () => new Table({ element: "anyfunc", initial: 1 }).set(1, null));
begins(TypeError, "WebAssembly.Table.set(): Argument 1 is invalid for table: function-typed object must be null",
  () => new Table({ element: "anyfunc", initial: 1 }).set(0, () => {}));
begins(RangeError, "WebAssembly.Table.grow(): failed to grow table by 2",
  () => new Table({ element: "anyfunc", initial: 1, maximum: 2 }).grow(2));

begins(TypeError, "WebAssembly.Global(): Argument 0 must be a global descriptor", () => new Global());
begins(TypeError, "WebAssembly.Global(): A global of type 'v128' cannot be created in JavaScript", () => new Global({ value: "v128" }));
begins(TypeError, "WebAssembly.Global(): function-typed object must be null (if nullable) or a Wasm function object",
  () => new Global({ value: "anyfunc" }, () => {}));

begins(RuntimeError, "unreachable", running([0x00]));
begins(RuntimeError, "divide by zero", running([0x41, 1, 0x41, 0, 0x6d, 0x1a]));
begins(RuntimeError, "float unrepresentable in integer range", running([0x43, 0, 0, 0xc0, 0x7f, 0xa8, 0x1a]));
begins(RuntimeError, "memory access out of bounds", running([0x41, ...[0x80, 0x80, 0x08], 0x28, 2, 0, 0x1a], { memories: [{ min: 1 }] }));
begins(RuntimeError, "table index is out of bounds", running([0x41, 5, 0x11, 0, 0], { tables: [[FUNCREF, { min: 1 }]] }));
begins(RuntimeError, "WebAssembly.Instance(): data segment ",
  () => instantiate({ memories: [{ min: 0 }], data: [{ offset: i32const(5), bytes: [1] }] }));
begins(RuntimeError, "WebAssembly.Instance(): table index is out of bounds",
  () => instantiate({ ...noop, tables: [[FUNCREF, { min: 0 }]], elems: [{ offset: i32const(0), funcs: [0] }] }));
