// `util`: https://nodejs.org/api/util.html
'use strict';

const inspection = require('internal/inspect');
const { inspect, format, formatWithOptions, is } = inspection;

const customPromisify = Symbol.for('nodejs.util.promisify.custom');

function codedError(message, code) {
  const error = new TypeError(message);
  error.code = code;
  return error;
}

function checkFunction(value, name) {
  if (typeof value !== 'function') throw codedError(`The "${name}" argument must be of type function. Received ${value === null ? 'null' : typeof value}`, 'ERR_INVALID_ARG_TYPE');
}

function promisify(original) {
  checkFunction(original, 'original');
  const custom = original[customPromisify];
  if (custom !== undefined) {
    checkFunction(custom, 'util.promisify.custom');
    return custom;
  }
  function promisified(...values) {
    return new Promise((resolve, reject) => {
      original.call(this, ...values, (error, value) => (error ? reject(error) : resolve(value)));
    });
  }
  Object.setPrototypeOf(promisified, Object.getPrototypeOf(original));
  return Object.defineProperties(promisified, Object.getOwnPropertyDescriptors(original));
}
promisify.custom = customPromisify;

function callbackify(original) {
  checkFunction(original, 'original');
  return function callbackified(...values) {
    const callback = values.pop();
    checkFunction(callback, 'last argument');
    original.apply(this, values).then(
      (value) => process.nextTick(callback, null, value),
      (reason) => {
        if (!reason) {
          const error = new Error('Promise was rejected with falsy value');
          error.code = 'ERR_FALSY_VALUE_REJECTION';
          error.reason = reason;
          reason = error;
        }
        process.nextTick(callback, reason);
      },
    );
  };
}

function inherits(constructor, parent) {
  checkFunction(constructor, 'ctor');
  checkFunction(parent, 'superCtor');
  Object.defineProperty(constructor, 'super_', { value: parent, writable: true, configurable: true });
  Object.setPrototypeOf(constructor.prototype, parent.prototype);
}

const warned = new Set();

function deprecate(original, message, code) {
  let told = false;
  const tell = () => {
    if (told || process.noDeprecation) return;
    told = true;
    if (code !== undefined) {
      if (warned.has(code)) return;
      warned.add(code);
    }
    process.emitWarning(message, 'DeprecationWarning', code);
  };
  function deprecated(...values) {
    tell();
    return new.target ? Reflect.construct(original, values, new.target) : Reflect.apply(original, this, values);
  }
  Object.setPrototypeOf(deprecated, original);
  if (original.prototype) deprecated.prototype = original.prototype;
  return deprecated;
}

// ── Deep equality ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const enumerableKeys = (value) => Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));

/** Whether two values are alike all the way down; `strict` also compares types and prototypes. */
function isDeepEqual(left, right, strict, pairs = []) {
  if (strict ? Object.is(left, right) : left === right || (left !== left && right !== right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) {
    return !strict && (typeof left !== 'object' || left === null) && (typeof right !== 'object' || right === null) && left == right;
  }
  if (strict && Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false;
  const tag = Object.prototype.toString.call(left);
  if (tag !== Object.prototype.toString.call(right)) return false;
  if (Array.isArray(left) !== Array.isArray(right) || (Array.isArray(left) && left.length !== right.length)) return false;
  if (is.date(left) !== is.date(right) || (is.date(left) && left.getTime() !== right.getTime())) return false;
  if (is.regExp(left) && (!is.regExp(right) || `${left}` !== `${right}` || left.lastIndex !== right.lastIndex)) return false;
  if (is.error(left) && (!is.error(right) || left.message !== right.message || left.name !== right.name)) return false;
  const box = inspection.unbox(left);
  if (box !== undefined) {
    const other = inspection.unbox(right);
    if (other === undefined || !Object.is(box[1], other[1])) return false;
  }
  if (ArrayBuffer.isView(left) || is.arrayBuffer(left)) {
    const bytes = (value) => (ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value));
    const [a, b] = [bytes(left), bytes(right)];
    return a.length === b.length && a.every((byte, index) => byte === b[index]);
  }
  if (pairs.some(([a, b]) => a === left && b === right)) return true;
  pairs.push([left, right]);
  try {
    if (is.set(left)) {
      if (!is.set(right) || left.size !== right.size) return false;
      const rest = [...right];
      for (const item of left) {
        let index = rest.findIndex((other) => Object.is(other, item));
        if (index === -1) index = rest.findIndex((other) => isDeepEqual(item, other, strict, pairs));
        if (index === -1) return false;
        rest.splice(index, 1);
      }
    }
    if (is.map(left)) {
      if (!is.map(right) || left.size !== right.size) return false;
      for (const [key, item] of left) {
        if (right.has(key) ? !isDeepEqual(item, right.get(key), strict, pairs)
          : ![...right].some(([otherKey, other]) => isDeepEqual(key, otherKey, strict, pairs) && isDeepEqual(item, other, strict, pairs))) return false;
      }
    }
    const keys = enumerableKeys(left);
    if (keys.length !== enumerableKeys(right).length) return false;
    return keys.every((key) => Object.prototype.propertyIsEnumerable.call(right, key) && isDeepEqual(left[key], right[key], strict, pairs));
  } finally {
    pairs.pop();
  }
}

// ── Types ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const isObject = (value) => value !== null && typeof value === 'object';
const hasTag = (tag) => (value) => isObject(value) && Object.prototype.toString.call(value) === `[object ${tag}]`;
const isBox = (kind) => (value) => isObject(value) && inspection.unbox(value)?.[0] === kind;
const ofObject = (test) => (value) => isObject(value) && test(value);

const types = {
  isAnyArrayBuffer: ofObject((value) => is.arrayBuffer(value) || is.sharedArrayBuffer(value)),
  isArgumentsObject: hasTag('Arguments'),
  isArrayBuffer: ofObject(is.arrayBuffer),
  isArrayBufferView: ArrayBuffer.isView,
  isAsyncFunction: (value) => typeof value === 'function' && Object.prototype.toString.call(value) === '[object AsyncFunction]',
  isBigIntObject: isBox('BigInt'),
  isBooleanObject: isBox('Boolean'),
  isBoxedPrimitive: (value) => isObject(value) && inspection.unbox(value) !== undefined,
  isDataView: is.dataView,
  isDate: ofObject(is.date),
  isExternal: () => false,
  isGeneratorFunction: (value) => typeof value === 'function' && /Generator/.test(Object.prototype.toString.call(value)),
  isGeneratorObject: hasTag('Generator'),
  isMap: ofObject(is.map),
  isMapIterator: hasTag('Map Iterator'),
  isModuleNamespaceObject: ofObject(is.namespace),
  isNativeError: ofObject(is.error),
  isNumberObject: isBox('Number'),
  isPromise: ofObject(is.promise),
  isProxy: (value) => inspection.isProxy(value),
  isRegExp: ofObject(is.regExp),
  isSet: ofObject(is.set),
  isSetIterator: hasTag('Set Iterator'),
  isSharedArrayBuffer: ofObject(is.sharedArrayBuffer),
  isStringObject: isBox('String'),
  isSymbolObject: isBox('Symbol'),
  isTypedArray: ofObject(is.typedArray),
  isWeakMap: ofObject(is.weakMap),
  isWeakSet: ofObject(is.weakSet),
};
for (const name of ['Uint8Array', 'Uint8ClampedArray', 'Uint16Array', 'Uint32Array', 'Int8Array', 'Int16Array', 'Int32Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array']) {
  types[`is${name}`] = (value) => isObject(value) && inspection.typedArrayName.call(value) === name;
}

// ── The rest ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

function styleText(style, text) {
  let result = `${text}`;
  for (const name of [style].flat().reverse()) {
    const codes = inspection.colors[name];
    if (codes === undefined) throw codedError(`The argument 'format' must be one of: ${Object.keys(inspection.colors).join(', ')}. Received '${name}'`, 'ERR_INVALID_ARG_VALUE');
    result = `\x1b[${codes[0]}m${result}\x1b[${codes[1]}m`;
  }
  return result;
}

function debuglog(section) {
  const enabled = (process.env.NODE_DEBUG ?? '').split(',').some((name) => name.trim().toUpperCase() === section.toUpperCase());
  const log = enabled ? (...values) => process.stderr.write(`${section.toUpperCase()} ${process.pid}: ${format(...values)}\n`) : () => {};
  return Object.assign(log, { enabled });
}

/** Reads the options of a command line: https://nodejs.org/api/util.html#utilparseargsconfig */
function parseArgs({ args = process.argv.slice(2), options = {}, strict = true, allowPositionals = !strict } = {}) {
  const values = Object.create(null), positionals = [];
  for (const [name, option] of Object.entries(options)) {
    if (option.default !== undefined) values[name] = option.default;
  }
  const given = new Set();
  const put = (name, value, shown) => {
    const option = options[name];
    if (option === undefined && strict) throw codedError(`Unknown option '${shown}'`, 'ERR_PARSE_ARGS_UNKNOWN_OPTION');
    if (strict && option.type === 'string' && typeof value !== 'string') throw codedError(`Option '${shown} <value>' argument missing`, 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE');
    if (strict && option.type === 'boolean' && typeof value === 'string') throw codedError(`Option '${shown}' does not take an argument`, 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE');
    if (option?.multiple) values[name] = given.has(name) ? [...values[name], value] : [value];
    else values[name] = value;
    given.add(name);
  };
  for (let index = 0; index < args.length; index++) {
    const argument = args[index];
    const takesValue = (name) => options[name]?.type === 'string';
    if (argument === '--') {
      positionals.push(...args.slice(index + 1));
      break;
    }
    if (argument.startsWith('--')) {
      const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? [undefined, argument.slice(2)];
      if (value !== undefined) put(name, value, `--${name}`);
      else if (takesValue(name)) put(name, args[++index], `--${name}`);
      else put(name, true, `--${name}`);
    } else if (argument.startsWith('-') && argument.length > 1) {
      for (let at = 1; at < argument.length; at++) {
        const short = argument[at];
        const name = Object.keys(options).find((key) => options[key].short === short) ?? short;
        if (!takesValue(name)) {
          put(name, true, `-${short}`);
          continue;
        }
        put(name, at + 1 < argument.length ? argument.slice(at + 1) : args[++index], `-${short}`);
        break;
      }
    } else {
      if (!allowPositionals) throw codedError(`Unexpected argument '${argument}'. This command does not take positional arguments`, 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL');
      positionals.push(argument);
    }
  }
  return { values, positionals };
}

Object.assign(exports, {
  inspect, format, formatWithOptions, promisify, callbackify, inherits, deprecate, debuglog, debug: debuglog, types, styleText,
  parseArgs,
  isDeepStrictEqual: (left, right) => isDeepEqual(left, right, true),
  isDeepEqual,
  isArray: Array.isArray,
  stripVTControlCharacters: (text) => `${text}`.replace(/\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)/g, ''),
  toUSVString: (text) => `${text}`.toWellFormed(),
});

for (const name of ['TextEncoder', 'TextDecoder']) {
  Object.defineProperty(exports, name, { configurable: true, enumerable: true, get: () => require('web/encoding')[name] });
}
