// structuredClone.
const shared = { deep: [1, { x: 1n }] };
const original = { a: shared, b: shared, date: new Date(5), re: /x/gi, map: new Map([[{ k: 1 }, new Set([1, 'two'])]]), u8: new Uint8Array([1, 2, 3]).subarray(1), box: Object('s'), hole: [, 1], undef: undefined };
original.self = original;
const copy = structuredClone(original);
console.log(copy, copy.a === copy.b, copy.self === copy, copy.a !== shared, structuredClone(new RangeError('bad')) instanceof RangeError, structuredClone(new TypeError('m')).message, copy.u8.byteOffset, copy.u8.buffer.byteLength);
class Point { constructor() { this.x = 1; } get y() { return 2; } }
console.log(structuredClone(new Point()), structuredClone('s'), structuredClone(null), structuredClone(-0));
for (const bad of [() => {}, Symbol('s'), { f() {} }, [Symbol.iterator], new WeakMap(), Promise.resolve()]) { try { structuredClone(bad); console.log('cloned'); } catch (error) { console.log(error.name, error.code); } }
const buffer = new ArrayBuffer(4); const view = new Uint8Array(buffer, 1, 2); view[0] = 9;
const moved = structuredClone({ view, buffer }, { transfer: [buffer] });
console.log(buffer.byteLength, view.length, moved.view, moved.view.buffer === moved.buffer, moved.buffer);
try { structuredClone(buffer, { transfer: [buffer] }); } catch (error) { console.log(error.name); }
try { structuredClone(); } catch (error) { console.log(error.name); }
