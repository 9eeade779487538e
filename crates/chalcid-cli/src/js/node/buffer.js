// `buffer`: https://nodejs.org/api/buffer.html
'use strict';

const custom = Symbol.for('nodejs.util.inspect.custom');

const names = {
  utf8: 'utf8', 'utf-8': 'utf8', utf16le: 'utf16le', 'utf-16le': 'utf16le', ucs2: 'utf16le', 'ucs-2': 'utf16le',
  latin1: 'latin1', binary: 'latin1', ascii: 'ascii', hex: 'hex', base64: 'base64', base64url: 'base64url',
};

function codedError(Type, message, code) {
  const error = new Type(message);
  error.code = code;
  return error;
}

function normalizeEncoding(encoding) {
  if (encoding === undefined || encoding === null || encoding === '') return 'utf8';
  const name = names[encoding] ?? names[`${encoding}`.toLowerCase()];
  if (name === undefined) throw codedError(TypeError, `Unknown encoding: ${encoding}`, 'ERR_UNKNOWN_ENCODING');
  return name;
}

/** The bytes of a string. */
function encode(text, encoding) {
  if (encoding === 'utf16le') {
    const bytes = new Uint8Array(text.length * 2);
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      bytes[2 * index] = unit & 0xff;
      bytes[2 * index + 1] = unit >> 8;
    }
    return bytes;
  }
  return native.encode(encoding, text.isWellFormed() ? text : text.toWellFormed());
}

function decode(bytes, encoding) {
  if (encoding !== 'utf16le') return native.decode(encoding, bytes);
  let text = '';
  for (let index = 0; index + 1 < bytes.length; index += 2) text += String.fromCharCode(bytes[index] | (bytes[index + 1] << 8));
  return text;
}

function describe(value) {
  if (value === null || value === undefined) return ` Received ${value}`;
  if (typeof value === 'function') return ` Received function ${value.name}`;
  if (typeof value === 'object') return value.constructor?.name ? ` Received an instance of ${value.constructor.name}` : ' Received an object';
  return ` Received type ${typeof value} (${typeof value === 'string' ? `'${value}'` : String(value)})`;
}

function size(value) {
  if (typeof value !== 'number') throw codedError(TypeError, `The "size" argument must be of type number.${describe(value)}`, 'ERR_INVALID_ARG_TYPE');
  if (!(value >= 0 && value <= 2 ** 31 - 1)) {
    throw codedError(RangeError, `The value of "size" is out of range. It must be >= 0 && <= 2147483647. Received ${value}`, 'ERR_OUT_OF_RANGE');
  }
  return value;
}

function asBytes(value, encoding) {
  if (typeof value === 'string') return encode(value, normalizeEncoding(encoding));
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw codedError(TypeError, `The argument must be of type string or an instance of Buffer or Uint8Array.${describe(value)}`, 'ERR_INVALID_ARG_TYPE');
}

/** Clamps a position given as `slice` takes it. */
function position(value, length, otherwise) {
  if (value === undefined) return otherwise;
  value = Math.trunc(Number(value)) || 0;
  return Math.min(Math.max(value, 0), length);
}

class FastBuffer extends Uint8Array {
  // Methods that make a new array (`subarray`, `map`, …) make a Buffer.
  get parent() { return this.buffer; }
  get offset() { return this.byteOffset; }

  toString(encoding, start, end) {
    const name = normalizeEncoding(encoding);
    start = position(start, this.length, 0);
    end = position(end, this.length, this.length);
    if (start >= end) return '';
    return decode(start === 0 && end === this.length ? this : this.subarray(start, end), name);
  }

  toLocaleString(...values) { return this.toString(...values); }

  toJSON() { return { type: 'Buffer', data: Array.from(this) }; }

  equals(other) {
    if (!(other instanceof Uint8Array)) throw codedError(TypeError, `The "otherBuffer" argument must be an instance of Buffer or Uint8Array.${describe(other)}`, 'ERR_INVALID_ARG_TYPE');
    return this === other || (this.length === other.length && native.compare(this, other) === 0);
  }

  compare(target, targetStart = 0, targetEnd = target.length, start = 0, end = this.length) {
    return native.compare(this.subarray(start, end), target.subarray(targetStart, targetEnd));
  }

  copy(target, targetStart = 0, start = 0, end = this.length) {
    targetStart = Math.trunc(targetStart) || 0;
    if (targetStart >= target.length || start >= end) return 0;
    const source = new Uint8Array(this.buffer, this.byteOffset, this.length).subarray(start, Math.min(end, start + target.length - targetStart));
    target.set(source, targetStart);
    return source.length;
  }

  slice(start, end) { return this.subarray(start, end); }

  write(text, offset, length, encoding) {
    if (typeof offset === 'string') [offset, encoding] = [0, offset];
    else if (typeof length === 'string') [length, encoding] = [undefined, length];
    if (typeof text !== 'string') throw codedError(TypeError, `The "string" argument must be of type string.${describe(text)}`, 'ERR_INVALID_ARG_TYPE');
    offset = position(offset, this.length, 0);
    const room = Math.min(length === undefined ? Infinity : length, this.length - offset);
    const name = normalizeEncoding(encoding);
    let bytes = encode(text, name);
    if (bytes.length > room) {
      let end = room;
      // A character that does not fit whole is left out whole.
      if (name === 'utf8') while (end > 0 && (bytes[end] & 0xc0) === 0x80) end--;
      if (name === 'utf16le') end -= end % 2;
      bytes = bytes.subarray(0, end);
    }
    this.set(bytes, offset);
    return bytes.length;
  }

  fill(value, offset, end, encoding) {
    if (typeof offset === 'string') [offset, encoding] = [undefined, offset];
    else if (typeof end === 'string') [end, encoding] = [undefined, end];
    offset = position(offset, this.length, 0);
    end = position(end, this.length, this.length);
    const plain = new Uint8Array(this.buffer, this.byteOffset, this.length);
    if (typeof value === 'number' || typeof value === 'boolean') {
      plain.fill(Number(value), offset, end);
      return this;
    }
    const bytes = asBytes(value, encoding);
    if (bytes.length === 0) {
      plain.fill(0, offset, end);
    } else {
      for (let at = offset; at < end; at += bytes.length) plain.set(bytes.subarray(0, Math.min(bytes.length, end - at)), at);
    }
    return this;
  }

  indexOf(value, from, encoding) { return search(this, value, from, encoding, false); }
  lastIndexOf(value, from, encoding) { return search(this, value, from, encoding, true); }
  includes(value, from, encoding) { return search(this, value, from, encoding, false) !== -1; }

  swap16() { return swap(this, 2); }
  swap32() { return swap(this, 4); }
  swap64() { return swap(this, 8); }

  [custom](depth, options, inspect) {
    const most = Math.min(exports.INSPECT_MAX_BYTES, this.length);
    let text = Array.from(this.subarray(0, most), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    if (this.length > most) text += ` ... ${this.length - most} more byte${this.length - most > 1 ? 's' : ''}`;
    const keys = Object.keys(this).filter((key) => !/^\d+$/.test(key));
    const more = keys.map((key) => `${key}: ${inspect(this[key], options)}`);
    return `<${this.constructor.name} ${text}${more.length > 0 ? `, ${more.join(', ')}` : ''}>`;
  }
}

function search(buffer, value, from, encoding, backwards) {
  if (typeof from === 'string') [from, encoding] = [undefined, from];
  from = from === undefined ? NaN : Math.trunc(Number(from));
  if (Number.isNaN(from)) from = backwards ? buffer.length : 0;
  if (from < 0) from += buffer.length;
  if (from < 0) {
    if (backwards) return -1;
    from = 0;
  }
  let needle;
  if (typeof value === 'number') needle = new Uint8Array([value & 0xff]);
  else needle = asBytes(value, encoding);
  return native.indexOf(buffer, needle, Math.min(from, buffer.length), backwards);
}

function swap(buffer, width) {
  if (buffer.length % width !== 0) throw codedError(RangeError, `Buffer size must be a multiple of ${width * 8}-bits`, 'ERR_INVALID_BUFFER_SIZE');
  for (let at = 0; at < buffer.length; at += width) buffer.subarray(at, at + width).reverse();
  return buffer;
}

// ── Numbers in buffers ─────────────────────────────────────────────────────────────────────────────────────────────────────

function checkOffset(buffer, offset, width) {
  if (typeof offset !== 'number') throw codedError(TypeError, `The "offset" argument must be of type number.${describe(offset)}`, 'ERR_INVALID_ARG_TYPE');
  if (!Number.isInteger(offset)) throw codedError(RangeError, `The value of "offset" is out of range. It must be an integer. Received ${offset}`, 'ERR_OUT_OF_RANGE');
  if (buffer.length < width) throw codedError(RangeError, 'Attempt to access memory outside buffer bounds', 'ERR_BUFFER_OUT_OF_BOUNDS');
  if (offset < 0 || offset + width > buffer.length) {
    throw codedError(RangeError, `The value of "offset" is out of range. It must be >= 0 and <= ${buffer.length - width}. Received ${offset}`, 'ERR_OUT_OF_RANGE');
  }
}

function checkValue(value, min, max) {
  if (value < min || value > max) {
    throw codedError(RangeError, `The value of "value" is out of range. It must be >= ${min} and <= ${max}. Received ${value}`, 'ERR_OUT_OF_RANGE');
  }
}

function define(name, alias, value) {
  for (const key of alias === undefined ? [name] : [name, alias]) {
    Object.defineProperty(FastBuffer.prototype, key, { value, writable: true, configurable: true });
  }
}

for (const [kind, width, min, max] of [
  ['UInt8', 1, 0, 0xff], ['UInt16', 2, 0, 0xffff], ['UInt32', 4, 0, 0xffffffff], ['Int8', 1, -0x80, 0x7f],
  ['Int16', 2, -0x8000, 0x7fff], ['Int32', 4, -0x80000000, 0x7fffffff], ['BigInt64', 8, -(2n ** 63n), 2n ** 63n - 1n],
  ['BigUInt64', 8, 0n, 2n ** 64n - 1n], ['Float', 4], ['Double', 8],
]) {
  const view = { Float: 'Float32', Double: 'Float64' }[kind] ?? kind.replace('UInt', 'Uint');
  for (const order of width === 1 ? [''] : ['LE', 'BE']) {
    const alias = kind.includes('UInt') ? kind.replace('UInt', 'Uint') : undefined;
    define(`read${kind}${order}`, alias && `read${alias}${order}`, function (offset = 0) {
      checkOffset(this, offset, width);
      return new DataView(this.buffer, this.byteOffset, this.length)[`get${view}`](offset, order === 'LE');
    });
    define(`write${kind}${order}`, alias && `write${alias}${order}`, function (value, offset = 0) {
      if (min !== undefined) checkValue(value, min, max);
      checkOffset(this, offset, width);
      new DataView(this.buffer, this.byteOffset, this.length)[`set${view}`](offset, value, order === 'LE');
      return offset + width;
    });
  }
}

// Integers of any number of bytes up to six.
for (const order of ['LE', 'BE']) {
  const place = (width, index) => (order === 'LE' ? index : width - 1 - index);
  define(`readUInt${order}`, `readUint${order}`, function (offset, width) {
    checkOffset(this, offset, width);
    let value = 0;
    for (let index = width - 1; index >= 0; index--) value = value * 256 + this[offset + place(width, index)];
    return value;
  });
  define(`readInt${order}`, undefined, function (offset, width) {
    const value = this[`readUInt${order}`](offset, width);
    return value >= 2 ** (8 * width - 1) ? value - 2 ** (8 * width) : value;
  });
  const write = function (value, offset, width, min, max) {
    checkValue(value, min, max);
    checkOffset(this, offset, width);
    if (value < 0) value += 2 ** (8 * width);
    for (let index = 0; index < width; index++) {
      this[offset + place(width, index)] = value % 256;
      value = Math.floor(value / 256);
    }
    return offset + width;
  };
  define(`writeUInt${order}`, `writeUint${order}`, function (value, offset, width) {
    return write.call(this, value, offset, width, 0, 2 ** (8 * width) - 1);
  });
  define(`writeInt${order}`, undefined, function (value, offset, width) {
    return write.call(this, value, offset, width, -(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1);
  });
}

// Each encoding as methods of its own, which some packages call.
for (const [method, name] of [['utf8', 'utf8'], ['latin1', 'latin1'], ['ascii', 'ascii'], ['hex', 'hex'], ['base64', 'base64'], ['ucs2', 'utf16le']]) {
  define(`${method}Slice`, undefined, function (start, end) { return this.toString(name, start, end); });
  define(`${method}Write`, undefined, function (text, offset, length) { return this.write(text, offset, length, name); });
}

// ── Making buffers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const over = (bytes) => new FastBuffer(bytes.buffer, bytes.byteOffset, bytes.byteLength);

// A function, not a class: old code calls it without `new`.
function Buffer(value, encodingOrOffset, length) {
  return typeof value === 'number' ? Buffer.alloc(value) : Buffer.from(value, encodingOrOffset, length);
}

Object.setPrototypeOf(Buffer, Uint8Array);
Buffer.prototype = FastBuffer.prototype;
Object.defineProperty(FastBuffer.prototype, 'constructor', { value: Buffer, writable: true, configurable: true });
Object.defineProperty(Buffer, Symbol.species, { configurable: true, get: () => FastBuffer });

Buffer.poolSize = 8192;

Buffer.from = function from(value, encodingOrOffset, length) {
  if (typeof value === 'string') return over(encode(value, normalizeEncoding(encodingOrOffset)));
  if (value !== null && typeof value === 'object') {
    if (value instanceof ArrayBuffer || (typeof SharedArrayBuffer !== 'undefined' && value instanceof SharedArrayBuffer)) {
      const offset = encodingOrOffset === undefined ? 0 : Math.trunc(Number(encodingOrOffset)) || 0;
      if (offset > value.byteLength) throw codedError(RangeError, '"offset" is outside of buffer bounds', 'ERR_BUFFER_OUT_OF_BOUNDS');
      const room = value.byteLength - offset;
      if (length !== undefined) {
        length = Math.max(Math.trunc(Number(length)) || 0, 0);
        if (length > room) throw codedError(RangeError, '"length" is outside of buffer bounds', 'ERR_BUFFER_OUT_OF_BOUNDS');
      }
      return new FastBuffer(value, offset, length ?? room);
    }
    if (ArrayBuffer.isView(value) || Array.isArray(value)) return over(new Uint8Array(value));
    const primitive = value.valueOf?.();
    if (primitive !== undefined && primitive !== null && primitive !== value) return Buffer.from(primitive, encodingOrOffset, length);
    if (typeof value.length === 'number') return over(Uint8Array.from(value));
    if (value.type === 'Buffer' && Array.isArray(value.data)) return over(new Uint8Array(value.data));
    if (typeof value[Symbol.toPrimitive] === 'function') return Buffer.from(value[Symbol.toPrimitive]('string'), encodingOrOffset);
  }
  throw codedError(
    TypeError,
    `The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object.${describe(value)}`,
    'ERR_INVALID_ARG_TYPE',
  );
};

Buffer.of = (...values) => over(new Uint8Array(values));

Buffer.alloc = function alloc(length, fill, encoding) {
  const buffer = new FastBuffer(size(length));
  return fill === undefined || fill === 0 ? buffer : buffer.fill(fill, encoding);
};
Buffer.allocUnsafe = (length) => new FastBuffer(size(length));
Buffer.allocUnsafeSlow = Buffer.allocUnsafe;

Buffer.isBuffer = (value) => value instanceof FastBuffer;
Buffer.isEncoding = (encoding) => typeof encoding === 'string' && encoding !== '' && names[encoding.toLowerCase()] !== undefined;
Buffer.normalizeEncoding = normalizeEncoding;

Buffer.byteLength = function byteLength(value, encoding) {
  if (typeof value === 'string') {
    switch (normalizeEncoding(encoding)) {
      case 'utf8': return native.utf8Length(value.isWellFormed() ? value : value.toWellFormed());
      case 'utf16le': return value.length * 2;
      case 'hex': return value.length >>> 1;
      case 'base64':
      case 'base64url': return Math.floor(value.replace(/=+$/, '').length * 3 / 4);
      default: return value.length;
    }
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.byteLength;
  throw codedError(TypeError, `The "string" argument must be of type string or an instance of Buffer or ArrayBuffer.${describe(value)}`, 'ERR_INVALID_ARG_TYPE');
};

Buffer.compare = (left, right) => native.compare(asBytes(left), asBytes(right));

Buffer.concat = function concat(list, length) {
  if (!Array.isArray(list)) throw codedError(TypeError, `The "list" argument must be an instance of Array.${describe(list)}`, 'ERR_INVALID_ARG_TYPE');
  length ??= list.reduce((sum, item) => sum + item.length, 0);
  const buffer = Buffer.alloc(length);
  let at = 0;
  for (const item of list) {
    if (at >= length) break;
    const bytes = asBytes(item);
    buffer.set(bytes.length > length - at ? bytes.subarray(0, length - at) : bytes, at);
    at += bytes.length;
  }
  return buffer;
};

const isAscii = (input) => asBytes(ArrayBuffer.isView(input) ? input : new Uint8Array(input)).every((byte) => byte < 0x80);

function isUtf8(input) {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(input);
    return true;
  } catch {
    return false;
  }
}

Object.assign(exports, {
  Buffer,
  SlowBuffer: Buffer,
  INSPECT_MAX_BYTES: 50,
  kMaxLength: 2 ** 31 - 1,
  kStringMaxLength: 2 ** 30 - 1,
  constants: { MAX_LENGTH: 2 ** 31 - 1, MAX_STRING_LENGTH: 2 ** 30 - 1 },
  atob: globalThis.atob,
  btoa: globalThis.btoa,
  isAscii,
  isUtf8,
});

// Loaded only by those who ask: a program that uses Buffer need not use Blob.
for (const name of ['Blob', 'File', 'resolveObjectURL']) {
  Object.defineProperty(exports, name, { configurable: true, enumerable: true, get: () => require('web/blob')[name] });
}
