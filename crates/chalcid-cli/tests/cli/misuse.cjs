// Every function of the runtime called with arguments that make no sense: it may throw, and nothing else.
const weird = [undefined, null, NaN, -1, 1e300, '', '\ud800', 'x', {}, [], Symbol('s'), 5n, () => {}, new Uint8Array(2), new ArrayBuffer(0), new Proxy({}, { get() { throw new Error('trap'); } }), Object.create(null), new Date(NaN)];
const names = [...require('module').builtinModules, 'globals'];
const skip = new Set(['exit', 'reallyExit', 'abort', 'chdir', 'write', 'end', 'log', 'info', 'debug', 'warn', 'error', 'trace', 'dir', 'dirxml', 'table', 'group', 'groupCollapsed', 'assert', 'count', 'time', 'timeEnd', 'timeLog', 'emit', 'emitWarning', 'on', 'once', 'addListener', 'setInterval', 'runMain', 'load', 'prepareGlobal', 'eval', 'Function', 'setDispatch', 'setHooks', 'writeFileSync', 'writeFile', 'appendFile', 'appendFileSync', 'mkdirSync', 'mkdir', 'mkdtemp', 'mkdtempSync', 'rm', 'rmSync', 'copyFile', 'copyFileSync', 'cp', 'cpSync', 'symlink', 'symlinkSync', 'link', 'linkSync', 'open', 'openSync', 'rename', 'renameSync', 'setUncaughtExceptionCaptureCallback', 'nextTick', 'queueMicrotask', 'setTimeout', 'setImmediate', 'pull', 'scheduler', 'wait', 'readInput', 'readFileSync', 'readFile', 'readSync', 'read', 'allocUnsafe', 'alloc', 'randomBytes', 'repeat', 'next', 'throws', 'constructor', 'require', '_load', 'createRequire']);
let calls = 0, finished = false;
const quietly = (action) => { calls++; try { const result = action(); if (result instanceof Promise) result.catch(() => {}); return result; } catch { return undefined; } };
const seen = new Set();
function probe(value, receiver, depth) {
  if ((typeof value !== 'function' && typeof value !== 'object') || value === null || seen.has(value) || depth > 3) return;
  seen.add(value);
  if (typeof value === 'function') {
    for (const a of weird) {
      quietly(() => value.call(receiver, a));
      quietly(() => new value(a));
      for (const b of weird) quietly(() => value.call(receiver, a, b, a));
    }
  }
  for (const key of Reflect.ownKeys(value)) {
    if (typeof key === 'symbol' || skip.has(key)) continue;
    let member;
    try { member = value[key]; } catch { continue; }
    if (typeof member !== 'function' || !skip.has(member.name)) probe(member, value, depth + 1);
  }
}
process.on('uncaughtException', (error) => { if (!finished) console.log('stopped by', error); });
process.on('unhandledRejection', () => {});
for (const name of names) {
  if (['console', 'process', 'web/console', 'web/console_more'].includes(name)) continue;
  probe(name === 'globals' ? { TextEncoder, TextDecoder, URL, URLSearchParams, structuredClone, crypto, Response, Request, Headers, Event, EventTarget, AbortController, Blob, ReadableStream, performance, atob, btoa, Buffer, clearTimeout } : require(name), undefined, 0);
}
for (const [type, make] of [['Buffer', () => Buffer.from('some bytes')], ['TextDecoder', () => new TextDecoder()], ['URL', () => new URL('http://a/b?c')], ['URLSearchParams', () => new URLSearchParams('a=1')], ['Headers', () => new Headers({ a: '1' })], ['Hash', () => require('crypto').createHash('sha256')], ['TextEncoder', () => new TextEncoder()], ['Response', () => new Response('x')], ['EventEmitter', () => new (require('events'))()]]) {
  for (let prototype = Object.getPrototypeOf(make()); prototype !== Object.prototype && prototype !== null; prototype = Object.getPrototypeOf(prototype)) {
    for (const key of Object.getOwnPropertyNames(prototype)) {
      if (skip.has(key)) continue;
      const descriptor = Object.getOwnPropertyDescriptor(prototype, key);
      for (const a of weird) {
        if (descriptor.set) quietly(() => { make()[key] = a; });
        if (typeof descriptor.value === 'function') {
          quietly(() => descriptor.value.call(a));
          for (const b of weird) quietly(() => make()[key](a, b));
        }
      }
    }
  }
}
finished = true;
console.log(calls > 10000);
process.exit(0);
