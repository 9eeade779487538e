// Headers: https://fetch.spec.whatwg.org/#headers-class
'use strict';

const namePattern = /^[!#$%&'*+\-.^_`|~0-9a-zA-Z]+$/;

function normalName(name) {
  name = `${name}`;
  if (!namePattern.test(name)) throw new TypeError(`Header name ${JSON.stringify(name)} is invalid`);
  return name.toLowerCase();
}

function normalValue(value) {
  value = `${value}`.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
  if (/[\0\n\r]|[^\x00-\xff]/.test(value)) throw new TypeError(`Header value ${JSON.stringify(value)} is invalid`);
  return value;
}

class Headers {
  #map = new Map();

  constructor(init) {
    if (init === undefined || init === null) return;
    if (typeof init !== 'object' && typeof init !== 'function') throw new TypeError('Headers cannot be made of a primitive');
    if (typeof init[Symbol.iterator] === 'function') {
      for (const pair of init) {
        const [name, value, ...rest] = pair;
        if (rest.length > 0 || [...pair].length !== 2) throw new TypeError('Each header must be a name and a value');
        this.append(name, value);
      }
    } else {
      for (const name of Reflect.ownKeys(init)) {
        if (Object.prototype.propertyIsEnumerable.call(init, name)) this.append(name, init[name]);
      }
    }
  }

  append(name, value) {
    name = normalName(name);
    value = normalValue(value);
    const known = this.#map.get(name);
    if (known === undefined) this.#map.set(name, [value]);
    else known.push(value);
  }

  delete(name) { this.#map.delete(normalName(name)); }
  get(name) { return this.#map.get(normalName(name))?.join(', ') ?? null; }
  getSetCookie() { return [...(this.#map.get('set-cookie') ?? [])]; }
  has(name) { return this.#map.has(normalName(name)); }
  set(name, value) { this.#map.set(normalName(name), [normalValue(value)]); }

  forEach(callback, receiver) {
    for (const [name, value] of this) callback.call(receiver, value, name, this);
  }

  * entries() {
    for (const name of [...this.#map.keys()].sort()) {
      const values = this.#map.get(name);
      if (values === undefined) continue;
      if (name === 'set-cookie') for (const value of values) yield [name, value];
      else yield [name, values.join(', ')];
    }
  }

  * keys() { for (const [name] of this.entries()) yield name; }
  * values() { for (const [, value] of this.entries()) yield value; }
  [Symbol.iterator]() { return this.entries(); }

  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    return `Headers ${inspect(Object.fromEntries(this), options)}`;
  }
}

Object.defineProperty(Headers.prototype, Symbol.toStringTag, { value: 'Headers', configurable: true });
exports.Headers = Headers;
