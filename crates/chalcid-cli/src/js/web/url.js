// URL and URLSearchParams.
'use strict';

const custom = Symbol.for('nodejs.util.inspect.custom');

function wellFormed(value) {
  const text = `${value}`;
  return text.isWellFormed() ? text : text.toWellFormed();
}

function invalid(input, base) {
  const error = new TypeError('Invalid URL');
  error.code = 'ERR_INVALID_URL';
  error.input = input;
  if (base !== undefined) error.base = base;
  return error;
}

// Where `native.parse` puts the parts of a URL.
const HREF = 0, ORIGIN = 1, PROTOCOL = 2, USERNAME = 3, PASSWORD = 4, HOST = 5, HOSTNAME = 6, PORT = 7, PATHNAME = 8, SEARCH = 9, HASH = 10;

let attach, setQuery;

class URL {
  #parts;
  #params;

  constructor(input, base) {
    if (arguments.length === 0) throw new TypeError('The "url" argument must be specified');
    input = wellFormed(input);
    if (base !== undefined) base = wellFormed(base);
    this.#parts = native.parse(input, base);
    if (this.#parts === undefined) throw invalid(input, base);
  }

  static {
    setQuery = (url, query) => {
      url.#parts = native.set(url.#parts[HREF], 'search', query);
    };
  }

  static canParse(input, base) {
    return native.parse(wellFormed(input), base === undefined ? undefined : wellFormed(base)) !== undefined;
  }

  static parse(input, base) {
    return URL.canParse(input, base) ? new URL(input, base) : null;
  }

  static createObjectURL(blob) {
    return require('web/blob').createObjectURL(blob);
  }

  static revokeObjectURL(url) {
    require('web/blob').revokeObjectURL(wellFormed(url));
  }

  #set(part, value) {
    this.#parts = native.set(this.#parts[HREF], part, wellFormed(value));
  }

  get href() { return this.#parts[HREF]; }
  set href(value) {
    value = wellFormed(value);
    const record = native.parse(value, undefined);
    if (record === undefined) throw invalid(value);
    this.#parts = record;
    if (this.#params !== undefined) attach(this.#params, this, this.#parts[SEARCH]);
  }

  get origin() { return this.#parts[ORIGIN]; }

  get protocol() { return this.#parts[PROTOCOL]; }
  set protocol(value) { this.#set('protocol', value); }

  get username() { return this.#parts[USERNAME]; }
  set username(value) { this.#set('username', value); }

  get password() { return this.#parts[PASSWORD]; }
  set password(value) { this.#set('password', value); }

  get host() { return this.#parts[HOST]; }
  set host(value) { this.#set('host', value); }

  get hostname() { return this.#parts[HOSTNAME]; }
  set hostname(value) { this.#set('hostname', value); }

  get port() { return this.#parts[PORT]; }
  set port(value) { this.#set('port', value); }

  get pathname() { return this.#parts[PATHNAME]; }
  set pathname(value) { this.#set('pathname', value); }

  get search() { return this.#parts[SEARCH]; }
  set search(value) {
    this.#set('search', value);
    if (this.#params !== undefined) attach(this.#params, this, this.#parts[SEARCH]);
  }

  get searchParams() {
    if (this.#params === undefined) {
      this.#params = new URLSearchParams();
      attach(this.#params, this, this.#parts[SEARCH]);
    }
    return this.#params;
  }

  get hash() { return this.#parts[HASH]; }
  set hash(value) { this.#set('hash', value); }

  toString() { return this.#parts[HREF]; }
  toJSON() { return this.#parts[HREF]; }

  [custom](depth, options, inspect) {
    if (typeof depth === 'number' && depth < 0) return this.toString();
    const shown = {};
    for (const name of ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'searchParams', 'hash']) {
      shown[name] = this[name];
    }
    return `${this.constructor.name} ${inspect(shown, options)}`;
  }
}

// ── application/x-www-form-urlencoded ──────────────────────────────────────────────────────────────────────────────────────

const decoder = new (require('web/encoding').TextDecoder)('utf-8', { ignoreBOM: true });
const encoder = new (require('web/encoding').TextEncoder)();

function percentDecode(text) {
  text = text.replaceAll('+', ' ');
  if (!text.includes('%')) return text;
  const bytes = encoder.encode(text);
  const output = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === 0x25) {
      const digits = String.fromCharCode(bytes[at + 1], bytes[at + 2]);
      if (/^[0-9a-fA-F]{2}$/.test(digits)) {
        output[length++] = Number.parseInt(digits, 16);
        at += 2;
        continue;
      }
    }
    output[length++] = bytes[at];
  }
  return decoder.decode(output.subarray(0, length));
}

function percentEncode(text) {
  if (/^[a-zA-Z0-9*\-._]*$/.test(text)) return text;
  let output = '';
  for (const byte of encoder.encode(text)) {
    const character = String.fromCharCode(byte);
    if (byte === 0x20) output += '+';
    else if (/[a-zA-Z0-9*\-._]/.test(character)) output += character;
    else output += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return output;
}

function parseQuery(text) {
  const list = [];
  for (const piece of text.split('&')) {
    if (piece === '') continue;
    const equals = piece.indexOf('=');
    if (equals === -1) list.push([percentDecode(piece), '']);
    else list.push([percentDecode(piece.slice(0, equals)), percentDecode(piece.slice(equals + 1))]);
  }
  return list;
}

const iteratorPrototype = Object.create(Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())), {
  [Symbol.toStringTag]: { value: 'URLSearchParams Iterator', configurable: true },
});

class URLSearchParams {
  #list = [];
  #url = null;

  constructor(init) {
    if (init === undefined || init === null) return;
    if (typeof init === 'object' || typeof init === 'function') {
      const method = init[Symbol.iterator];
      if (method !== undefined && method !== null) {
        if (typeof method !== 'function') throw notIterable('Query pairs must be iterable');
        for (const pair of init) {
          if (pair === null || typeof pair !== 'object' || typeof pair[Symbol.iterator] !== 'function') throw notIterable('Each query pair must be an iterable [name, value] tuple');
          const [name, value, ...rest] = pair;
          const length = Array.isArray(pair) ? pair.length : 2 + rest.length;
          if (length !== 2) throw notIterable('Each query pair must be an iterable [name, value] tuple');
          this.#list.push([wellFormed(name), wellFormed(value)]);
        }
      } else {
        const entries = new Map();
        for (const key of Reflect.ownKeys(init)) {
          if (!Object.prototype.propertyIsEnumerable.call(init, key)) continue;
          entries.set(wellFormed(key), wellFormed(init[key]));
        }
        this.#list = [...entries];
      }
    } else {
      init = wellFormed(init);
      this.#list = parseQuery(init.startsWith('?') ? init.slice(1) : init);
    }
  }

  static {
    attach = (params, url, search) => {
      params.#url = url;
      params.#list = parseQuery(search.startsWith('?') ? search.slice(1) : search);
    };
  }

  #changed() {
    if (this.#url !== null) setQuery(this.#url, this.toString());
  }

  get size() { return this.#list.length; }

  append(name, value) {
    this.#list.push([wellFormed(name), wellFormed(value)]);
    this.#changed();
  }

  delete(name, value) {
    name = wellFormed(name);
    if (value !== undefined) value = wellFormed(value);
    this.#list = this.#list.filter((pair) => pair[0] !== name || (value !== undefined && pair[1] !== value));
    this.#changed();
  }

  get(name) {
    name = wellFormed(name);
    return this.#list.find((pair) => pair[0] === name)?.[1] ?? null;
  }

  getAll(name) {
    name = wellFormed(name);
    return this.#list.filter((pair) => pair[0] === name).map((pair) => pair[1]);
  }

  has(name, value) {
    name = wellFormed(name);
    if (value !== undefined) value = wellFormed(value);
    return this.#list.some((pair) => pair[0] === name && (value === undefined || pair[1] === value));
  }

  set(name, value) {
    name = wellFormed(name);
    value = wellFormed(value);
    const first = this.#list.findIndex((pair) => pair[0] === name);
    if (first === -1) {
      this.#list.push([name, value]);
    } else {
      this.#list[first][1] = value;
      this.#list = this.#list.filter((pair, index) => index <= first || pair[0] !== name);
    }
    this.#changed();
  }

  sort() {
    this.#list.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
    this.#changed();
  }

  forEach(callback, receiver) {
    if (typeof callback !== 'function') throw notIterable('The "callback" argument must be of type function');
    for (let index = 0; index < this.#list.length; index++) {
      const [name, value] = this.#list[index];
      callback.call(receiver, value, name, this);
    }
  }

  #iterate(pick) {
    // The list may change, even be replaced, while it is walked.
    const list = () => this.#list;
    let index = 0;
    const iterator = Object.create(iteratorPrototype);
    Object.defineProperty(iterator, 'next', {
      value: () => (index < list().length ? { value: pick(list()[index++]), done: false } : { value: undefined, done: true }),
    });
    return iterator;
  }

  entries() { return this.#iterate(([name, value]) => [name, value]); }
  keys() { return this.#iterate(([name]) => name); }
  values() { return this.#iterate(([, value]) => value); }

  toString() {
    return this.#list.map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`).join('&');
  }

  [custom](depth, options, inspect) {
    if (typeof depth === 'number' && depth < 0) return '[Object]';
    if (this.#list.length === 0) return 'URLSearchParams {}';
    const items = this.#list.map(([name, value]) => `${inspect(name, options)} => ${inspect(value, options)}`);
    const line = `URLSearchParams { ${items.join(', ')} }`;
    return line.length <= (options.breakLength ?? 80) ? line : `URLSearchParams {\n  ${items.join(',\n  ')} }`;
  }
}

function notIterable(message) {
  const error = new TypeError(message);
  error.code = 'ERR_INVALID_TUPLE';
  return error;
}

Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, {
  value: URLSearchParams.prototype.entries, writable: true, configurable: true,
});

for (const type of [URL, URLSearchParams]) {
  for (const name of Object.getOwnPropertyNames(type.prototype)) {
    if (name !== 'constructor') Object.defineProperty(type.prototype, name, { enumerable: true });
  }
  Object.defineProperty(type.prototype, Symbol.toStringTag, { value: type.name, configurable: true });
}

Object.assign(exports, {
  URL, URLSearchParams, parseQuery, percentDecode, percentEncode,
  domainToASCII: native.domainToASCII, domainToUnicode: native.domainToUnicode,
});
