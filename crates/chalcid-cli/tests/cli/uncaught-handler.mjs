// Handlers for uncaught errors keep the program going.
process.on('uncaughtException', (error, origin) => console.log('uncaught', error.message, origin));
process.on('unhandledRejection', (reason, promise) => console.log('unhandled', reason, promise instanceof Promise));
setTimeout(() => { throw new Error('in timer'); }, 1);
setTimeout(() => console.log('still here'), 20);
queueMicrotask(() => { throw new Error('in microtask'); });
process.nextTick(() => { throw new Error('in tick'); });
process.nextTick(() => console.log('next tick goes on'));
Promise.reject('a reason');
const late = Promise.reject(new Error('handled late'));
late.catch(() => {});
