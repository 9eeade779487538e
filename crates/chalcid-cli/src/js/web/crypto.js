// `crypto`: randomness and digests.
'use strict';

const { bytesOf } = require('web/encoding');

const integerArrays = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array];

const secret = Symbol('crypto');

/** Fills bytes with random ones, piece by piece. */
function fillRandom(bytes) {
  for (let at = 0; at < bytes.length; at += 65536) native.fillRandom(bytes.subarray(at, at + 65536));
}

class SubtleCrypto {
  constructor(key) {
    if (key !== secret) throw new TypeError('Illegal constructor');
  }

  async digest(algorithm, data) {
    const name = `${typeof algorithm === 'object' && algorithm !== null ? algorithm.name : algorithm}`.toUpperCase();
    if (!['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'].includes(name)) {
      throw new DOMException(`Unrecognized algorithm name: ${name}`, 'NotSupportedError');
    }
    const hash = native.hash(name);
    hash(bytesOf(data));
    return hash(undefined).buffer;
  }
}

class Crypto {
  #subtle = new SubtleCrypto(secret);

  constructor(key) {
    if (key !== secret) throw new TypeError('Illegal constructor');
  }

  get subtle() { return this.#subtle; }

  getRandomValues(array) {
    if (!integerArrays.some((type) => array instanceof type)) {
      throw new DOMException('The data argument must be an integer-type TypedArray', 'TypeMismatchError');
    }
    if (array.byteLength > 65536) {
      throw new DOMException(`The requested length exceeds 65,536 bytes`, 'QuotaExceededError');
    }
    fillRandom(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    return array;
  }

  randomUUID() {
    const bytes = new Uint8Array(16);
    fillRandom(bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const digits = bytes.toHex?.() ?? Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${digits.slice(12, 16)}-${digits.slice(16, 20)}-${digits.slice(20)}`;
  }
}

class CryptoKey {
  constructor() {
    throw new TypeError('Illegal constructor');
  }
}

for (const type of [Crypto, SubtleCrypto, CryptoKey]) {
  Object.defineProperty(type.prototype, Symbol.toStringTag, { value: type.name, configurable: true });
}

Object.assign(exports, { crypto: new Crypto(secret), Crypto, SubtleCrypto, CryptoKey, fillRandom, hash: native.hash, hmac: native.hmac });
