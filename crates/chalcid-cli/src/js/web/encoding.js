// TextEncoder and TextDecoder.
'use strict';

function bytesOf(input) {
  if (input instanceof Uint8Array) return input;
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (input instanceof ArrayBuffer || (typeof SharedArrayBuffer !== 'undefined' && input instanceof SharedArrayBuffer)) {
    return new Uint8Array(input);
  }
  const error = new TypeError('The "input" argument must be an instance of ArrayBuffer or ArrayBufferView');
  error.code = 'ERR_INVALID_ARG_TYPE';
  throw error;
}

const empty = new Uint8Array(0);

class TextEncoder {
  get encoding() {
    return 'utf-8';
  }

  encode(input = '') {
    input = `${input}`;
    return native.encode(input.isWellFormed() ? input : input.toWellFormed());
  }

  encodeInto(source, destination) {
    source = `${source}`;
    if (!(destination instanceof Uint8Array)) {
      const error = new TypeError('The "dest" argument must be an instance of Uint8Array');
      error.code = 'ERR_INVALID_ARG_TYPE';
      throw error;
    }
    const [read, written] = native.encodeInto(source.isWellFormed() ? source : source.toWellFormed(), destination);
    return { read, written };
  }
}

class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  #stream = null;

  constructor(label = 'utf-8', options = {}) {
    const encoding = native.label(`${label}`.trim());
    if (encoding === undefined) {
      const error = new RangeError(`The "${label}" encoding is not supported`);
      error.code = 'ERR_ENCODING_NOT_SUPPORTED';
      throw error;
    }
    options ??= {};
    if (typeof options !== 'object' && typeof options !== 'function') throw new TypeError('The "options" argument must be of type object');
    this.#encoding = encoding;
    this.#fatal = Boolean(options.fatal);
    this.#ignoreBOM = Boolean(options.ignoreBOM);
  }

  get encoding() {
    return this.#encoding;
  }

  get fatal() {
    return this.#fatal;
  }

  get ignoreBOM() {
    return this.#ignoreBOM;
  }

  decode(input, options) {
    const bytes = input === undefined ? empty : bytesOf(input);
    const last = !options?.stream;
    if (last && this.#stream === null && this.#encoding === 'utf-8') return native.decodeUtf8(bytes, this.#fatal, this.#ignoreBOM);
    this.#stream ??= native.decoder(this.#encoding, this.#fatal, this.#ignoreBOM);
    const decode = this.#stream;
    if (last) this.#stream = null;
    return decode(bytes, last);
  }
}

for (const [type, names] of [[TextEncoder, ['encoding', 'encode', 'encodeInto']], [TextDecoder, ['encoding', 'fatal', 'ignoreBOM', 'decode']]]) {
  for (const name of names) Object.defineProperty(type.prototype, name, { enumerable: true });
  Object.defineProperty(type.prototype, Symbol.toStringTag, { value: type.name, configurable: true });
}

Object.assign(exports, { TextEncoder, TextDecoder, bytesOf });
