// Timers and immediates. Times are kept by the event loop; here are the callbacks.
'use strict';

const timers = new Map();
let immediates = [];
let round = [];
let last = 0;

class Timeout {
  #id;
  #delay;
  #referenced = true;

  constructor(callback, delay, repeats, values) {
    if (typeof callback !== 'function') throw notAFunction(callback);
    delay = Number(delay);
    this.#delay = delay >= 1 && delay <= 2147483647 ? delay : 1;
    this.#id = ++last;
    timers.set(this.#id, { timeout: this, callback, values, repeats, delay: this.#delay });
    native.schedule(this.#id, this.#delay);
  }

  ref() {
    this.#referenced = true;
    native.keepAlive(this.#id, true);
    return this;
  }

  unref() {
    this.#referenced = false;
    native.keepAlive(this.#id, false);
    return this;
  }

  hasRef() {
    return this.#referenced;
  }

  refresh() {
    if (timers.has(this.#id)) {
      native.schedule(this.#id, this.#delay);
      native.keepAlive(this.#id, this.#referenced);
    }
    return this;
  }

  close() {
    clear(this.#id);
    return this;
  }

  [Symbol.toPrimitive]() {
    return this.#id;
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    this.close();
  }
}

class Immediate {
  callback;
  values;

  constructor(callback, values) {
    if (typeof callback !== 'function') throw notAFunction(callback);
    Object.defineProperty(this, 'callback', { value: callback, writable: true, enumerable: false });
    Object.defineProperty(this, 'values', { value: values, writable: true, enumerable: false });
  }

  ref() { return this; }
  unref() { return this; }
  hasRef() { return true; }
}

function notAFunction(value) {
  const error = new TypeError(`The "callback" argument must be of type function. Received ${value === null ? 'null' : typeof value}`);
  error.code = 'ERR_INVALID_ARG_TYPE';
  return error;
}

function clear(id) {
  if (timers.delete(id)) native.cancel(id);
}

function clearAny(timeout) {
  if (timeout instanceof Timeout) timeout.close();
  else if (typeof timeout === 'number' || typeof timeout === 'string') clear(Number(timeout));
}

native.setDispatch(
  function fire(id) {
    const timer = timers.get(id);
    if (timer === undefined) return;
    if (!timer.repeats) timers.delete(id);
    try {
      timer.callback.apply(timer.timeout, timer.values);
    } finally {
      if (timer.repeats && timers.get(id) === timer) {
        native.schedule(id, timer.delay);
        if (!timer.timeout.hasRef()) native.keepAlive(id, false);
      }
    }
  },
  function immediate() {
    if (round.length === 0) {
      round = immediates.reverse();
      immediates = [];
    }
    const next = round.pop();
    if (next === undefined) return false;
    const { callback, values } = next;
    next.callback = null;
    callback?.apply(next, values);
    return round.length > 0;
  },
);

exports.setTimeout = function setTimeout(callback, delay, ...values) {
  return new Timeout(callback, delay, false, values);
};

exports.setInterval = function setInterval(callback, delay, ...values) {
  return new Timeout(callback, delay, true, values);
};

exports.setImmediate = function setImmediate(callback, ...values) {
  const immediate = new Immediate(callback, values);
  immediates.push(immediate);
  native.wantImmediates();
  return immediate;
};

exports.clearTimeout = function clearTimeout(timeout) {
  clearAny(timeout);
};

exports.clearInterval = function clearInterval(timeout) {
  clearAny(timeout);
};

exports.clearImmediate = function clearImmediate(immediate) {
  if (immediate instanceof Immediate) immediate.callback = null;
};
