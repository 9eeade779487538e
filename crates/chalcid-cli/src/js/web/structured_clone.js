// structuredClone: https://html.spec.whatwg.org/multipage/structured-data.html
'use strict';

const { is, typedArrayName, unbox } = require('internal/inspect');

const errorTypes = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

function refuse(what) {
  throw new DOMException(`${what} could not be cloned.`, 'DataCloneError');
}

function describe(value) {
  try {
    return typeof value === 'function' ? Function.prototype.toString.call(value) : `#<${value.constructor?.name ?? 'Object'}>`;
  } catch {
    return 'A value';
  }
}

/** Clones one value; `memory` maps what has been cloned already, so that sharing and cycles stay. */
function clone(value, memory) {
  if (typeof value === 'symbol') refuse(String(value));
  if (typeof value === 'function') refuse(describe(value));
  if (typeof value !== 'object' || value === null) return value;
  const known = memory.get(value);
  if (known !== undefined) return known;
  const remember = (copy) => {
    memory.set(value, copy);
    return copy;
  };

  const box = unbox(value);
  if (box !== undefined) {
    if (box[0] === 'Symbol') refuse('#<Symbol>');
    return remember(Object(box[1]));
  }
  if (is.date(value)) return remember(new Date(Date.prototype.getTime.call(value)));
  if (is.regExp(value) && value !== RegExp.prototype) return remember(new RegExp(value.source, value.flags));
  if (is.arrayBuffer(value)) return remember(cloneBuffer(value));
  if (is.sharedArrayBuffer(value)) return remember(value);
  if (ArrayBuffer.isView(value)) return remember(cloneView(value, clone(value.buffer, memory)));
  if (is.map(value)) {
    const copy = remember(new Map());
    for (const [key, item] of [...Map.prototype.entries.call(value)]) copy.set(clone(key, memory), clone(item, memory));
    return copy;
  }
  if (is.set(value)) {
    const copy = remember(new Set());
    for (const item of [...Set.prototype.values.call(value)]) copy.add(clone(item, memory));
    return copy;
  }
  if (is.error(value)) return cloneError(value, memory, remember);
  if (value instanceof require('web/blob').Blob) return remember(value);
  const module = native.cloneModule(value);
  if (module !== undefined) return remember(module);
  if (is.promise(value) || is.weakMap(value) || is.weakSet(value) || value instanceof WeakRef || isPlatformObject(value)) {
    refuse(describe(value));
  }
  const copy = remember(Array.isArray(value) ? new Array(value.length) : {});
  for (const key of Object.keys(value)) {
    Object.defineProperty(copy, key, { value: clone(value[key], memory), writable: true, enumerable: true, configurable: true });
  }
  return copy;
}

/** Objects of the runtime and of WebAssembly carry state that their properties do not show. */
function isPlatformObject(value) {
  const wasm = globalThis.WebAssembly;
  if (wasm !== undefined) {
    for (const name of ['Module', 'Instance', 'Memory', 'Table', 'Global', 'Tag', 'Exception']) {
      if (typeof wasm[name] === 'function' && value instanceof wasm[name]) return true;
    }
  }
  return Object.prototype.toString.call(value) === '[object Generator]';
}

function cloneBuffer(buffer) {
  if (buffer.detached) refuse('#<ArrayBuffer>');
  if (!buffer.resizable) return buffer.slice(0);
  const copy = new ArrayBuffer(buffer.byteLength, { maxByteLength: buffer.maxByteLength });
  new Uint8Array(copy).set(new Uint8Array(buffer));
  return copy;
}

function cloneView(view, buffer) {
  const name = typedArrayName.call(view);
  if (name === undefined) return new DataView(buffer, view.byteOffset, view.byteLength);
  return new globalThis[name](buffer, view.byteOffset, view.length);
}

function cloneError(value, memory, remember) {
  const type = errorTypes[value.name] ?? Error;
  const message = Object.getOwnPropertyDescriptor(value, 'message');
  const made = message === undefined ? new type() : new type(`${message.value}`);
  remember(made);
  Object.defineProperty(made, 'stack', { value: `${value.stack ?? ''}`, writable: true, configurable: true });
  if (Object.hasOwn(value, 'cause')) {
    Object.defineProperty(made, 'cause', { value: clone(value.cause, memory), writable: true, configurable: true });
  }
  return made;
}

exports.structuredClone = function structuredClone(value, options) {
  if (arguments.length === 0) throw new TypeError("The 'value' argument must be specified");
  const transfer = options?.transfer === undefined ? [] : [...options.transfer];
  for (const [index, item] of transfer.entries()) {
    if (!is.arrayBuffer(item) || item.detached || transfer.indexOf(item) !== index) {
      throw new DOMException('Value could not be transferred.', 'DataCloneError');
    }
  }
  const memory = new Map();
  // The graph is cloned around buffers that the bytes are put into at the end: until all of it is known to be clonable,
  // nothing may be detached.
  for (const item of transfer) {
    memory.set(item, new ArrayBuffer(item.byteLength, item.resizable ? { maxByteLength: item.maxByteLength } : undefined));
  }
  const copy = clone(value, memory);
  for (const item of transfer) {
    const bytes = new Uint8Array(ArrayBuffer.prototype.transfer.call(item));
    new Uint8Array(memory.get(item)).set(bytes);
  }
  return copy;
};
