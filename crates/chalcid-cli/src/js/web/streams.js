// ReadableStream, with the default reader: what bodies need.
// https://streams.spec.whatwg.org/#rs-class
'use strict';

const secret = Symbol('stream');

function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

/** Marks a promise's rejection as seen: whoever cares looks at it, the others must not be reported. */
function quiet(promise) {
  promise.catch(() => {});
  return promise;
}

class ReadableStreamDefaultController {
  #stream;

  constructor(key, stream) {
    if (key !== secret) throw new TypeError('Illegal constructor');
    this.#stream = stream;
  }

  get desiredSize() { return this.#stream[secret].desiredSize(); }
  enqueue(chunk) { this.#stream[secret].enqueue(chunk); }
  close() { this.#stream[secret].close(); }
  error(reason) { this.#stream[secret].error(reason); }
}

/** The state of a stream, with the algorithms that change it. */
class State {
  constructor(stream, source, strategy) {
    this.stream = stream;
    this.source = source;
    this.state = 'readable';
    this.storedError = undefined;
    this.queue = [];
    this.total = 0;
    this.reader = null;
    this.requests = [];
    this.closing = false;
    this.pulling = false;
    this.pullAgain = false;
    this.started = false;
    this.disturbed = false;
    this.size = strategy?.size ?? (() => 1);
    this.highWaterMark = strategy?.highWaterMark ?? 1;
    this.controller = new ReadableStreamDefaultController(secret, stream);
  }

  start() {
    const { source } = this;
    const result = source.start?.(this.controller);
    Promise.resolve(result).then(() => {
      this.started = true;
      this.pullIfNeeded();
    }, (reason) => this.error(reason));
  }

  desiredSize() {
    if (this.state === 'errored') return null;
    return this.state === 'closed' ? 0 : this.highWaterMark - this.total;
  }

  wantsMore() {
    if (this.state !== 'readable' || this.closing || !this.started) return false;
    return this.requests.length > 0 || this.desiredSize() > 0;
  }

  pullIfNeeded() {
    if (!this.wantsMore() || this.source.pull === undefined) return;
    if (this.pulling) {
      this.pullAgain = true;
      return;
    }
    this.pulling = true;
    new Promise((resolve) => { resolve(this.source.pull(this.controller)); }).then(() => {
      this.pulling = false;
      if (this.pullAgain) {
        this.pullAgain = false;
        this.pullIfNeeded();
      }
    }, (reason) => this.error(reason));
  }

  enqueue(chunk) {
    if (this.closing || this.state !== 'readable') throw new TypeError('The stream is closed');
    if (this.requests.length > 0) {
      this.requests.shift().resolve({ value: chunk, done: false });
    } else {
      let size;
      try {
        size = Number(this.size(chunk));
        if (!(size >= 0 && size !== Infinity)) throw new RangeError('The size of a chunk must be a finite number');
      } catch (error) {
        this.error(error);
        throw error;
      }
      this.queue.push({ chunk, size });
      this.total += size;
    }
    this.pullIfNeeded();
  }

  close() {
    if (this.closing || this.state !== 'readable') throw new TypeError('The stream is closed');
    this.closing = true;
    if (this.queue.length === 0) this.finish();
  }

  finish() {
    this.state = 'closed';
    for (const request of this.requests.splice(0)) request.resolve({ value: undefined, done: true });
    this.reader?.closed.resolve(undefined);
  }

  error(reason) {
    if (this.state !== 'readable') return;
    this.state = 'errored';
    this.storedError = reason;
    this.queue.length = 0;
    for (const request of this.requests.splice(0)) request.reject(reason);
    this.reader?.closed.reject(reason);
  }

  read() {
    this.disturbed = true;
    if (this.state === 'errored') return Promise.reject(this.storedError);
    if (this.queue.length > 0) {
      const { chunk, size } = this.queue.shift();
      this.total -= size;
      if (this.closing && this.queue.length === 0) this.finish();
      else this.pullIfNeeded();
      return Promise.resolve({ value: chunk, done: false });
    }
    if (this.state === 'closed') return Promise.resolve({ value: undefined, done: true });
    const request = deferred();
    this.requests.push(request);
    this.pullIfNeeded();
    return request.promise;
  }

  async cancel(reason) {
    this.disturbed = true;
    if (this.state === 'closed') return;
    if (this.state === 'errored') throw this.storedError;
    this.queue.length = 0;
    this.finish();
    await this.source.cancel?.(reason);
  }
}

class ReadableStream {
  constructor(source = {}, strategy = {}) {
    if (source === null || typeof source !== 'object') throw new TypeError('The "source" argument must be an object');
    if (source.type !== undefined && source.type !== 'bytes') throw new RangeError(`Invalid source type: ${source.type}`);
    if (source.type === 'bytes') strategy = { highWaterMark: strategy?.highWaterMark ?? 0, size: (chunk) => chunk.byteLength };
    Object.defineProperty(this, secret, { value: new State(this, source, strategy) });
    this[secret].start();
  }

  static from(iterable) {
    const iterator = iterable[Symbol.asyncIterator]?.() ?? iterable[Symbol.iterator]();
    return new ReadableStream({
      async pull(controller) {
        const { value, done } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(await value);
      },
      async cancel(reason) {
        await iterator.return?.(reason);
      },
    }, { highWaterMark: 0 });
  }

  get locked() { return this[secret].reader !== null; }

  cancel(reason) {
    if (this.locked) return Promise.reject(new TypeError('The stream is locked to a reader'));
    return this[secret].cancel(reason);
  }

  getReader(options) {
    if (options?.mode !== undefined) throw new TypeError(`Readers of mode "${options.mode}" are not supported`);
    return new ReadableStreamDefaultReader(this);
  }

  tee() {
    const reader = this.getReader();
    const branches = [];
    const reasons = [];
    let reading = false;
    const canceled = deferred();
    const pull = async () => {
      if (reading) return;
      reading = true;
      try {
        const { value, done } = await reader.read();
        reading = false;
        for (const branch of branches) {
          if (branch.canceled) continue;
          if (done) branch.controller.close();
          else branch.controller.enqueue(value);
        }
      } catch (error) {
        for (const branch of branches) branch.controller.error(error);
      }
    };
    const branch = (index) => new ReadableStream({
      start(controller) { branches[index] = { controller, canceled: false }; },
      pull,
      cancel(reason) {
        branches[index].canceled = true;
        reasons[index] = reason;
        if (branches.every((other) => other.canceled)) canceled.resolve(reader.cancel(reasons));
        return canceled.promise;
      },
    }, { highWaterMark: 0 });
    return [branch(0), branch(1)];
  }

  async pipeTo(destination, { preventClose = false, preventAbort = false, preventCancel = false } = {}) {
    const reader = this.getReader();
    const writer = destination.getWriter();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        await writer.ready;
        try {
          await writer.write(value);
        } catch (error) {
          if (!preventCancel) await reader.cancel(error);
          throw error;
        }
      }
      if (!preventClose) await writer.close();
    } catch (error) {
      if (!preventAbort) await writer.abort?.(error);
      throw error;
    } finally {
      reader.releaseLock();
      writer.releaseLock?.();
    }
  }

  pipeThrough({ readable, writable }, options) {
    quiet(this.pipeTo(writable, options));
    return readable;
  }

  async * values({ preventCancel = false } = {}) {
    const reader = this.getReader();
    let finished = false;
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) {
          finished = true;
          return;
        }
        yield value;
      }
    } catch (error) {
      finished = true;
      throw error;
    } finally {
      if (!finished && !preventCancel) await reader.cancel();
      reader.releaseLock();
    }
  }

  [Symbol.asyncIterator](options) { return this.values(options); }
}

class ReadableStreamDefaultReader {
  #state;

  constructor(stream) {
    if (!(stream instanceof ReadableStream)) throw new TypeError('The "stream" argument must be an instance of ReadableStream');
    const state = stream[secret];
    if (state.reader !== null) throw new TypeError('The stream is locked to a reader');
    this.#state = state;
    const closed = deferred();
    quiet(closed.promise);
    state.reader = { closed };
    Object.defineProperty(this, 'closed', { value: closed.promise, enumerable: true });
    if (state.state === 'closed') closed.resolve(undefined);
    if (state.state === 'errored') closed.reject(state.storedError);
  }

  read() {
    return this.#state === null ? Promise.reject(new TypeError('The reader is released')) : this.#state.read();
  }

  cancel(reason) {
    return this.#state === null ? Promise.reject(new TypeError('The reader is released')) : this.#state.cancel(reason);
  }

  releaseLock() {
    if (this.#state === null) return;
    for (const request of this.#state.requests.splice(0)) request.reject(new TypeError('The reader is released'));
    this.#state.reader = null;
    this.#state = null;
  }
}

for (const type of [ReadableStream, ReadableStreamDefaultReader, ReadableStreamDefaultController]) {
  Object.defineProperty(type.prototype, Symbol.toStringTag, { value: type.name, configurable: true });
}

Object.assign(exports, {
  ReadableStream, ReadableStreamDefaultReader, ReadableStreamDefaultController,
  isDisturbed: (stream) => stream[secret].disturbed,
});
