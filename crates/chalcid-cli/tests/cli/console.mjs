// The methods of console; its indentation, counters and tables.
console.count(); console.count('x'); console.count(); console.countReset(); console.count();
console.group('G', { a: 1 }); console.log('in\nside'); console.group(); console.warn('deeper'); console.groupEnd(); console.groupEnd(); console.log('out');
console.table([[1, 2], [3, 4]]); console.table({ a: { x: 1 }, b: { y: 'é' } }); console.table([1, 'two', { three: 3 }]); console.table(new Map([['k', 1]])); console.table(5); console.table([{ a: 1, b: 2 }], ['b']); console.table(new Set([1]));
console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 }); console.assert(true, 'no'); console.assert(false, 'yes %s', 1); console.assert(false); console.assert(false, { a: 1 });
console.info('%i', 4.2); console.debug(); console.error('err %j', { a: 1 });
console.log(); console.log(''); console.log('a', 'b%', '%s'); console.log('%s'); console.log('5%', 6);
