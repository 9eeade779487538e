// Errors are shown with what makes them different, their frames apart.
const frameless = (error) => { error.stack = `${error.name}: ${error.message}\n    at somewhere (file.js:1:1)`; return error; };
console.log(frameless(new TypeError('bad type')));
console.log(frameless(Object.assign(new Error('with code'), { code: 'ECODE', details: { a: 1 } })));
console.log({ nested: frameless(new RangeError('nested')) });
console.log(frameless(new Error('outer', { cause: frameless(new Error('inner')) })));
console.log([frameless(new Error('in array'))]);
class CustomError extends Error { constructor(m) { super(m); this.name = 'CustomError'; } }
console.log(frameless(new CustomError('custom')));
const bare = Object.defineProperty(new Error('no stack'), 'stack', { value: undefined });
console.log(bare);
console.log(String(new Error('text')), `${new TypeError()}`, Object.prototype.toString.call(new Error()));
console.log(new Error('real').stack.split('\n').length > 1, new Error('m') instanceof Error);
console.log(frameless(new AggregateError([frameless(new Error('one'))], 'many')));
console.log(new DOMException('message', 'AbortError').name, new DOMException('m', 'DataCloneError').code, new DOMException('x') instanceof Error);
