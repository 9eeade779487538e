// EventEmitter, EventTarget, AbortController.
import EventEmitter, { once, on } from 'node:events';
const e = new EventEmitter();
e.on('a', (...args) => console.log('a1', ...args)).once('a', () => console.log('once')).prependListener('a', function () { console.log('first', this === e); });
console.log(e.emit('a', 1, 2), e.emit('a'), e.emit('none'), e.listenerCount('a'), e.eventNames());
e.off('a', () => {}); e.removeAllListeners('a');
console.log(e.listenerCount('a'));
try { e.emit('error', new Error('unhandled')); } catch (error) { console.log(error.message); }
try { e.on('x', 5); } catch (error) { console.log(error.code); }
setTimeout(() => e.emit('later', 'value'), 1);
console.log(await once(e, 'later'));
setTimeout(() => { e.emit('many', 1); e.emit('many', 2); }, 1);
let seen = 0;
for await (const [value] of on(e, 'many')) { console.log('many', value); if (++seen === 2) break; }
function Old() { EventEmitter.call(this); }
Object.setPrototypeOf(Old.prototype, EventEmitter.prototype);
new Old().on('q', () => console.log('old style')).emit('q');
const target = new EventTarget();
target.addEventListener('ping', (event) => console.log(event.type, event.target === target, event instanceof Event, event.detail), { once: true });
console.log(target.dispatchEvent(new CustomEvent('ping', { detail: 7 })), target.dispatchEvent(new Event('ping')));
target.addEventListener('c', (event) => event.preventDefault());
console.log(target.dispatchEvent(new Event('c', { cancelable: true })));
const controller = new AbortController();
controller.signal.addEventListener('abort', () => console.log('aborted', controller.signal.reason.name));
controller.signal.onabort = () => console.log('onabort');
controller.abort(); controller.abort();
console.log(controller.signal.aborted, AbortSignal.abort('why').reason, AbortSignal.any([controller.signal]).aborted);
try { controller.signal.throwIfAborted(); } catch (error) { console.log(error.name, error instanceof DOMException); }
await new Promise((resolve) => { AbortSignal.timeout(5).onabort = resolve; setTimeout(() => {}, 50); });
