// fetch, Request and Response: https://fetch.spec.whatwg.org/
'use strict';

const { URL, URLSearchParams } = require('web/url');
const { TextEncoder, TextDecoder } = require('web/encoding');
const { Headers } = require('web/headers');

/** A body: bytes at hand, or a stream that will bring them. */
class Body {
  bytes = null;
  open = null;
  stream = null;
  used = false;
  type = null;

  static of(value) {
    const body = new Body();
    if (value === null || value === undefined) return null;
    if (typeof value === 'string') {
      body.bytes = new TextEncoder().encode(value);
      body.type = 'text/plain;charset=UTF-8';
    } else if (ArrayBuffer.isView(value)) {
      body.bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
    } else if (value instanceof ArrayBuffer) {
      body.bytes = new Uint8Array(value.slice(0));
    } else if (value instanceof URLSearchParams) {
      body.bytes = new TextEncoder().encode(value.toString());
      body.type = 'application/x-www-form-urlencoded;charset=UTF-8';
    } else if (value instanceof require('web/blob').Blob) {
      body.open = () => value.stream();
      body.type = value.type === '' ? null : value.type;
    } else if (value instanceof require('web/streams').ReadableStream) {
      if (value.locked || require('web/streams').isDisturbed(value)) throw new TypeError('The body is a stream in use');
      body.stream = value;
    } else {
      return Body.of(`${value}`);
    }
    return body;
  }

  isUsed() {
    return this.used || (this.stream !== null && require('web/streams').isDisturbed(this.stream));
  }

  asStream() {
    if (this.stream === null) {
      const { ReadableStream } = require('web/streams');
      const { bytes } = this;
      this.stream = this.open?.() ?? new ReadableStream({
        start(controller) {
          if (bytes.length > 0) controller.enqueue(bytes);
          controller.close();
        },
      });
    }
    return this.stream;
  }

  /** Hands all bytes to a function as they come, once. */
  async each(take) {
    if (this.isUsed() || this.stream?.locked) throw new TypeError('Body is unusable: Body has already been read');
    this.used = true;
    if (this.stream === null && this.bytes !== null) return take(this.bytes);
    for await (const piece of this.asStream()) {
      if (!(piece instanceof Uint8Array)) throw new TypeError('A body is made of Uint8Arrays');
      take(piece);
    }
  }

  /** All bytes, once. */
  async consume() {
    const pieces = [];
    let length = 0;
    await this.each((piece) => {
      pieces.push(piece);
      length += piece.length;
    });
    if (pieces.length === 1) return pieces[0];
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  clone() {
    if (this.isUsed()) throw new TypeError('Body has already been used');
    const copy = new Body();
    copy.type = this.type;
    if (this.stream === null && this.bytes !== null) copy.bytes = this.bytes;
    else [this.stream, copy.stream] = this.asStream().tee();
    return copy;
  }
}

const empty = new Uint8Array(0);

/** What Request and Response share. */
class WithBody {
  _body;
  _headers;

  constructor() {
    Object.defineProperty(this, '_body', { value: null, writable: true, enumerable: false });
    Object.defineProperty(this, '_headers', { value: null, writable: true, enumerable: false });
  }

  get headers() { return this._headers; }
  get body() { return this._body === null ? null : this._body.asStream(); }
  get bodyUsed() { return this._body !== null && this._body.isUsed(); }

  async bytes() { return this._body === null ? new Uint8Array(0) : this._body.consume(); }

  async arrayBuffer() {
    const bytes = this._body === null ? empty : await this._body.consume();
    if (bytes.byteLength === bytes.buffer.byteLength && bytes !== empty) return bytes.buffer;
    return bytes.slice().buffer;
  }

  async text() {
    return this._body === null ? '' : new TextDecoder().decode(await this._body.consume());
  }

  async json() { return JSON.parse(await this.text()); }

  async blob() {
    const bytes = this._body === null ? empty : await this._body.consume();
    return new (require('web/blob').Blob)([bytes], { type: this.headers.get('content-type') ?? '' });
  }
}

function absolute(input) {
  const base = native.base();
  try {
    return new URL(`${input}`, base);
  } catch (cause) {
    throw new TypeError(`Failed to parse URL from ${input}`, { cause });
  }
}

const standardMethods = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];

function normalMethod(method) {
  method = `${method}`;
  if (!/^[!#$%&'*+\-.^_`|~0-9a-zA-Z]+$/.test(method)) throw new TypeError(`'${method}' is not a valid HTTP method.`);
  const upper = method.toUpperCase();
  if (['CONNECT', 'TRACE', 'TRACK'].includes(upper)) throw new TypeError(`'${method}' HTTP method is unsupported.`);
  return standardMethods.includes(upper) ? upper : method;
}

class Request extends WithBody {
  #url;
  #method = 'GET';
  #redirect = 'follow';
  #signal;
  #options = {};

  constructor(input, init = {}) {
    super();
    init ??= {};
    let body = null;
    if (input instanceof Request) {
      this.#url = input.#url;
      this.#method = input.#method;
      this.#redirect = input.#redirect;
      this.#signal = input.#signal;
      this.#options = { ...input.#options };
      if (input._body !== null && (init.body === undefined || init.body === null)) {
        if (input.bodyUsed) throw new TypeError('Cannot construct a Request with a Request object that has already been used.');
        body = input._body;
        input._body = body.clone();
        input._body.used = true;
      }
    } else {
      const url = absolute(input);
      if (url.username !== '' || url.password !== '') throw new TypeError(`Request cannot be constructed from a URL that includes credentials: ${input}`);
      this.#url = url.href;
    }
    if (init.method !== undefined) this.#method = normalMethod(init.method);
    if (init.redirect !== undefined) {
      if (!['follow', 'error', 'manual'].includes(init.redirect)) throw new TypeError(`Invalid redirect mode: ${init.redirect}`);
      this.#redirect = init.redirect;
    }
    if (init.signal !== undefined && init.signal !== null) this.#signal = init.signal;
    for (const name of ['cache', 'credentials', 'integrity', 'keepalive', 'mode', 'referrer', 'referrerPolicy', 'duplex']) {
      if (init[name] !== undefined) this.#options[name] = init[name];
    }
    this._headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
    if (init.body !== undefined && init.body !== null) body = Body.of(init.body);
    if (body !== null && (this.#method === 'GET' || this.#method === 'HEAD')) throw new TypeError('Request with GET/HEAD method cannot have body.');
    this._body = body;
    if (body?.type && !this._headers.has('content-type')) this._headers.set('content-type', body.type);
  }

  get method() { return this.#method; }
  get url() { return this.#url; }
  get redirect() { return this.#redirect; }
  get signal() { return this.#signal ??= new AbortController().signal; }
  get cache() { return this.#options.cache ?? 'default'; }
  get credentials() { return this.#options.credentials ?? 'same-origin'; }
  get integrity() { return this.#options.integrity ?? ''; }
  get keepalive() { return this.#options.keepalive ?? false; }
  get mode() { return this.#options.mode ?? 'cors'; }
  get referrer() { return this.#options.referrer ?? 'about:client'; }
  get referrerPolicy() { return this.#options.referrerPolicy ?? ''; }
  get duplex() { return 'half'; }

  clone() { return new Request(this, this._body === null ? {} : { body: (() => { const copy = this._body.clone(); return copy.asStream(); })() }); }
}

let describe, isResponse;

class Response extends WithBody {
  #status = 200;
  #statusText = '';
  #url = '';
  #type = 'default';
  #redirected = false;

  constructor(body = null, init = {}) {
    super();
    init ??= {};
    const status = init.status === undefined ? 200 : Math.trunc(Number(init.status));
    if (!(status >= 200 && status <= 599)) throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
    this.#status = status;
    this.#statusText = `${init.statusText ?? ''}`;
    if (/[^\t\x20-\x7e\x80-\xff]/.test(this.#statusText)) throw new TypeError('Invalid statusText');
    this._headers = new Headers(init.headers);
    this._body = Body.of(body);
    if (this._body !== null) {
      if ([101, 204, 205, 304].includes(status)) throw new TypeError(`Response constructor: Invalid response status code ${status}`);
      if (this._body.type !== null && !this._headers.has('content-type')) this._headers.set('content-type', this._body.type);
    }
  }

  static {
    isResponse = (value) => value !== null && typeof value === 'object' && #status in value;
    describe = (response, { status, statusText, url, type, redirected, body, headers }) => {
      response.#status = status;
      response.#statusText = statusText;
      response.#url = url;
      response.#type = type;
      response.#redirected = redirected;
      response._body = body;
      response._headers = headers;
      return response;
    };
  }

  static error() {
    return describe(new Response(), { status: 0, statusText: '', url: '', type: 'error', redirected: false, body: null, headers: new Headers() });
  }

  static json(data, init = {}) {
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError('Value is not JSON serializable');
    const headers = new Headers(init?.headers);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return new Response(text, { ...init, headers });
  }

  static redirect(url, status = 302) {
    if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError(`Invalid status code ${status}`);
    return new Response(null, { status: 200 }).#asRedirect(absolute(url).href, status);
  }

  #asRedirect(location, status) {
    this.#status = status;
    this._headers.set('location', location);
    return this;
  }

  get status() { return this.#status; }
  get statusText() { return this.#statusText; }
  get ok() { return this.#status >= 200 && this.#status <= 299; }
  get type() { return this.#type; }
  get url() { return this.#url; }
  get redirected() { return this.#redirected; }

  clone() {
    if (this.bodyUsed || this._body?.stream?.locked) throw new TypeError('Response.clone: Body has already been consumed.');
    return describe(new Response(), {
      status: this.#status, statusText: this.#statusText, url: this.#url, type: this.#type, redirected: this.#redirected,
      body: this._body?.clone() ?? null, headers: new Headers(this._headers),
    });
  }

  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    const { status, statusText, headers, body, bodyUsed, ok, redirected, type, url } = this;
    return `Response ${inspect({ status, statusText, headers, body, bodyUsed, ok, redirected, type, url }, options)}`;
  }
}

for (const type of [Request, Response]) {
  Object.defineProperty(type.prototype, Symbol.toStringTag, { value: type.name, configurable: true });
}

// ── The schemes ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const types = {
  wasm: 'application/wasm', json: 'application/json', js: 'text/javascript', mjs: 'text/javascript', cjs: 'text/javascript',
  html: 'text/html', htm: 'text/html', css: 'text/css', txt: 'text/plain', md: 'text/markdown', csv: 'text/csv',
  xml: 'application/xml', svg: 'image/svg+xml', png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif',
  webp: 'image/webp', avif: 'image/avif', ico: 'image/x-icon', pdf: 'application/pdf', zip: 'application/zip', gz: 'application/gzip',
  woff: 'font/woff', woff2: 'font/woff2', ttf: 'font/ttf', otf: 'font/otf', mp3: 'audio/mpeg', mp4: 'video/mp4', wat: 'text/plain',
};

function local(url, bytes, type) {
  const body = new Body();
  body.bytes = bytes;
  const headers = new Headers({ 'content-length': `${bytes.length}` });
  if (type !== undefined && type !== '') headers.set('content-type', type);
  return describe(new Response(), { status: 200, statusText: 'OK', url, type: 'basic', redirected: false, body, headers });
}

async function fromFile(request, url) {
  let bytes;
  try {
    bytes = await native.file(url.href);
  } catch (cause) {
    throw new TypeError('fetch failed', { cause });
  }
  const extension = /\.([a-zA-Z0-9]+)$/.exec(url.pathname)?.[1].toLowerCase();
  return local(request.url, bytes, types[extension]);
}

function fromData(request) {
  const result = native.data(request.url);
  if (result === undefined) throw new TypeError('fetch failed', { cause: new TypeError('invalid data: URL') });
  return local(request.url, result[1], result[0]);
}

async function fromBlob(request) {
  const blob = require('web/blob').resolveObjectURL(request.url);
  if (blob === undefined) throw new TypeError('fetch failed', { cause: new Error('no blob has this URL') });
  return local(request.url, await blob.bytes(), blob.type);
}

async function overHttp(request) {
  const headers = [];
  for (const [name, value] of request.headers) headers.push(name, value);
  const { redirect, signal } = request;
  const body = request._body === null ? undefined : await request._body.consume();
  let answer, read, giveUp;
  try {
    [answer, read, giveUp] = native.http(request.method, request.url.replace(/#.*$/, ''), headers, body, redirect === 'follow');
    signal.addEventListener('abort', giveUp, { once: true });
    answer = await answer;
  } catch (cause) {
    throw new TypeError('fetch failed', { cause });
  }
  const [status, statusText, url, redirected, list] = answer;
  if (redirect === 'error' && [301, 302, 303, 307, 308].includes(status)) {
    giveUp();
    throw new TypeError('fetch failed', { cause: new Error('unexpected redirect') });
  }
  const responseHeaders = new Headers();
  for (let at = 0; at < list.length; at += 2) responseHeaders.append(list[at], list[at + 1]);
  const { ReadableStream } = require('web/streams');
  const none = request.method === 'HEAD' || [101, 204, 205, 304].includes(status);
  const responseBody = none ? null : Object.assign(new Body(), {
    stream: new ReadableStream({
      start(controller) {
        signal.addEventListener('abort', () => controller.error(signal.reason), { once: true });
      },
      async pull(controller) {
        let piece;
        try {
          piece = await read();
        } catch (cause) {
          throw signal.aborted ? signal.reason : new TypeError('terminated', { cause });
        }
        if (piece === undefined) controller.close();
        else controller.enqueue(piece);
      },
      cancel: giveUp,
    }, { highWaterMark: 0 }),
  });
  return describe(new Response(), {
    status, statusText, url, type: 'basic', redirected, body: responseBody, headers: responseHeaders,
  });
}

function send(request) {
  const url = new URL(request.url);
  switch (url.protocol) {
    case 'file:': return fromFile(request, url);
    case 'data:': return fromData(request);
    case 'blob:': return fromBlob(request);
    case 'http:':
    case 'https:': return overHttp(request);
    default: throw new TypeError('fetch failed', { cause: new Error(`unknown scheme: ${url.protocol}`) });
  }
}

async function fetch(input, init = undefined) {
  const request = new Request(input, init);
  const { signal } = request;
  if (signal.aborted) throw signal.reason;
  return await new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    // Whatever `send` throws is a rejection.
    Promise.resolve(request).then(send).then(resolve, (error) => reject(signal.aborted ? signal.reason : error));
  });
}

/** What `WebAssembly.compileStreaming` asks of a Response; nothing if the value is none. */
function describeForStreaming(value) {
  if (!isResponse(value)) return undefined;
  return { contentType: value.headers.get('content-type') ?? undefined, ok: value.ok, status: value.status };
}

/** Hands the body of such a Response to a function as it comes; a promise for its end. */
async function consumeForStreaming(response, take) {
  await response._body?.each(take);
}

Object.assign(exports, { fetch, Request, Response, describeForStreaming, consumeForStreaming });
