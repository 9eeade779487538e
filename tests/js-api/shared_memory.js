// Shared memories: Threads, JS API, section "Memories".

const { Memory } = WebAssembly;
const PAGE = 65536;
const shared = (initial, maximum) => new Memory({ initial, maximum, shared: true });

const isSharedBuffer = (buffer, length) => {
  same(Object.getPrototypeOf(buffer), SharedArrayBuffer.prototype);
  same(Object.prototype.toString.call(buffer), "[object SharedArrayBuffer]");
  same(buffer.byteLength, length);
  same(Object.isFrozen(buffer), true);
  same(Object.isExtensible(buffer), false);
};

test("Memory(descriptor): `shared` needs a maximum", () => {
  throws(TypeError, () => new Memory({ initial: 1, shared: true }));
  throws(RangeError, () => new Memory({ initial: 2, maximum: 1, shared: true }));
  for (const falsy of [false, 0, "", null, undefined]) {
    same(Object.getPrototypeOf(new Memory({ initial: 1, shared: falsy }).buffer), ArrayBuffer.prototype);
  }
  for (const truthy of [true, 1, "no", {}]) isSharedBuffer(new Memory({ initial: 1, maximum: 1, shared: truthy }).buffer, PAGE);
});

test("Memory(descriptor): `shared` is read last", () => {
  const read = [];
  const descriptor = {
    get shared() { read.push("shared"); return true; },
    get maximum() { read.push("maximum"); return { valueOf() { read.push("maximum valueOf"); return 2; } }; },
    get initial() { read.push("initial"); return { valueOf() { read.push("initial valueOf"); return 1; } }; },
  };
  isSharedBuffer(new Memory(descriptor).buffer, PAGE);
  list(read, ["initial", "initial valueOf", "maximum", "maximum valueOf", "shared"]);
});

test("buffer: a frozen SharedArrayBuffer, the same each time", () => {
  const memory = shared(1, 2);
  const { buffer } = memory;
  isSharedBuffer(buffer, PAGE);
  same(memory.buffer, buffer);
  same(buffer.growable, false);
  throws(TypeError, () => buffer.grow(2 * PAGE));
  new Uint8Array(buffer)[5] = 7;
  same(new Uint8Array(memory.buffer)[5], 7);
  same(Atomics.add(new Int32Array(buffer), 1, 3), 7 << 8);
});

test("grow: the old buffer stays, a new one shows what was added, also for nothing", () => {
  const memory = shared(1, 3);
  const old = memory.buffer;
  new Uint8Array(old)[0] = 1;
  same(memory.grow(1), 1);
  const grown = memory.buffer;
  different(grown, old);
  isSharedBuffer(grown, 2 * PAGE);
  isSharedBuffer(old, PAGE);
  new Uint8Array(grown)[1] = 2;
  same(new Uint8Array(old)[1], 2);
  same(new Uint8Array(grown)[0], 1);
  same(memory.grow(0), 2);
  different(memory.buffer, grown);
  throws(RangeError, () => memory.grow(2));
  same(memory.buffer.byteLength, 2 * PAGE);
});

const sharedModule = {
  imports: [["m", "memory", "memory", { min: 1, max: 4, shared: true }]],
  funcs: [
    { type: [[I32], [I32]], body: [0x20, 0, 0x40, 0] },
    { type: [[I32], [I32]], body: [0x20, 0, 0x2d, 0, 0] },
    { type: [[I32, I32], [I32]], body: [0x20, 0, 0x20, 1, 0xfe, 0x1e, 2, 0] },
    { type: [[], [I32]], body: [0x3f, 0] },
  ],
  exports: { memory: ["memory", 0], grow: ["func", 0], load: ["func", 1], add: ["func", 2], size: ["func", 3] },
};

test("a shared memory in a module: one object, atomic instructions, growth", () => {
  const memory = shared(1, 4);
  const exports = instantiate(sharedModule, { m: { memory } });
  same(exports.memory, memory);
  const old = memory.buffer;
  new Uint8Array(old)[9] = 42;
  same(exports.load(9), 42);
  same(exports.add(16, 5), 0);
  same(exports.add(16, 5), 5);
  same(new Int32Array(old)[4], 10);
  same(exports.grow(2), 1);
  same(exports.size(), 3);
  isSharedBuffer(old, PAGE);
  isSharedBuffer(memory.buffer, 3 * PAGE);
  same(exports.grow(2), -1);
});

test("link errors: shared and unshared do not go together, nor other maxima", () => {
  throws(WebAssembly.LinkError, () => instantiate(sharedModule, { m: { memory: new Memory({ initial: 1, maximum: 4 }) } }));
  throws(WebAssembly.LinkError, () => instantiate(sharedModule, { m: { memory: shared(1, 5) } }));
  const unshared = { imports: [["m", "memory", "memory", { min: 1, max: 4 }]] };
  throws(WebAssembly.LinkError, () => instantiate(unshared, { m: { memory: shared(1, 4) } }));
});

test("an exported shared memory has a shared buffer", () => {
  const { memory } = instantiate({ memories: [{ min: 1, max: 2, shared: true }], exports: { memory: ["memory", 0] } });
  isSharedBuffer(memory.buffer, PAGE);
  throws(WebAssembly.CompileError, () => new WebAssembly.Module(wasm({ memories: [{ min: 1, shared: true }] })));
});

if ("toResizableBuffer" in Memory.prototype) {
  test("toResizableBuffer, toFixedLengthBuffer: growable, frozen, nothing is detached", () => {
    const memory = shared(1, 3);
    const fixed = memory.buffer;
    same(memory.toFixedLengthBuffer(), fixed);
    const growable = memory.toResizableBuffer();
    isSharedBuffer(growable, PAGE);
    same(growable.growable, true);
    same(growable.maxByteLength, 3 * PAGE);
    same(memory.toResizableBuffer(), growable);
    same(memory.buffer, growable);
    isSharedBuffer(fixed, PAGE);
    const again = memory.toFixedLengthBuffer();
    different(again, growable);
    isSharedBuffer(again, PAGE);
    isSharedBuffer(growable, PAGE);
    same(memory.buffer, again);
  });

  test("toResizableBuffer: the buffer follows the memory", () => {
    const memory = shared(1, 4);
    const buffer = memory.toResizableBuffer();
    const view = new Uint8Array(buffer);
    same(memory.grow(1), 1);
    same(memory.buffer, buffer);
    same(buffer.byteLength, 2 * PAGE);
    same(view.length, 2 * PAGE);
    view[2 * PAGE - 1] = 3;
    const exports = instantiate(sharedModule, { m: { memory } });
    same(exports.load(2 * PAGE - 1), 3);
    same(exports.grow(1), 2);
    same(buffer.byteLength, 3 * PAGE);
    same(view[2 * PAGE - 1], 3);
  });

  test("HostGrowSharedArrayBuffer: grow() of the buffer grows the memory", () => {
    const memory = shared(1, 3);
    const buffer = memory.toResizableBuffer();
    same(buffer.grow(2 * PAGE), undefined);
    same(buffer.byteLength, 2 * PAGE);
    same(memory.grow(0), 2);
    for (const length of [PAGE, 0, 2 * PAGE + 1, 4 * PAGE, -1]) throws(RangeError, () => buffer.grow(length));
    buffer.grow(2 * PAGE);
    same(memory.buffer, buffer);
    buffer.grow(3 * PAGE);
    same(instantiate({ ...sharedModule, imports: [["m", "memory", "memory", { min: 3, max: 3, shared: true }]] },
      { m: { memory } }).size(), 3);
  });

  test("SharedArrayBuffer.prototype.grow is what it was for other buffers", () => {
    const { grow } = SharedArrayBuffer.prototype;
    same(grow.length, 1);
    same(grow.name, "grow");
    for (const receiver of [...nonObjects, {}, new ArrayBuffer(1), new ArrayBuffer(1, { maxByteLength: 2 })]) {
      throws(TypeError, () => grow.call(receiver, 1));
    }
  });
}

test("Atomics.wait and notify over a memory: arguments in the order of the text", () => {
  const { buffer } = shared(1, 1);
  const words = new Int32Array(buffer);
  const longs = new BigInt64Array(buffer, 8);
  const seen = [];
  const number = (name, value) => ({ valueOf() { seen.push(name); return value; } });
  throws(RangeError, () => Atomics.wait(words, number("index", words.length), number("value", 0), number("timeout", 0)));
  throws(RangeError, () => Atomics.wait(words, number("index", -1), number("value", 0), number("timeout", 0)));
  list(seen.splice(0), ["index", "index"]);
  throws(TypeError, () => Atomics.wait(longs, number("index", 0), number("value", 0), number("timeout", 0)));
  list(seen.splice(0), ["index", "value"]);
  throws(RangeError, () => Atomics.notify(longs, number("index", longs.length), number("count", 1)));
  list(seen.splice(0), ["index"]);
  same(Atomics.notify(words, number("index", 0), number("count", NaN)), 0);
  list(seen.splice(0), ["index", "count"]);
  for (const wrong of [new Uint32Array(buffer), new Int16Array(buffer), new BigUint64Array(buffer), buffer, {}, null]) {
    throws(TypeError, () => Atomics.wait(wrong, 0, 0, 0));
    throws(TypeError, () => Atomics.notify(wrong, 0, 0));
  }
  throws(TypeError, () => Atomics.wait(new Int32Array(new Memory({ initial: 1 }).buffer), 0, 0, 0));
  same(Atomics.notify(new Int32Array(new Memory({ initial: 1 }).buffer), 0), 0);
});

test("Atomics.wait and notify: functions of their names and lengths", () => {
  for (const [name, length] of [["wait", 4], ["notify", 3]]) {
    same(attributes(Atomics, name), "w-c");
    same(Atomics[name].name, name);
    same(Atomics[name].length, length);
    throws(TypeError, () => new Atomics[name]());
  }
});
