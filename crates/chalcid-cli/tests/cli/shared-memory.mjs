// A module that has a shared memory: its buffer, growth, and the program's own thread waiting.
// (module (memory (export "memory") 1 3 shared)
//   (func (export "grow") (drop (memory.grow (i32.const 1))))
//   (func (export "wait") (result i32)
//     (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 1000))))
const bytes = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 2, 96, 0, 0, 96, 0, 1, 127, 3, 3, 2, 0, 1, 5, 4, 1, 3, 1, 3, 7, 24, 3, 6, 109,
  101, 109, 111, 114, 121, 2, 0, 4, 103, 114, 111, 119, 0, 0, 4, 119, 97, 105, 116, 0, 1, 10, 23, 2, 7, 0, 65, 1, 64,
  0, 26, 11, 13, 0, 65, 0, 65, 0, 66, 232, 7, 254, 1, 2, 0, 11,
]);
const { memory, grow, wait } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
const before = memory.buffer;
console.log(Object.prototype.toString.call(before), before.byteLength, memory.buffer === before);
new Uint8Array(before)[5] = 7;
grow();
console.log(before.byteLength, memory.buffer === before, memory.buffer.byteLength, new Uint8Array(memory.buffer)[5]);
console.log(memory.grow(1), memory.buffer.byteLength, before.byteLength);
console.log(wait(), Atomics.wait(new Int32Array(memory.buffer), 0, 1, 1), Atomics.wait(new Int32Array(memory.buffer), 0, 0, 1));
