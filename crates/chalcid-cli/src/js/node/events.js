// `events`: https://nodejs.org/api/events.html
'use strict';

const captureRejections = Symbol.for('nodejs.rejection');
const errorMonitor = Symbol('events.errorMonitor');

function check(listener) {
  if (typeof listener === 'function') return;
  const error = new TypeError(`The "listener" argument must be of type function. Received ${listener === null ? 'null' : typeof listener}`);
  error.code = 'ERR_INVALID_ARG_TYPE';
  throw error;
}

// A plain function, since programs call `EventEmitter.call(this)`.
function EventEmitter() {
  EventEmitter.init.call(this);
}

EventEmitter.init = function init() {
  if (this._events === undefined || this._events === Object.getPrototypeOf(this)._events) {
    this._events = Object.create(null);
    this._eventsCount = 0;
  }
  this._maxListeners ??= undefined;
};

EventEmitter.prototype._events = undefined;
EventEmitter.prototype._eventsCount = 0;
EventEmitter.prototype._maxListeners = undefined;
EventEmitter.defaultMaxListeners = 10;

const listenersOf = (emitter, name) => emitter._events?.[name] ?? [];

function add(emitter, name, listener, atFront) {
  check(listener);
  if (emitter._events === undefined) EventEmitter.init.call(emitter);
  if (emitter._events.newListener !== undefined) emitter.emit('newListener', name, listener.listener ?? listener);
  const list = listenersOf(emitter, name);
  if (list.length === 0) emitter._eventsCount++;
  // Lists are replaced, never changed, so that an emit under way sees the one it began with.
  const longer = atFront ? [listener, ...list] : [...list, listener];
  longer.warned = list.warned;
  emitter._events[name] = longer;
  const most = emitter.getMaxListeners();
  if (most > 0 && longer.length > most && !longer.warned) {
    longer.warned = true;
    process.emitWarning(
      `Possible EventEmitter memory leak detected. ${longer.length} ${String(name)} listeners added to ${emitter.constructor?.name ?? 'an emitter'}. MaxListeners is ${most}. Use emitter.setMaxListeners() to increase limit`,
      { type: 'MaxListenersExceededWarning' },
    );
  }
  return emitter;
}

function onceWrapper(emitter, name, listener) {
  check(listener);
  let fired = false;
  const wrapper = function (...values) {
    if (fired) return undefined;
    fired = true;
    emitter.removeListener(name, wrapper);
    return listener.apply(emitter, values);
  };
  wrapper.listener = listener;
  return wrapper;
}

Object.assign(EventEmitter.prototype, {
  on(name, listener) { return add(this, name, listener, false); },
  addListener(name, listener) { return add(this, name, listener, false); },
  prependListener(name, listener) { return add(this, name, listener, true); },
  once(name, listener) { return add(this, name, onceWrapper(this, name, listener), false); },
  prependOnceListener(name, listener) { return add(this, name, onceWrapper(this, name, listener), true); },

  removeListener(name, listener) {
    check(listener);
    const list = listenersOf(this, name);
    const index = list.findLastIndex((known) => known === listener || known.listener === listener);
    if (index === -1) return this;
    const shorter = list.toSpliced(index, 1);
    if (shorter.length === 0) {
      delete this._events[name];
      this._eventsCount--;
    } else {
      this._events[name] = shorter;
    }
    if (this._events.removeListener !== undefined) this.emit('removeListener', name, listener.listener ?? listener);
    return this;
  },
  off(name, listener) { return this.removeListener(name, listener); },

  removeAllListeners(...names) {
    if (this._events === undefined) return this;
    for (const name of names.length === 0 ? Reflect.ownKeys(this._events) : names) {
      for (const listener of [...listenersOf(this, name)].reverse()) this.removeListener(name, listener);
    }
    return this;
  },

  emit(name, ...values) {
    if (name === 'error') {
      if (this._events?.[errorMonitor] !== undefined) this.emit(errorMonitor, ...values);
      if (listenersOf(this, 'error').length === 0) {
        const [error] = values;
        if (error instanceof Error) throw error;
        const wrapped = new Error(`Unhandled error. (${typeof error === 'string' ? `'${error}'` : require('internal/inspect').inspect(error)})`);
        wrapped.code = 'ERR_UNHANDLED_ERROR';
        wrapped.context = error;
        throw wrapped;
      }
    }
    const list = listenersOf(this, name);
    for (const listener of list) listener.apply(this, values);
    return list.length > 0;
  },

  listeners(name) { return listenersOf(this, name).map((listener) => listener.listener ?? listener); },
  rawListeners(name) { return [...listenersOf(this, name)]; },
  listenerCount(name, listener) {
    const list = listenersOf(this, name);
    return listener === undefined ? list.length : list.filter((known) => known === listener || known.listener === listener).length;
  },
  eventNames() { return this._events === undefined ? [] : Reflect.ownKeys(this._events); },
  setMaxListeners(count) {
    this._maxListeners = count;
    return this;
  },
  getMaxListeners() { return this._maxListeners ?? EventEmitter.defaultMaxListeners; },
});

for (const name of Object.keys(EventEmitter.prototype)) {
  if (typeof EventEmitter.prototype[name] === 'function') Object.defineProperty(EventEmitter.prototype, name, { enumerable: true });
}

/** A promise of an event's values. */
function once(emitter, name, { signal } = {}) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const cleanUp = () => {
      emitter.removeListener?.(name, onEvent);
      emitter.removeListener?.('error', onError);
      emitter.removeEventListener?.(name, onEvent);
    };
    const onEvent = (...values) => {
      cleanUp();
      resolve(values);
    };
    const onError = (error) => {
      cleanUp();
      reject(error);
    };
    signal?.addEventListener('abort', () => {
      cleanUp();
      reject(signal.reason);
    }, { once: true });
    if (typeof emitter.on === 'function') {
      emitter.on(name, onEvent);
      if (name !== 'error') emitter.on('error', onError);
    } else {
      emitter.addEventListener(name, onEvent, { once: true });
    }
    return undefined;
  });
}

/** The events of an emitter as an async iterator. */
function on(emitter, name, { signal } = {}) {
  const ready = [], waiting = [];
  let failure, finished = false;
  const finish = () => {
    finished = true;
    emitter.removeListener(name, onEvent);
    emitter.removeListener('error', onError);
    for (const { resolve } of waiting.splice(0)) resolve({ value: undefined, done: true });
    return Promise.resolve({ value: undefined, done: true });
  };
  const onEvent = (...values) => {
    if (waiting.length > 0) waiting.shift().resolve({ value: values, done: false });
    else ready.push(values);
  };
  const onError = (error) => {
    if (waiting.length > 0) waiting.shift().reject(error);
    else failure = { error };
    finish();
  };
  emitter.on(name, onEvent);
  if (name !== 'error') emitter.on('error', onError);
  signal?.addEventListener('abort', () => onError(signal.reason), { once: true });
  return {
    next() {
      if (ready.length > 0) return Promise.resolve({ value: ready.shift(), done: false });
      if (failure !== undefined) {
        const { error } = failure;
        failure = undefined;
        return Promise.reject(error);
      }
      if (finished) return Promise.resolve({ value: undefined, done: true });
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    return: finish,
    throw(error) {
      onError(error);
      return Promise.reject(error);
    },
    [Symbol.asyncIterator]() { return this; },
  };
}

module.exports = Object.assign(EventEmitter, {
  EventEmitter,
  once,
  on,
  errorMonitor,
  captureRejectionSymbol: captureRejections,
  listenerCount: (emitter, name) => emitter.listenerCount(name),
  getEventListeners: (emitter, name) => emitter.listeners?.(name) ?? [],
  setMaxListeners(count, ...emitters) {
    for (const emitter of emitters) emitter.setMaxListeners(count);
  },
});
