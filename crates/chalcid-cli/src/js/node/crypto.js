// `crypto`: randomness, digests and comparison. https://nodejs.org/api/crypto.html
'use strict';

const { Buffer } = require('buffer');
const { bytesOf } = require('web/encoding');
const digests = require('web/crypto');

const { crypto: webcrypto } = digests;

function codedError(message, code, Type = Error) {
  const error = new Type(message);
  error.code = code;
  return error;
}

const asBytes = (data, encoding) => (typeof data === 'string' ? Buffer.from(data, encoding) : bytesOf(data));

function fill(bytes) {
  digests.fillRandom(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return bytes;
}

/** Gives a callback its result later, as Node does, or returns it. */
function deliver(callback, make) {
  if (callback === undefined) return make();
  let result;
  try {
    result = make();
  } catch (error) {
    setImmediate(callback, error);
    return undefined;
  }
  setImmediate(callback, null, result);
  return undefined;
}

function randomBytes(size, callback) {
  if (!Number.isInteger(size) || size < 0 || size > 2 ** 31 - 1) {
    throw codedError(`The value of "size" is out of range. It must be >= 0 && <= 2147483647. Received ${size}`, 'ERR_OUT_OF_RANGE', RangeError);
  }
  return deliver(callback, () => fill(Buffer.alloc(size)));
}

function randomFillSync(target, offset = 0, size = target.byteLength - offset) {
  fill(bytesOf(target).subarray(offset, offset + size));
  return target;
}

function randomFill(target, ...rest) {
  const callback = rest.pop();
  deliver(callback, () => randomFillSync(target, ...rest));
}

function randomInt(min, max, callback) {
  if (max === undefined || typeof max === 'function') [min, max, callback] = [0, min, max];
  const range = max - min;
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || range <= 0 || range > 2 ** 48) {
    throw codedError('The range of random integers is out of range', 'ERR_OUT_OF_RANGE', RangeError);
  }
  return deliver(callback, () => {
    // Values above the largest multiple of the range would favour the small ones.
    const limit = 2 ** 48 - (2 ** 48 % range);
    for (;;) {
      const value = fill(Buffer.alloc(6)).readUIntBE(0, 6);
      if (value < limit) return min + (value % range);
    }
  });
}

class Hash {
  #update;
  #done = false;

  constructor(update) {
    this.#update = update;
  }

  update(data, encoding) {
    if (this.#done) throw codedError('Digest already called', 'ERR_CRYPTO_HASH_FINALIZED');
    if (typeof data !== 'string' && !ArrayBuffer.isView(data)) {
      throw codedError('The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView.', 'ERR_INVALID_ARG_TYPE', TypeError);
    }
    this.#update(asBytes(data, encoding));
    return this;
  }

  digest(encoding) {
    if (this.#done) throw codedError('Digest already called', 'ERR_CRYPTO_HASH_FINALIZED');
    this.#done = true;
    const digest = this.#update(undefined);
    const buffer = Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength);
    return encoding === undefined || encoding === 'buffer' ? buffer : buffer.toString(encoding);
  }
}

class Hmac extends Hash {}

function createHash(name) {
  const update = digests.hash(`${name}`);
  if (update === undefined) throw codedError('Digest method not supported', 'ERR_CRYPTO_INVALID_DIGEST');
  return new Hash(update);
}

function createHmac(name, key) {
  const update = digests.hmac(`${name}`, asBytes(key));
  if (update === undefined) throw codedError(`Invalid digest: ${name}`, 'ERR_CRYPTO_INVALID_DIGEST', TypeError);
  return new Hmac(update);
}

function timingSafeEqual(left, right) {
  const [a, b] = [bytesOf(left), bytesOf(right)];
  if (a.length !== b.length) throw codedError('Input buffers must have the same byte length', 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', RangeError);
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= a[index] ^ b[index];
  return difference === 0;
}

Object.assign(exports, {
  webcrypto,
  subtle: webcrypto.subtle,
  getRandomValues: (array) => webcrypto.getRandomValues(array),
  randomUUID: () => webcrypto.randomUUID(),
  randomBytes,
  pseudoRandomBytes: randomBytes,
  randomFillSync,
  randomFill,
  randomInt,
  createHash,
  createHmac,
  hash: (name, data, encoding = 'hex') => createHash(name).update(data).digest(encoding),
  getHashes: () => ['sha1', 'sha256', 'sha384', 'sha512', 'sha512-256'],
  timingSafeEqual,
  Hash,
  Hmac,
});
