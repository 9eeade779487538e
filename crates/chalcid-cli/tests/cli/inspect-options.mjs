// util.inspect's options, formats and custom inspection.
import util, { inspect, format } from 'node:util';
const deep = { a: { b: { c: { d: { e: 1 } } } } };
console.log(inspect(deep, { depth: 0 }), inspect(deep, { depth: null }), inspect(deep, { depth: Infinity }), inspect(deep, false, 1));
console.log(inspect({ a: 1, b: [1, 2] }, { compact: false }));
console.log(inspect({ a: { b: { c: {} } } }, { compact: true, breakLength: 20 }));
console.log(inspect([1, 2, 3, 4, 5], { maxArrayLength: 2 }), inspect(new Set([1, 2, 3]), { maxArrayLength: 1 }), inspect('abcdef', { maxStringLength: 3 }));
console.log(inspect({ b: 1, a: 2, c: 3 }, { sorted: true }), inspect({ get a() { return { x: 1 }; }, get b() { return 2; } }, { getters: true }));
console.log(inspect([1, 'a', null, undefined, true, 1n, Symbol('x'), /r/, new Date(0), () => {}], { colors: true }));
console.log(inspect(123456789.123, { numericSeparator: true }), inspect(-1234567n, { numericSeparator: true }));
console.log(inspect(Object.defineProperty([1], 'x', { value: 2 }), { showHidden: true }));
console.log(inspect({ a: 'x'.repeat(30), b: 'y'.repeat(30) }, { breakLength: 40 }), inspect({ a: 1, b: 2 }, { breakLength: 3 }));
class Money { constructor(v) { this.v = v; } [inspect.custom](depth, options, inner) { return `Money<${inner(this.v, options)}>`; } }
console.log(new Money(5), [new Money('x')], { m: new Money({ a: { b: {} } }) });
console.log({ [inspect.custom]() { return { replaced: true }; } }, { [util.inspect.custom]: 5 });
console.log(format('%s %s', 'a'), format('%s', 'a', 'b', { c: 1 }), format('%d|%i|%f', '42.5', '42.5', '42.5'), format('%j', { a: [1] }));
console.log(format('%o', [1, { a: 2 }]), format('%O', { a: { b: { c: { d: 1 } } } }));
console.log(format('100%'), format('%%s %s', 1), format('%x', 1), format('%s', null, undefined), format('%c styled', 'color: red'));
console.log(format('%s %s %s %s', 1n, Symbol('s'), -0, () => 1), format('%d %i', 1n, 2n), format('%s', { a: { b: 1 } }, [1, [2, [3]]]));
console.log(format(1, 2, '3'), format('a', 'b'), format(), format(null), format('%s', class A {}), format('%s', new (class B { toString() { return 'custom'; } })()));
console.log(format('%s', new Error('boom').message), format('%j', (() => { const o = {}; o.o = o; return o; })()));
console.log('%s is %d years and %i days, %f, %j, %o, %O, %%', 'Bob', 42, 3.7, 1.5, { j: 1 }, { o: 1 }, { O: 1 }, 'extra');
console.log(util.isDeepStrictEqual({ a: [1, new Map([[1, { b: 2 }]])] }, { a: [1, new Map([[1, { b: 2 }]])] }), util.isDeepStrictEqual([1], ['1']), util.isDeepStrictEqual(new Set([1, { a: 1 }]), new Set([{ a: 1 }, 1])));
console.log(util.types.isMap(new Map()), util.types.isDate({}), util.types.isUint8Array(new Uint8Array()), util.types.isPromise(Promise.resolve()), util.types.isRegExp(/x/), util.types.isProxy(new Proxy({}, {})));
console.log(await util.promisify((a, b, callback) => callback(null, a + b))(1, 2), util.stripVTControlCharacters('\x1b[31mred\x1b[39m'));
console.log(util.inspect('a\'b'), util.inspect(new Map([[{ a: 1 }, 'x']]), { showHidden: true }), util.inspect(Object.create({ inherited: 1 })));
console.log(util.parseArgs({ args: ['-f', '--bar', 'b', 'pos'], options: { foo: { type: 'boolean', short: 'f' }, bar: { type: 'string' } }, allowPositionals: true }));
