// Blob and File.
'use strict';

const { TextEncoder, TextDecoder, bytesOf } = require('web/encoding');

const objectUrls = new Map();

class Blob {
  #bytes;
  #type;

  constructor(parts = [], options = {}) {
    if (parts === null || typeof parts !== 'object' || typeof parts[Symbol.iterator] !== 'function') {
      throw new TypeError('The "sources" argument must be an iterable');
    }
    const pieces = [];
    let length = 0;
    for (const part of parts) {
      const piece = part instanceof Blob ? part.#bytes
        : ArrayBuffer.isView(part) || part instanceof ArrayBuffer ? bytesOf(part)
          : new TextEncoder().encode(`${part}`);
      pieces.push(piece);
      length += piece.length;
    }
    this.#bytes = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      this.#bytes.set(piece, at);
      at += piece.length;
    }
    const type = `${options?.type ?? ''}`;
    this.#type = /[^\x20-\x7e]/.test(type) ? '' : type.toLowerCase();
  }

  get size() { return this.#bytes.length; }
  get type() { return this.#type; }

  async arrayBuffer() { return this.#bytes.slice().buffer; }
  async bytes() { return this.#bytes.slice(); }
  async text() { return new TextDecoder().decode(this.#bytes); }

  slice(start = 0, end = this.size, type = '') {
    const blob = new Blob([], { type });
    blob.#bytes = this.#bytes.slice(start, end);
    return blob;
  }

  stream() {
    const bytes = this.#bytes;
    let at = 0;
    return new ReadableStream({
      pull(controller) {
        if (at >= bytes.length) return controller.close();
        controller.enqueue(bytes.slice(at, at += 65536));
      },
    });
  }
}

class File extends Blob {
  #name;
  #lastModified;

  constructor(parts, name, options = {}) {
    super(parts, options);
    this.#name = `${name}`;
    this.#lastModified = options?.lastModified === undefined ? Date.now() : Number(options.lastModified);
  }

  get name() { return this.#name; }
  get lastModified() { return this.#lastModified; }
}

for (const type of [Blob, File]) {
  Object.defineProperty(type.prototype, Symbol.toStringTag, { value: type.name, configurable: true });
}

exports.createObjectURL = (blob) => {
  if (!(blob instanceof Blob)) throw new TypeError('The "obj" argument must be an instance of Blob');
  const url = `blob:chalcid:${crypto.randomUUID()}`;
  objectUrls.set(url, blob);
  return url;
};
exports.revokeObjectURL = (url) => { objectUrls.delete(url); };
exports.resolveObjectURL = (url) => objectUrls.get(url);
Object.assign(exports, { Blob, File });
