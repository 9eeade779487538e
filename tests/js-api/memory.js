// JS API, section "Memories".
"use strict";

const { Memory } = WebAssembly;
const PAGE = 65536;

test("new Memory: a descriptor with initial", () => {
  for (const value of [...nonObjects, {}, { initial: undefined }]) throws(TypeError, () => new Memory(value), /^WebAssembly\.Memory\(\): /);
  throws(TypeError, () => new Memory());
  throws(TypeError, () => Memory({ initial: 1 }), /new/);
  const memory = new Memory({ initial: 2 });
  same(Object.getPrototypeOf(memory), Memory.prototype);
  same(Object.isExtensible(memory), true);
  same(Reflect.ownKeys(memory).length, 0);
  same(String(memory), "[object WebAssembly.Memory]");
  same(memory.buffer.byteLength, 2 * PAGE);
});

const outOfRange = [NaN, Infinity, -Infinity, -1, 2 ** 32, "text", {}, { valueOf: () => -1 }];

test("new Memory: initial and maximum are [EnforceRange] unsigned long", () => {
  for (const value of outOfRange) {
    throws(TypeError, () => new Memory({ initial: value }), /Property 'initial'/);
    throws(TypeError, () => new Memory({ initial: 0, maximum: value }), /Property 'maximum'/);
  }
  for (const value of [1n, Symbol()]) throws(TypeError, () => new Memory({ initial: value }));
  for (const value of [1, 1.9, "1", true, { valueOf: () => 1 }]) same(new Memory({ initial: value }).buffer.byteLength, PAGE);
  for (const value of [0, -0, -0.5, null, "", false]) same(new Memory({ initial: value }).buffer.byteLength, 0);
}, { differs: ["V8"] });

test("new Memory: RangeError for limits that are not valid", () => {
  throws(RangeError, () => new Memory({ initial: 2, maximum: 1 }));
  throws(RangeError, () => new Memory({ initial: 65537 }));
  throws(RangeError, () => new Memory({ initial: 0, maximum: 65537 }));
  new Memory({ initial: 0, maximum: 65536 });
}, { differs: ["V8"] });

test("new Memory: members are read and converted in the order address, initial, maximum", () => {
  const order = [];
  const descriptor = {};
  for (const [key, value] of Object.entries({ maximum: 2, initial: 1 })) {
    Object.defineProperty(descriptor, key, { get() { order.push(key); return { valueOf() { order.push(`${key} value`); return value; } }; } });
  }
  Object.defineProperty(descriptor, "address", { get() { order.push("address"); return { toString() { order.push("address value"); return "i32"; } }; } });
  new Memory(new Proxy(descriptor, { has() { fail("HasProperty was asked"); } }));
  list(order, ["address", "address value", "initial", "initial value", "maximum", "maximum value"]);
}, { differs: ["V8"] });

test("new Memory: subclasses, newTarget without a prototype", () => {
  class Derived extends Memory { get pages() { return this.buffer.byteLength / PAGE; } }
  same(new Derived({ initial: 3 }).pages, 3);
  const target = function () {}.bind();
  same(Object.getPrototypeOf(Reflect.construct(Memory, [{ initial: 0 }], target)), Memory.prototype);
}, { differs: ["V8"] });

test("the interface's members", () => {
  same(attributes(Memory.prototype, "grow"), "wec");
  same(Memory.prototype.grow.length, 1);
  same(attributes(Memory.prototype, "buffer"), "aec");
  const { get, set } = Object.getOwnPropertyDescriptor(Memory.prototype, "buffer");
  same(get.name, "get buffer");
  same(set, undefined);
  brandChecked(Memory.prototype, [new WebAssembly.Table({ element: "anyfunc", initial: 0 })]);
});

test("buffer: the same ArrayBuffer each time, whose bytes are the memory's", () => {
  const { memory, load, store } = instantiate({
    memories: [{ min: 1 }],
    funcs: [
      { type: [[I32], [I32]], body: [0x20, 0, 0x2d, 0, 0] },
      { type: [[I32, I32], []], body: [0x20, 0, 0x20, 1, 0x3a, 0, 0] },
    ],
    exports: { memory: ["memory", 0], load: ["func", 0], store: ["func", 1] },
  });
  const { buffer } = memory;
  same(memory.buffer, buffer);
  same(Object.getPrototypeOf(buffer), ArrayBuffer.prototype);
  same(Object.isExtensible(buffer), true);
  const bytes = new Uint8Array(buffer);
  bytes[5] = 42;
  same(load(5), 42);
  store(PAGE - 1, 7);
  same(bytes[PAGE - 1], 7);
});

test("buffer: JavaScript cannot detach it", () => {
  const { buffer } = new Memory({ initial: 1 });
  const attempts = [() => structuredClone(buffer, { transfer: [buffer] })];
  for (const method of ["transfer", "transferToFixedLength"]) {
    if (method in ArrayBuffer.prototype) attempts.push(() => buffer[method](), () => buffer[method](PAGE), () => buffer[method](0));
  }
  for (const attempt of attempts) {
    let thrown = false;
    try { attempt(); } catch { thrown = true; }
    same(thrown, true, attempt.toString());
    same(buffer.byteLength, PAGE);
  }
});

test("grow: returns the old size, detaches the old buffer, gives a new one with the old bytes", () => {
  const memory = new Memory({ initial: 1, maximum: 4 });
  const old = memory.buffer;
  const view = new Uint8Array(old);
  view[1] = 42;
  same(memory.grow(2), 1);
  same(old.byteLength, 0);
  same(view.length, 0);
  different(memory.buffer, old);
  same(memory.buffer.byteLength, 3 * PAGE);
  same(new Uint8Array(memory.buffer)[1], 42);
  same(new Uint8Array(memory.buffer)[3 * PAGE - 1], 0);
});

test("grow: by 0 as well", () => {
  const memory = new Memory({ initial: 1 });
  const old = memory.buffer;
  same(memory.grow(0), 1);
  same(old.byteLength, 0);
  different(memory.buffer, old);
  same(memory.buffer.byteLength, PAGE);
});

test("grow: a RangeError beyond the maximum or the limit changes nothing", () => {
  for (const memory of [new Memory({ initial: 1, maximum: 2 }), new Memory({ initial: 1 })]) {
    const old = memory.buffer;
    throws(RangeError, () => memory.grow(65536));
    throws(RangeError, () => memory.grow(2 ** 32 - 1));
    same(memory.buffer, old);
    same(old.byteLength, PAGE);
  }
});

test("grow: delta is [EnforceRange] unsigned long", () => {
  const memory = new Memory({ initial: 0 });
  for (const value of [undefined, ...outOfRange]) throws(TypeError, () => memory.grow(value));
  throws(TypeError, () => memory.grow());
  throws(TypeError, () => memory.grow(1n));
  same(memory.grow("1"), 0);
  same(memory.grow({ valueOf: () => 1 }), 1);
  same(memory.buffer.byteLength, 2 * PAGE);
});

test("grow: the conversion of delta may grow the memory itself", () => {
  const memory = new Memory({ initial: 1, maximum: 3 });
  same(memory.grow({ valueOf() { memory.grow(1); return 1; } }), 2);
  same(memory.buffer.byteLength, 3 * PAGE);
});

const growing = (onGrow) => {
  const exports = instantiate({
    imports: [["env", "grown", "func", [[], []]]],
    memories: [{ min: 1, max: 3 }],
    funcs: [{ type: [[I32], [I32]], body: [0x20, 0, 0x40, 0, 0x10, 0] }, { type: [[], [I32]], body: [0x3f, 0] }],
    exports: { grow: ["func", 1], size: ["func", 2], memory: ["memory", 0] },
  }, { env: { grown: () => onGrow(exports) } });
  return exports;
};

test("memory.grow inside WebAssembly is seen by JavaScript that it calls", () => {
  let before;
  let views;
  const { grow, memory } = growing(({ memory }) => {
    same(before.byteLength, 0);
    same(views[0].length, 0);
    throws(TypeError, () => views[1].getUint8(0));
    different(memory.buffer, before);
    same(memory.buffer.byteLength, 2 * PAGE);
  });
  before = memory.buffer;
  views = [new Uint8Array(before), new DataView(before)];
  same(grow(1), 1);
  same(memory.buffer.byteLength, 2 * PAGE);
});

test("memory.grow inside WebAssembly: 0 detaches, failure does not", () => {
  const { grow, memory } = growing(() => {});
  const first = memory.buffer;
  same(grow(0), 1);
  same(first.byteLength, 0);
  const second = memory.buffer;
  same(grow(9), -1);
  same(memory.buffer, second);
  same(second.byteLength, PAGE);
});

test("JavaScript that is called back grows the memory under the running code", () => {
  const { grow, size, memory } = growing(({ memory }) => memory.grow(1));
  same(grow(0), 1);
  same(size(), 2);
  same(memory.buffer.byteLength, 2 * PAGE);
});

test("a memory of two instances is one memory", () => {
  const memory = new Memory({ initial: 1 });
  const parts = {
    imports: [["m", "memory", "memory", { min: 1 }]],
    funcs: [{ type: [[], [I32]], body: [...i32const(0), 0x28, 2, 0] }, { type: [[I32], []], body: [...i32const(0), 0x20, 0, 0x36, 2, 0] }],
    exports: { load: ["func", 0], store: ["func", 1], memory: ["memory", 0] },
  };
  const [a, b] = [instantiate(parts, { m: { memory } }), instantiate(parts, { m: { memory } })];
  a.store(1234);
  same(b.load(), 1234);
  same(new Uint32Array(memory.buffer)[0], 1234);
  same(a.memory, memory);
  same(b.memory, memory);
});

test("address i64: sizes are BigInts", () => {
  const memory = new Memory({ address: "i64", initial: 1n, maximum: 3n });
  same(memory.buffer.byteLength, PAGE);
  same(memory.grow(1n), 1n);
  for (const value of [1, undefined, null, NaN, Symbol(), -1n, 2n ** 64n]) throws(TypeError, () => memory.grow(value));
  same(memory.grow("1"), 2n);
  throws(RangeError, () => memory.grow(1n));
  throws(TypeError, () => new Memory({ address: "i64", initial: 1 }));
  throws(TypeError, () => new Memory({ address: "i64", initial: -1n }));
  throws(TypeError, () => new Memory({ address: "i64", initial: 0n, maximum: 2n ** 64n }));
  throws(RangeError, () => new Memory({ address: "i64", initial: 2n, maximum: 1n }));
  throws(RangeError, () => new Memory({ address: "i64", initial: 2n ** 37n }));
  throws(TypeError, () => new Memory({ address: "i33", initial: 1 }), /'i32' or 'i64'/);
}, { differs: ["V8"] });

if ("toResizableBuffer" in Memory.prototype) {
  test("toFixedLengthBuffer, toResizableBuffer: the same buffer if it is of the kind already", () => {
    const memory = new Memory({ initial: 1, maximum: 3 });
    same(Memory.prototype.toFixedLengthBuffer.length, 0);
    same(Memory.prototype.toResizableBuffer.length, 0);
    same(memory.toFixedLengthBuffer(), memory.buffer);
    const resizable = memory.toResizableBuffer();
    same(memory.toResizableBuffer(), resizable);
    same(memory.buffer, resizable);
  });

  test("toFixedLengthBuffer, toResizableBuffer: another buffer over the same bytes, the old one detached", () => {
    const memory = new Memory({ initial: 1, maximum: 3 });
    const fixed = memory.buffer;
    new Uint8Array(fixed)[3] = 33;
    const resizable = memory.toResizableBuffer();
    same(fixed.byteLength, 0);
    same(resizable.resizable, true);
    same(resizable.byteLength, PAGE);
    same(resizable.maxByteLength, 3 * PAGE);
    same(new Uint8Array(resizable)[3], 33);
    const again = memory.toFixedLengthBuffer();
    same(resizable.byteLength, 0);
    same(again.resizable, false);
    same(new Uint8Array(again)[3], 33);
  });

  test("toResizableBuffer: without a maximum a TypeError", () => {
    const memory = new Memory({ initial: 1 });
    const { buffer } = memory;
    throws(TypeError, () => memory.toResizableBuffer());
    same(memory.buffer, buffer);
    same(buffer.byteLength, PAGE);
  });

  test("a resizable buffer stays when the memory grows", () => {
    const memory = new Memory({ initial: 1, maximum: 3 });
    const buffer = memory.toResizableBuffer();
    const view = new Uint8Array(buffer);
    same(memory.grow(1), 1);
    same(memory.buffer, buffer);
    same(buffer.byteLength, 2 * PAGE);
    same(view.length, 2 * PAGE);
    view[2 * PAGE - 1] = 9;
    same(new Uint8Array(memory.toFixedLengthBuffer())[2 * PAGE - 1], 9);
  });

  test("HostResizeArrayBuffer: resize grows the memory by whole pages and never shrinks it", () => {
    const memory = new Memory({ initial: 1, maximum: 3 });
    const buffer = memory.toResizableBuffer();
    buffer.resize(2 * PAGE);
    same(buffer.byteLength, 2 * PAGE);
    same(memory.grow(0), 2);
    for (const length of [PAGE, 2 * PAGE + 1, 4 * PAGE, 0]) throws(RangeError, () => buffer.resize(length));
    buffer.resize(2 * PAGE);
    same(buffer.byteLength, 2 * PAGE);
  });
}
