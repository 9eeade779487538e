// `timers/promises`: https://nodejs.org/api/timers.html#timers-promises-api
'use strict';

const timers = require('web/timers');

function withSignal(signal, start, stop) {
  return new Promise((resolve, reject) => {
    const fail = () => {
      const error = new Error('The operation was aborted', { cause: signal.reason });
      error.name = 'AbortError';
      error.code = 'ABORT_ERR';
      reject(error);
    };
    if (signal?.aborted) return fail();
    const timer = start(resolve);
    signal?.addEventListener('abort', () => {
      stop(timer);
      fail();
    }, { once: true });
    return undefined;
  });
}

exports.setTimeout = (delay, value, { signal, ref = true } = {}) => withSignal(signal, (resolve) => {
  const timer = timers.setTimeout(resolve, delay, value);
  return ref ? timer : timer.unref();
}, timers.clearTimeout);

exports.setImmediate = (value, { signal } = {}) =>
  withSignal(signal, (resolve) => timers.setImmediate(resolve, value), timers.clearImmediate);

exports.setInterval = async function* setInterval(delay, value, { signal } = {}) {
  for (;;) {
    await exports.setTimeout(delay, undefined, { signal });
    yield value;
  }
};

exports.scheduler = {
  wait: (delay, options) => exports.setTimeout(delay, undefined, options),
  yield: () => exports.setImmediate(),
};
