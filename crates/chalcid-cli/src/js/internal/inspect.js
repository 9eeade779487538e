// How values are shown: `util.inspect`, `util.format` and what `console.log` prints. The rules, down to where lines break, are
// those of Node's documentation and behaviour, so that a program's output is the same under both.
'use strict';

const custom = Symbol.for('nodejs.util.inspect.custom');

const defaults = {
  showHidden: false,
  depth: 2,
  colors: false,
  customInspect: true,
  showProxy: false,
  maxArrayLength: 100,
  maxStringLength: 10000,
  breakLength: 80,
  compact: 3,
  sorted: false,
  getters: false,
  numericSeparator: false,
};

// ── Styles ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const colors = {
  reset: [0, 0], bold: [1, 22], dim: [2, 22], italic: [3, 23], underline: [4, 24], inverse: [7, 27], hidden: [8, 28],
  strikethrough: [9, 29], black: [30, 39], red: [31, 39], green: [32, 39], yellow: [33, 39], blue: [34, 39],
  magenta: [35, 39], cyan: [36, 39], white: [37, 39], gray: [90, 39], grey: [90, 39], redBright: [91, 39],
  greenBright: [92, 39], yellowBright: [93, 39], blueBright: [94, 39], magentaBright: [95, 39], cyanBright: [96, 39],
  whiteBright: [97, 39],
};

const styles = {
  special: 'cyan', number: 'yellow', bigint: 'yellow', boolean: 'yellow', undefined: 'grey', null: 'bold', string: 'green',
  symbol: 'green', date: 'magenta', regexp: 'red', module: 'underline',
};

function styled(text, style) {
  const color = colors[styles[style]];
  return color ? `\x1b[${color[0]}m${text}\x1b[${color[1]}m` : text;
}

const unstyled = (text) => text;

const escapeSequence = /\x1b\[[0-9;]*m/g;

/** The columns that a text takes on a terminal. */
function width(text, withColors) {
  if (withColors) text = text.replace(escapeSequence, '');
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let columns = 0;
  for (const character of text.normalize('NFC')) {
    const code = character.codePointAt(0);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x300 && code <= 0x36f) || (code >= 0x200b && code <= 0x200f) ||
        (code >= 0xfe00 && code <= 0xfe0f)) continue;
    const wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf && code !== 0x303f) ||
      (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) ||
      (code >= 0xff00 && code <= 0xff60) || (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1f64f) ||
      (code >= 0x1f900 && code <= 0x1f9ff) || (code >= 0x20000 && code <= 0x3fffd);
    columns += wide ? 2 : 1;
  }
  return columns;
}

// ── Brands: what a value is, whatever its prototype says ───────────────────────────────────────────────────────────────────

const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);
const typedArrayName = Object.getOwnPropertyDescriptor(typedArrayPrototype, Symbol.toStringTag).get;

function brand(probe) {
  return (value) => {
    try {
      probe(value);
      return true;
    } catch {
      return false;
    }
  };
}

const getter = (prototype, name) => Function.prototype.call.bind(Object.getOwnPropertyDescriptor(prototype, name).get);
const method = (prototype, name) => Function.prototype.call.bind(prototype[name]);

const mapSize = getter(Map.prototype, 'size');
const setSize = getter(Set.prototype, 'size');
const bufferLength = getter(ArrayBuffer.prototype, 'byteLength');
const objectTag = method(Object.prototype, 'toString');
const hasOwn = Object.hasOwn;

// A value of these types can say so without throwing; a cheap look at its tag comes before the probe that decides.
const is = {
  map: brand(mapSize),
  set: brand(setSize),
  arrayBuffer: brand(bufferLength),
  sharedArrayBuffer: typeof SharedArrayBuffer === 'undefined' ? () => false :
    brand(getter(SharedArrayBuffer.prototype, 'byteLength')),
  dataView: (value) => ArrayBuffer.isView(value) && typedArrayName.call(value) === undefined,
  typedArray: (value) => typedArrayName.call(value) !== undefined,
  date: brand(method(Date.prototype, 'getTime')),
  regExp: brand(getter(RegExp.prototype, 'source')),
  promise: (value) => value instanceof Promise && brand(native.promiseState)(value),
  weakMap: brand((value) => WeakMap.prototype.has.call(value, value)),
  weakSet: brand((value) => WeakSet.prototype.has.call(value, value)),
  weakRef: brand((value) => WeakRef.prototype.deref.call(value)),
  error: (value) => native.isError(value) || value instanceof Error,
  namespace: (value) => Object.getPrototypeOf(value) === null && hasOwn(value, Symbol.toStringTag) &&
    objectTag(value) === '[object Module]' && !Object.isExtensible(value),
};

const boxes = [
  ['Number', method(Number.prototype, 'valueOf')],
  ['String', method(String.prototype, 'valueOf')],
  ['Boolean', method(Boolean.prototype, 'valueOf')],
  ['BigInt', method(BigInt.prototype, 'valueOf')],
  ['Symbol', method(Symbol.prototype, 'valueOf')],
];

/** The kind and content of a primitive's wrapper object. */
function unbox(value) {
  const tag = objectTag(value);
  for (const [kind, open] of boxes) {
    // An own tag can hide a wrapper; the tag of a built-in kind that is wrong is caught by `open`.
    if (tag !== `[object ${kind}]` && !hasOwn(value, Symbol.toStringTag)) continue;
    try {
      return [kind, open(value)];
    } catch {}
  }
  return undefined;
}

/** The name of the constructor that made a value: the first on its prototype chain that the value is an instance of. */
function constructorName(value) {
  let first;
  for (let object = value; object !== null; object = Object.getPrototypeOf(object)) {
    const descriptor = Object.getOwnPropertyDescriptor(object, 'constructor');
    if (descriptor !== undefined && typeof descriptor.value === 'function' && descriptor.value.name !== '' &&
        isInstance(value, descriptor.value)) {
      return descriptor.value.name;
    }
    first ??= object;
  }
  return null;
}

function isInstance(value, constructor) {
  try {
    return value instanceof constructor;
  } catch {
    return false;
  }
}

// ── Primitives ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const escapes = { '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r', '\\': '\\\\' };
const needsEscape = /[\x00-\x1f\x27\x5c\x7f-\x9f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const toEscape = /[\x00-\x1f\x5c\x7f-\x9f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function escapeOne(character) {
  const known = escapes[character];
  if (known !== undefined) return known;
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).toUpperCase().padStart(2, '0')}` : `\\u${code.toString(16).toUpperCase()}`;
}

/** A string in quotes: single ones unless others save an escape. */
function quote(text) {
  if (!needsEscape.test(text)) return `'${text}'`;
  let mark = "'";
  if (text.includes("'")) {
    if (!text.includes('"')) mark = '"';
    else if (!text.includes('`') && !text.includes('${')) mark = '`';
  }
  const escaped = text.replace(toEscape, escapeOne);
  return mark + (mark === "'" ? escaped.replace(/'/g, "\\'") : escaped) + mark;
}

function group(digits) {
  return digits.replace(/\B(?=(\d{3})+$)/g, '_');
}

function showNumber(ctx, number) {
  if (Object.is(number, -0)) return ctx.stylize('-0', 'number');
  const text = String(number);
  if (!ctx.numericSeparator || !/^-?\d+(\.\d+)?$/.test(text)) return ctx.stylize(text, 'number');
  const [whole, fraction] = text.split('.');
  const tail = fraction === undefined ? '' : `.${fraction.replace(/(\d{3})(?=\d)/g, '$1_')}`;
  return ctx.stylize(group(whole) + tail, 'number');
}

function showString(ctx, text) {
  let more = '';
  if (text.length > ctx.maxStringLength) {
    const left = text.length - ctx.maxStringLength;
    text = text.slice(0, ctx.maxStringLength);
    more = `... ${left} more character${left > 1 ? 's' : ''}`;
  }
  if (ctx.compact !== true && text.length > 16 && text.length > ctx.breakLength - ctx.indentation - 4) {
    const lines = text.split(/(?<=\n)/);
    return lines.map((line) => ctx.stylize(quote(line), 'string')).join(` +\n${' '.repeat(ctx.indentation + 2)}`) + more;
  }
  return ctx.stylize(quote(text), 'string') + more;
}

function showPrimitive(ctx, value) {
  switch (typeof value) {
    case 'string': return showString(ctx, value);
    case 'number': return showNumber(ctx, value);
    case 'bigint': {
      const text = String(value);
      return ctx.stylize(`${ctx.numericSeparator ? group(text) : text}n`, 'bigint');
    }
    case 'boolean': return ctx.stylize(String(value), 'boolean');
    case 'undefined': return ctx.stylize('undefined', 'undefined');
    case 'symbol': return ctx.stylize(String(value), 'symbol');
    default: return ctx.stylize('null', 'null');
  }
}

// ── Objects ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function show(ctx, value, level) {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return showPrimitive(ctx, value);
  if (native.isProxy(value) && ctx.showProxy) return `Proxy [ ${ctx.stylize('[hidden]', 'special')} ]`;
  if (ctx.customInspect) {
    const inspectIt = value[custom];
    if (typeof inspectIt === 'function' && inspectIt !== inspect) {
      const depth = ctx.depth === null ? null : ctx.depth - level;
      const options = { ...ctx.user, depth, stylize: ctx.stylize };
      const shown = inspectIt.call(value, depth, options, inspect);
      if (shown !== value) {
        if (typeof shown !== 'object') return `${shown}`;
        return show(ctx, shown, level).replaceAll('\n', `\n${' '.repeat(ctx.indentation)}`);
      }
    }
  }
  if (ctx.seen.includes(value)) {
    ctx.circular ??= new Map();
    let index = ctx.circular.get(value);
    if (index === undefined) {
      index = ctx.circular.size + 1;
      ctx.circular.set(value, index);
    }
    return ctx.stylize(`[Circular *${index}]`, 'special');
  }
  return showObject(ctx, value, level);
}

/** The beginning of an object's text: its constructor, its size, its tag. */
function prefix(constructor, tag, fallback, size = '') {
  const own = tag === '' || constructor === tag ? '' : `[${tag}] `;
  if (constructor === null) {
    return `[${fallback}${size}: null prototype] ${tag !== '' && fallback !== tag ? `[${tag}] ` : ''}`;
  }
  return `${constructor}${size} ${own}`;
}

function tagOf(value, constructor) {
  let tag;
  try {
    tag = value[Symbol.toStringTag];
  } catch {}
  if (typeof tag !== 'string' || tag === '' || tag === constructor) return '';
  // A tag that is shown among the properties is not shown twice.
  return Object.prototype.propertyIsEnumerable.call(value, Symbol.toStringTag) ? '' : tag;
}

function keysOf(ctx, value) {
  let keys;
  if (ctx.showHidden) {
    keys = Reflect.ownKeys(value);
  } else {
    try {
      keys = Object.keys(value);
    } catch {
      // A namespace whose module has not been evaluated: its bindings cannot be read yet.
      keys = Object.getOwnPropertyNames(value);
    }
    for (const symbol of Object.getOwnPropertySymbols(value)) {
      if (Object.prototype.propertyIsEnumerable.call(value, symbol)) keys.push(symbol);
    }
  }
  return keys;
}

/** Own keys that are no array indices. Indices come first in the order of keys, so the others are found from the end. */
function keysBeyondIndices(ctx, value) {
  const keys = keysOf(ctx, value);
  let first = keys.length;
  const isIndex = (key) => typeof key === 'string' && /^(0|[1-9]\d{0,9})$/.test(key) && Number(key) < 2 ** 32 - 1;
  while (first > 0 && !isIndex(keys[first - 1])) first--;
  return keys.slice(first);
}

const object = 0, arrayLike = 1, properties = 2;

function showObject(ctx, value, level) {
  const constructor = constructorName(value);
  let tag = tagOf(value, constructor);
  let braces = ['{', '}'], base = '', kind = object, keys, body = () => [];

  if (Array.isArray(value)) {
    kind = properties;
    keys = keysBeyondIndices(ctx, value);
    const head = constructor !== 'Array' || tag !== '' ? prefix(constructor, tag, 'Array', `(${value.length})`) : '';
    braces = [`${head}[`, ']'];
    if (value.length === 0 && keys.length === 0) return `${braces[0]}]`;
    body = showArray;
    kind = arrayLike;
  } else if (typeof value === 'function') {
    keys = keysOf(ctx, value);
    base = functionBase(value, constructor, tag);
    if (keys.length === 0) return ctx.stylize(base, 'special');
    base = ctx.stylize(base, 'special');
  } else if (ArrayBuffer.isView(value) && is.typedArray(value)) {
    keys = keysBeyondIndices(ctx, value);
    const name = typedArrayName.call(value);
    const size = value.length;
    braces = [`${prefix(constructor, tag, name, `(${size})`)}[`, ']'];
    if (size === 0 && keys.length === 0 && !ctx.showHidden) return `${braces[0]}]`;
    body = showTypedArray;
    kind = arrayLike;
  } else if (is.namespace(value)) {
    keys = keysOf(ctx, value).filter((key) => key !== Symbol.toStringTag);
    braces[0] = '[Module: null prototype] {';
    body = (inner) => showNamespace(inner, value, keys, level);
    kind = object;
    return finish(ctx, value, level, braces, base, [], body, kind);
  } else {
    keys = keysOf(ctx, value);
    const box = unbox(value);
    const objectKind = objectTag(value);
    if (objectKind === '[object Arguments]' && !hasOwn(value, Symbol.toStringTag)) {
      braces[0] = '[Arguments] {';
    } else if (is.error(value)) {
      base = showError(ctx, value, constructor, tag, keys);
      if (keys.length === 0) return base;
    } else if (box !== undefined) {
      const [name, content] = box;
      let text = `[${name}`;
      if (name !== constructor) text += constructor === null ? ' (null prototype)' : ` (${constructor})`;
      text += `: ${showPrimitive({ ...ctx, stylize: unstyled }, content)}]`;
      if (tag !== '' && tag !== constructor && tag !== name) text += ` [${tag}]`;
      if (name === 'String') keys = keysBeyondIndices(ctx, value);
      base = ctx.stylize(text, name.toLowerCase());
      if (keys.length === 0) return base;
    } else if (is.date(value)) {
      const time = Date.prototype.getTime.call(value);
      const text = Number.isNaN(time) ? 'Invalid Date' : Date.prototype.toISOString.call(value);
      base = ctx.stylize(text, 'date');
      if (constructor !== 'Date') base = `${prefix(constructor, tag, 'Date')}${base}`;
      if (keys.length === 0) return base;
    } else if (value !== RegExp.prototype && objectKind === '[object RegExp]' && is.regExp(value)) {
      base = ctx.stylize(RegExp.prototype.toString.call(value), 'regexp');
      if (constructor !== 'RegExp') base = `${prefix(constructor, tag, 'RegExp')}${base}`;
      if (keys.length === 0) return base;
    } else if (is.map(value)) {
      const size = mapSize(value);
      braces = [`${prefix(constructor, tag, 'Map', `(${size})`)}{`, '}'];
      if (size === 0 && keys.length === 0) return `${braces[0]}}`;
      body = showMap;
    } else if (is.set(value)) {
      const size = setSize(value);
      braces = [`${prefix(constructor, tag, 'Set', `(${size})`)}{`, '}'];
      if (size === 0 && keys.length === 0) return `${braces[0]}}`;
      body = showSet;
    } else if (is.arrayBuffer(value) || is.sharedArrayBuffer(value)) {
      const name = is.arrayBuffer(value) ? 'ArrayBuffer' : 'SharedArrayBuffer';
      braces[0] = `${prefix(constructor, tag, name)}{`;
      body = showBuffer;
    } else if (is.dataView(value)) {
      braces[0] = `${prefix(constructor, tag, 'DataView')}{`;
      body = showDataView;
    } else if (is.promise(value)) {
      braces[0] = `${prefix(constructor, tag, 'Promise')}{`;
      body = showPromise;
    } else if (is.weakMap(value) || is.weakSet(value)) {
      const name = is.weakMap(value) ? 'WeakMap' : 'WeakSet';
      braces[0] = `${prefix(constructor, tag, name)}{`;
      body = (inner) => [inner.stylize('<items unknown>', 'special')];
    } else if (objectKind === '[object WeakRef]' && is.weakRef(value)) {
      braces[0] = `${prefix(constructor, tag, 'WeakRef')}{`;
      body = (inner) => [show(inner, WeakRef.prototype.deref.call(value) ?? undefined, level)];
    } else {
      if (constructor !== 'Object' || tag !== '') {
        const fallback = tag === '' ? 'Object' : tag;
        braces[0] = `${constructor === null ? prefix(null, tag === fallback ? '' : tag, 'Object') : prefix(constructor, tag, fallback)}{`;
      }
      if (keys.length === 0) return `${braces[0]}}`;
    }
  }

  if (ctx.depth !== null && level > ctx.depth) {
    let name = (constructor === null ? prefix(null, tag, 'Object') : prefix(constructor, tag, 'Object')).slice(0, -1);
    if (constructor !== null && !Array.isArray(value)) name = tag !== '' && constructor === 'Object' ? `Object <${tag}>` : name;
    if (Array.isArray(value) && constructor === 'Array') name = 'Array';
    return ctx.stylize(`[${name}]`, 'special');
  }
  return finish(ctx, value, level, braces, base, keys, body, kind);
}

/** Shows what is inside the braces and joins it. */
function finish(ctx, value, level, braces, base, keys, body, kind) {
  ctx.seen.push(value);
  ctx.currentDepth = level;
  let output;
  try {
    output = body(ctx, value, level + 1);
    for (const key of keys) output.push(showProperty(ctx, value, level + 1, key, kind));
  } finally {
    ctx.seen.pop();
  }
  if (ctx.circular !== undefined) {
    const index = ctx.circular.get(value);
    if (index !== undefined) {
      const mark = ctx.stylize(`<ref *${index}>`, 'special');
      if (ctx.compact !== true) base = base === '' ? mark : `${mark} ${base}`;
      else braces[0] = `${mark} ${braces[0]}`;
    }
  }
  if (ctx.sorted) {
    const order = ctx.sorted === true ? undefined : ctx.sorted;
    if (kind === arrayLike) output = [...output.slice(0, output.length - keys.length), ...output.slice(output.length - keys.length).sort(order)];
    else output.sort(order);
  }
  return join(ctx, output, base, braces, kind, level, value);
}

const plainKey = /^[a-zA-Z_][a-zA-Z_0-9]*$/;

function showProperty(ctx, value, level, key, kind) {
  const descriptor = Object.getOwnPropertyDescriptor(value, key) ?? { value: value[key], configurable: true, enumerable: true };
  let text;
  const indent = ctx.compact !== true || kind !== object ? 2 : 3;
  if ('value' in descriptor) {
    ctx.indentation += indent;
    text = show(ctx, descriptor.value, level);
    ctx.indentation -= indent;
  } else if (descriptor.get !== undefined) {
    const label = descriptor.set === undefined ? 'Getter' : 'Getter/Setter';
    if (ctx.getters === true || (ctx.getters === 'get' && descriptor.set === undefined) ||
        (ctx.getters === 'set' && descriptor.set !== undefined)) {
      try {
        ctx.indentation += 2;
        const content = descriptor.get.call(value);
        text = content !== null && typeof content === 'object'
          ? `${ctx.stylize(`[${label}]`, 'special')} ${show(ctx, content, level)}`
          : `${ctx.stylize(`[${label}:`, 'special')} ${showPrimitive(ctx, content)}${ctx.stylize(']', 'special')}`;
      } catch (error) {
        text = ctx.stylize(`[${label}: <Inspection threw (${error?.message})>]`, 'special');
      } finally {
        ctx.indentation -= 2;
      }
    } else {
      text = ctx.stylize(`[${label}]`, 'special');
    }
  } else {
    text = ctx.stylize(descriptor.set !== undefined ? '[Setter]' : 'undefined', descriptor.set !== undefined ? 'special' : 'undefined');
  }
  let name;
  if (typeof key === 'symbol') name = `[${ctx.stylize(String(key).replace(toEscape, escapeOne), 'symbol')}]`;
  else if (key === '__proto__') name = "['__proto__']";
  else if (descriptor.enumerable === false) name = `[${key.replace(toEscape, escapeOne)}]`;
  else if (plainKey.test(key)) name = ctx.stylize(key, 'name');
  else name = ctx.stylize(quote(key), 'string');
  return `${name}:${ctx.compact !== true || width(text, ctx.colors) + ctx.indentation < ctx.breakLength ? ' ' : '\n'}${text}`;
}

function more(count) {
  return `... ${count} more item${count > 1 ? 's' : ''}`;
}

function showArray(ctx, value, level) {
  const output = [];
  const length = value.length;
  const most = Math.min(Math.max(0, ctx.maxArrayLength), length);
  let index = 0;
  while (index < length && output.length < most) {
    if (hasOwn(value, index)) {
      ctx.indentation += 2;
      const descriptor = Object.getOwnPropertyDescriptor(value, index);
      output.push('value' in descriptor ? show(ctx, descriptor.value, level)
        : showProperty(ctx, value, level, String(index), arrayLike).replace(/^'?\d+'?: /, ''));
      ctx.indentation -= 2;
      index++;
    } else {
      let end = index + 1;
      while (end < length && !hasOwn(value, end)) end++;
      const holes = end - index;
      output.push(ctx.stylize(`<${holes} empty item${holes > 1 ? 's' : ''}>`, 'undefined'));
      index = end;
    }
  }
  if (index < length) output.push(more(length - index));
  return output;
}

function showTypedArray(ctx, value, level) {
  const most = Math.min(Math.max(0, ctx.maxArrayLength), value.length);
  const output = new Array(most);
  for (let index = 0; index < most; index++) output[index] = showPrimitive(ctx, value[index]);
  if (value.length > most) output.push(more(value.length - most));
  if (ctx.showHidden) {
    ctx.indentation += 2;
    for (const key of ['BYTES_PER_ELEMENT', 'length', 'byteLength', 'byteOffset', 'buffer']) {
      output.push(`[${key}]: ${show(ctx, value[key], level)}`);
    }
    ctx.indentation -= 2;
  }
  return output;
}

function showBuffer(ctx, value) {
  const length = value.byteLength;
  let bytes;
  try {
    bytes = new Uint8Array(value);
  } catch {
    return [ctx.stylize('(detached)', 'special')];
  }
  if (value.detached === true) return [`${ctx.stylize('(detached)', 'special')}`, `byteLength: ${showNumber(ctx, 0)}`];
  const most = Math.min(Math.max(0, ctx.maxArrayLength), length);
  let text = '';
  for (let index = 0; index < most; index++) text += `${index === 0 ? '' : ' '}${bytes[index].toString(16).padStart(2, '0')}`;
  if (length > most) text += ` ... ${length - most} more byte${length - most > 1 ? 's' : ''}`;
  return [`${ctx.stylize('[Uint8Contents]', 'special')}: <${text}>`, `byteLength: ${showNumber(ctx, length)}`];
}

function showDataView(ctx, value, level) {
  ctx.indentation += 2;
  const output = ['byteLength', 'byteOffset', 'buffer'].map((key) => `${key}: ${show(ctx, value[key], level)}`);
  ctx.indentation -= 2;
  return output;
}

function showMap(ctx, value, level) {
  const output = [];
  const size = mapSize(value);
  const most = Math.min(Math.max(0, ctx.maxArrayLength), size);
  ctx.indentation += 2;
  for (const [key, item] of Map.prototype.entries.call(value)) {
    if (output.length >= most) break;
    output.push(`${show(ctx, key, level)} => ${show(ctx, item, level)}`);
  }
  ctx.indentation -= 2;
  if (size > most) output.push(more(size - most));
  return output;
}

function showSet(ctx, value, level) {
  const output = [];
  const size = setSize(value);
  const most = Math.min(Math.max(0, ctx.maxArrayLength), size);
  ctx.indentation += 2;
  for (const item of Set.prototype.values.call(value)) {
    if (output.length >= most) break;
    output.push(show(ctx, item, level));
  }
  ctx.indentation -= 2;
  if (size > most) output.push(more(size - most));
  return output;
}

function showPromise(ctx, value, level) {
  const [state, result] = native.promiseState(value);
  if (state === 'pending') return [ctx.stylize('<pending>', 'special')];
  ctx.indentation += 2;
  const text = show(ctx, result, level);
  ctx.indentation -= 2;
  return [state === 'rejected' ? `${ctx.stylize('<rejected>', 'special')} ${text}` : text];
}

function showNamespace(ctx, value, keys, level) {
  return keys.map((key) => {
    try {
      return showProperty(ctx, value, level + 1, key, object);
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      return `${plainKey.test(key) ? key : quote(key)}: ${ctx.stylize('<uninitialized>', 'special')}`;
    }
  });
}

const functionKinds = { AsyncFunction: 'AsyncFunction', GeneratorFunction: 'GeneratorFunction', AsyncGeneratorFunction: 'AsyncGeneratorFunction' };

function functionBase(value, constructor, tag) {
  let source = '';
  try {
    source = Function.prototype.toString.call(value);
  } catch {}
  if (source.startsWith('class') && source.endsWith('}')) {
    const head = source.slice(5, source.indexOf('{'));
    if (/^[\s{]|^$/.test(head) || head === '') {
      let text = hasOwn(value, 'name') && value.name !== '' ? `[class ${value.name}` : '[class (anonymous)';
      if (constructor !== 'Function' && constructor !== null) text += ` [${constructor}]`;
      if (tag !== '' && constructor !== tag) text += ` [${tag}]`;
      if (constructor === null) text += ' extends [null prototype]';
      else {
        const parent = Object.getPrototypeOf(value)?.name;
        if (parent) text += ` extends ${parent}`;
      }
      return `${text}]`;
    }
  }
  const kind = functionKinds[tag] ?? functionKinds[objectTag(value).slice(8, -1)] ?? 'Function';
  let text = `[${kind}`;
  if (constructor === null) text += ' (null prototype)';
  const name = hasOwn(value, 'name') ? value.name : '';
  text += typeof name === 'string' && name !== '' ? `: ${name}]` : ' (anonymous)]';
  if (constructor !== kind && constructor !== null && constructor !== 'Function') text += ` ${constructor}`;
  if (tag !== '' && constructor !== tag && tag !== kind) text += ` [${tag}]`;
  return text;
}

// ── Errors ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function read(value, key) {
  try {
    return value[key];
  } catch {
    return undefined;
  }
}

/** The first line of an error: `name: message`. */
function errorHead(value, constructor) {
  let name = read(value, 'name');
  name = name === undefined || name === null ? 'Error' : String(name);
  if (constructor !== null && constructor !== 'Error' && name === 'Error' && constructor.endsWith('Error')) name = constructor;
  const message = String(read(value, 'message') ?? '');
  if (name === '') return message;
  return message === '' ? name : `${name}: ${message}`;
}

/** An error's text: the head, then the frames. The engine's `stack` holds frames only; others' may begin with the head. */
function showError(ctx, value, constructor, tag, keys) {
  const stack = read(value, 'stack');
  let text;
  const head = errorHead(value, constructor);
  if (typeof stack === 'string' && stack !== '') {
    // The runtime's own frames say nothing to whoever reads this.
    const trimmed = stack.replace(/^ +at [^\n]*\(chalcid:[^\n]*\n?/gm, '').replace(/\n+$/, '');
    text = /^\s+at /.test(trimmed) || trimmed === '' ? `${head}${trimmed === '' ? '' : '\n'}${trimmed}` : trimmed;
  } else {
    text = `[${head}]`;
  }
  for (const name of ['name', 'message', 'stack']) {
    const index = keys.indexOf(name);
    if (index !== -1 && (name === 'stack' || text.includes(String(read(value, name))))) keys.splice(index, 1);
  }
  if (hasOwn(value, 'cause') && !keys.includes('cause')) keys.push('cause');
  if (Array.isArray(read(value, 'errors')) && !keys.includes('errors') && hasOwn(value, 'errors')) keys.push('errors');
  if (tag !== '' && !text.includes(tag)) text = text.replace(/^[^\s:]*/, (name) => `${name} [${tag}]`);
  if (ctx.indentation > 0) text = text.replaceAll('\n', `\n${' '.repeat(ctx.indentation)}`);
  return text;
}

// ── Lines ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Puts the parts of an object on one line if they are few, short and shallow, else on lines of their own. */
function join(ctx, output, base, braces, kind, level, value) {
  if (ctx.compact !== true) {
    if (typeof ctx.compact === 'number' && ctx.compact >= 1) {
      const entries = output.length;
      if (kind === arrayLike && entries > 6) output = inColumns(ctx, output, value);
      if (ctx.currentDepth - level < ctx.compact && entries === output.length) {
        const start = output.length + ctx.indentation + braces[0].length + base.length + 10;
        if (fits(ctx, output, start, base)) {
          const joined = output.join(', ');
          if (!joined.includes('\n')) {
            return `${base === '' ? '' : `${base} `}${braces[0]} ${joined} ${braces[1]}`;
          }
        }
      }
    }
    const line = `\n${' '.repeat(ctx.indentation)}`;
    return `${base === '' ? '' : `${base} `}${braces[0]}${line}  ${output.join(`,${line}  `)}${line}${braces[1]}`;
  }
  if (fits(ctx, output, 0, base)) {
    return `${braces[0]}${base === '' ? '' : ` ${base}`} ${output.join(', ')} ${braces[1]}`;
  }
  const line = `\n${' '.repeat(ctx.indentation)}`;
  const head = base === '' && braces[0].length === 1 ? ' ' : `${base === '' ? '' : ` ${base}`}\n${line.slice(1)}  `;
  return `${braces[0]}${head}${output.join(`,${line}  `)} ${braces[1]}`;
}

function fits(ctx, output, start, base) {
  let total = output.length + start;
  if (total + output.length > ctx.breakLength) return false;
  for (const part of output) {
    total += ctx.colors ? part.replace(escapeSequence, '').length : part.length;
    if (total > ctx.breakLength) return false;
  }
  return base === '' || !base.includes('\n');
}

/** Sets many short items in columns. */
function inColumns(ctx, output, value) {
  const hasMore = ctx.maxArrayLength < value.length && typeof output.at(-1) === 'string' && output.at(-1).startsWith('... ');
  const count = hasMore ? output.length - 1 : output.length;
  const gap = 2;
  const widths = [];
  let total = 0, longest = 0;
  for (let index = 0; index < count; index++) {
    const size = width(output[index], ctx.colors);
    widths.push(size);
    total += size + gap;
    longest = Math.max(longest, size);
  }
  const cell = longest + gap;
  if (cell * 3 + ctx.indentation >= ctx.breakLength || !(total / cell > 5 || longest <= 6)) return output;
  // Characters are about two and a half times as high as wide: aim at a block that looks square.
  const bias = Math.sqrt(cell - total / output.length);
  const biased = Math.max(cell - 3 - bias, 1);
  const columns = Math.min(
    Math.round(Math.sqrt(2.5 * biased * count) / biased),
    Math.floor((ctx.breakLength - ctx.indentation) / cell),
    ctx.compact * 4,
    15,
  );
  if (columns <= 1) return output;
  const columnWidths = [];
  for (let column = 0; column < columns; column++) {
    let size = 0;
    for (let index = column; index < count; index += columns) size = Math.max(size, widths[index]);
    columnWidths.push(size + gap);
  }
  let alignRight = true;
  for (let index = 0; index < output.length && alignRight; index++) {
    alignRight = typeof value[index] === 'number' || typeof value[index] === 'bigint';
  }
  const lines = [];
  for (let start = 0; start < count; start += columns) {
    const end = Math.min(start + columns, count);
    let line = '';
    for (let index = start; index < end; index++) {
      const last = index === end - 1;
      const extra = output[index].length - widths[index];
      const text = last ? output[index] : `${output[index]}, `;
      if (alignRight) line += text.padStart(columnWidths[index - start] + extra - (last ? gap : 0));
      else line += last ? text : text.padEnd(columnWidths[index - start] + extra);
    }
    lines.push(line);
  }
  if (hasMore) lines.push(output[count]);
  return lines;
}

// ── The functions ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Shows a value. */
function inspect(value, options, depth, withColors) {
  const ctx = {
    ...defaults, seen: [], circular: undefined, currentDepth: 0, indentation: 0, stylize: unstyled, user: undefined,
  };
  if (typeof options === 'boolean') {
    ctx.showHidden = options;
    if (depth !== undefined) ctx.depth = depth;
    if (withColors !== undefined) ctx.colors = withColors;
  } else if (options !== null && typeof options === 'object') {
    for (const key of Object.keys(options)) if (key in defaults || key === 'stylize') ctx[key] = options[key];
  }
  ctx.user = typeof options === 'object' ? { ...defaults, ...options } : { ...defaults, showHidden: ctx.showHidden, depth: ctx.depth };
  if (ctx.colors && ctx.stylize === unstyled) ctx.stylize = styled;
  if (ctx.depth === Infinity || ctx.depth === undefined) ctx.depth = ctx.depth === undefined ? defaults.depth : null;
  ctx.maxArrayLength ??= Infinity;
  ctx.maxStringLength ??= Infinity;
  return show(ctx, value, 0);
}

inspect.custom = custom;
inspect.defaultOptions = defaults;
inspect.colors = colors;
inspect.styles = styles;

function hasOwnToString(value) {
  if (typeof value[custom] === 'function') return true;
  if (native.isError(value)) return hasOwn(value, 'toString');
  // The nearest `toString` counts as the program's unless a built-in constructor brought it.
  if (typeof value.toString !== 'function') return false;
  if (hasOwn(value, 'toString')) return true;
  let prototype = value;
  do prototype = Object.getPrototypeOf(prototype); while (prototype !== null && !hasOwn(prototype, 'toString'));
  const maker = prototype === null ? undefined : Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  return typeof maker === 'function' && globalThis[maker.name] !== maker;
}

function asString(value, options) {
  switch (typeof value) {
    case 'bigint': return `${value}n`;
    case 'number': return Object.is(value, -0) ? '-0' : String(value);
    case 'object':
      if (value === null) return 'null';
      if (hasOwnToString(value) && typeof value[custom] !== 'function') return String(value);
      return native.isError(value) ? String(value) : inspect(value, { ...options, depth: 0, colors: false, compact: 3 });
    default: return String(value);
  }
}

function asJson(value) {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof TypeError && /circular/i.test(error.message)) return '[Circular]';
    throw error;
  }
}

function asNumber(value, convert) {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'symbol') return 'NaN';
  const number = convert(value);
  return Object.is(number, -0) ? '-0' : String(number);
}

/** Joins values as `console.log` does, filling the `%` places of a first string. */
function formatWithOptions(options, ...values) {
  const first = values[0];
  let text = '', next = 0;
  if (typeof first === 'string') {
    if (values.length === 1) return first;
    next = 1;
    let done = 0;
    for (let at = first.indexOf('%'); at !== -1 && at + 1 < first.length; at = first.indexOf('%', at)) {
      const letter = first[at + 1];
      if (letter === '%') {
        text += first.slice(done, at + 1);
        done = at += 2;
        continue;
      }
      let piece;
      if (next < values.length) {
        switch (letter) {
          case 's': piece = asString(values[next], options); break;
          case 'd': piece = asNumber(values[next], typeof values[next] === 'object' ? Number : Number); break;
          case 'i': piece = typeof values[next] === 'bigint' ? `${values[next]}n` : asNumber(values[next], Number.parseInt); break;
          case 'f': piece = typeof values[next] === 'symbol' ? 'NaN' : asNumber(values[next], Number.parseFloat); break;
          case 'j': piece = asJson(values[next]); break;
          case 'o': piece = inspect(values[next], { ...options, showHidden: true, showProxy: true, depth: 4 }); break;
          case 'O': piece = inspect(values[next], options); break;
          case 'c': piece = ''; break;
        }
      }
      if (piece === undefined && !(letter === 'j' && next < values.length)) {
        at += 1;
        continue;
      }
      next += 1;
      text += first.slice(done, at) + piece;
      done = at += 2;
    }
    text += first.slice(done);
  }
  for (; next < values.length; next++) {
    if (next > 0) text += ' ';
    text += typeof values[next] === 'string' ? values[next] : inspect(values[next], options);
  }
  return text;
}

const format = (...values) => formatWithOptions({}, ...values);

Object.assign(exports, { inspect, format, formatWithOptions, custom, is, width, escapeSequence, typedArrayName, unbox, styles, colors, isProxy: native.isProxy });
