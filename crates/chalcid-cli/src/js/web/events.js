// Event, CustomEvent, EventTarget, AbortController and AbortSignal.
'use strict';

let dispatching;

class Event {
  #type;
  #bubbles;
  #cancelable;
  #composed;
  #canceled = false;
  #stopped = false;
  #stoppedAtOnce = false;
  #target = null;
  #current = null;
  #passive = false;
  #time = performance.now();

  constructor(type, options = {}) {
    if (arguments.length === 0) throw new TypeError('The "type" argument must be specified');
    this.#type = `${type}`;
    this.#bubbles = Boolean(options?.bubbles);
    this.#cancelable = Boolean(options?.cancelable);
    this.#composed = Boolean(options?.composed);
  }

  static {
    dispatching = {
      begin(event, target) {
        if (event.#current !== null) throw new DOMException('The event is already being dispatched', 'InvalidStateError');
        event.#target = target;
        event.#current = target;
      },
      end(event) {
        event.#current = null;
        event.#stopped = false;
        event.#stoppedAtOnce = false;
      },
      passive(event, passive) { event.#passive = passive; },
      goesOn: (event) => !event.#stoppedAtOnce,
    };
  }

  get type() { return this.#type; }
  get bubbles() { return this.#bubbles; }
  get cancelable() { return this.#cancelable; }
  get composed() { return this.#composed; }
  get target() { return this.#target; }
  get srcElement() { return this.#target; }
  get currentTarget() { return this.#current; }
  get eventPhase() { return this.#current === null ? Event.NONE : Event.AT_TARGET; }
  get defaultPrevented() { return this.#canceled; }
  get returnValue() { return !this.#canceled; }
  get cancelBubble() { return this.#stopped; }
  set cancelBubble(value) { if (value) this.#stopped = true; }
  get timeStamp() { return this.#time; }
  get isTrusted() { return false; }
  composedPath() { return this.#current === null ? [] : [this.#current]; }
  preventDefault() { if (this.#cancelable && !this.#passive) this.#canceled = true; }
  stopPropagation() { this.#stopped = true; }
  stopImmediatePropagation() { this.#stopped = true; this.#stoppedAtOnce = true; }
}

for (const [name, value] of [['NONE', 0], ['CAPTURING_PHASE', 1], ['AT_TARGET', 2], ['BUBBLING_PHASE', 3]]) {
  for (const holder of [Event, Event.prototype]) Object.defineProperty(holder, name, { value, enumerable: true });
}

class CustomEvent extends Event {
  #detail;

  constructor(type, options = {}) {
    super(type, options);
    this.#detail = options?.detail ?? null;
  }

  get detail() { return this.#detail; }
}

class EventTarget {
  #listeners = new Map();

  addEventListener(type, listener, options) {
    if (listener === null || listener === undefined) return;
    if (typeof listener !== 'function' && typeof listener !== 'object') throw new TypeError('The "listener" argument must be a function or an object');
    const capture = typeof options === 'boolean' ? options : Boolean(options?.capture);
    const { once = false, passive = false, signal } = typeof options === 'object' && options !== null ? options : {};
    if (signal?.aborted) return;
    type = `${type}`;
    const list = this.#listeners.get(type) ?? [];
    if (list.some((known) => known.listener === listener && known.capture === capture)) return;
    this.#listeners.set(type, [...list, { listener, capture, once: Boolean(once), passive: Boolean(passive), removed: false }]);
    signal?.addEventListener('abort', () => this.removeEventListener(type, listener, { capture }), { once: true });
  }

  removeEventListener(type, listener, options) {
    const capture = typeof options === 'boolean' ? options : Boolean(options?.capture);
    type = `${type}`;
    const list = this.#listeners.get(type);
    if (list === undefined) return;
    this.#listeners.set(type, list.filter((known) => {
      if (known.listener !== listener || known.capture !== capture) return true;
      known.removed = true;
      return false;
    }));
  }

  dispatchEvent(event) {
    if (!(event instanceof Event)) throw new TypeError('The "event" argument must be an instance of Event');
    dispatching.begin(event, this);
    try {
      for (const known of this.#listeners.get(event.type) ?? []) {
        if (known.removed) continue;
        if (known.once) this.removeEventListener(event.type, known.listener, known);
        dispatching.passive(event, known.passive);
        try {
          if (typeof known.listener === 'function') known.listener.call(this, event);
          else known.listener.handleEvent?.(event);
        } catch (error) {
          // One listener's failure is the program's, not the dispatcher's.
          queueMicrotask(() => { throw error; });
        }
        if (!dispatching.goesOn(event)) break;
      }
    } finally {
      dispatching.passive(event, false);
      dispatching.end(event);
    }
    return !event.defaultPrevented;
  }
}

/** Defines `onTYPE` as an attribute that holds one listener. */
function handlerAttribute(type, name) {
  const handlers = new WeakMap();
  Object.defineProperty(type.prototype, `on${name}`, {
    configurable: true,
    enumerable: true,
    get() { return handlers.get(this)?.handler ?? null; },
    set(handler) {
      let known = handlers.get(this);
      if (known === undefined) {
        known = { handler: null };
        handlers.set(this, known);
        this.addEventListener(name, (event) => known.handler?.call(this, event));
      }
      known.handler = typeof handler === 'function' ? handler : null;
    },
  });
}

const secret = Symbol('AbortSignal');
let abort, follow;

class AbortSignal extends EventTarget {
  #aborted = false;
  #reason;
  #dependents = [];

  constructor(key) {
    if (key !== secret) throw new TypeError('Illegal constructor');
    super();
  }

  static {
    abort = (signal, reason) => {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason;
      const dependents = signal.#dependents;
      signal.#dependents = [];
      signal.dispatchEvent(new Event('abort'));
      for (const dependent of dependents) abort(dependent, signal.#reason);
    };
    follow = (signal, source) => source.#dependents.push(signal);
  }

  static abort(reason) {
    const signal = new AbortSignal(secret);
    abort(signal, reason);
    return signal;
  }

  static timeout(milliseconds) {
    const signal = new AbortSignal(secret);
    setTimeout(() => abort(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError')), milliseconds).unref();
    return signal;
  }

  static any(signals) {
    const signal = new AbortSignal(secret);
    const sources = [...signals];
    const aborted = sources.find((source) => source.aborted);
    if (aborted !== undefined) abort(signal, aborted.reason);
    else for (const source of sources) follow(signal, source);
    return signal;
  }

  get aborted() { return this.#aborted; }
  get reason() { return this.#reason; }
  throwIfAborted() { if (this.#aborted) throw this.#reason; }
}

handlerAttribute(AbortSignal, 'abort');

class AbortController {
  #signal = new AbortSignal(secret);

  get signal() { return this.#signal; }
  abort(reason) { abort(this.#signal, reason); }
}

for (const type of [Event, CustomEvent, EventTarget, AbortSignal, AbortController]) {
  Object.defineProperty(type.prototype, Symbol.toStringTag, { value: type.name, configurable: true });
}

Object.assign(exports, { Event, CustomEvent, EventTarget, AbortSignal, AbortController, handlerAttribute });
