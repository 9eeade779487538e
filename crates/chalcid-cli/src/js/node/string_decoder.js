// `string_decoder`: https://nodejs.org/api/string_decoder.html
'use strict';

const { Buffer } = require('buffer');

/** How many bytes at the end of a piece belong to a character that is not complete yet. */
function unfinished(encoding, bytes) {
  if (encoding === 'utf16le') {
    const odd = bytes.length % 2;
    const unit = bytes.length - odd >= 2 ? bytes[bytes.length - odd - 1] : 0;
    return odd + (unit >= 0xd8 && unit <= 0xdb ? 2 : 0);
  }
  if (encoding === 'base64' || encoding === 'base64url') return bytes.length % 3;
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? back : 0;
  }
  return 0;
}

class StringDecoder {
  #rest = Buffer.alloc(0);

  constructor(encoding = 'utf8') {
    if (!Buffer.isEncoding(encoding)) {
      const error = new TypeError(`Unknown encoding: ${encoding}`);
      error.code = 'ERR_UNKNOWN_ENCODING';
      throw error;
    }
    this.encoding = Buffer.normalizeEncoding(encoding);
  }

  write(piece) {
    if (typeof piece === 'string') return piece;
    const bytes = Buffer.concat([this.#rest, Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)]);
    const split = ['utf8', 'utf16le', 'base64', 'base64url'].includes(this.encoding) ? bytes.length - unfinished(this.encoding, bytes) : bytes.length;
    this.#rest = Buffer.from(bytes.subarray(split));
    return bytes.subarray(0, split).toString(this.encoding);
  }

  end(piece) {
    const text = piece === undefined ? '' : this.write(piece);
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return text + rest.toString(this.encoding);
  }
}

exports.StringDecoder = StringDecoder;
