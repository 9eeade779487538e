// `querystring`: https://nodejs.org/api/querystring.html
'use strict';

function unescape(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return require('web/url').percentDecode(text.replaceAll('+', '%2B'));
  }
}

const escape = (value) => encodeURIComponent(value).replace(/'/g, '%27').replaceAll('%27', "'");

const asText = (value) => {
  switch (typeof value) {
    case 'string': return value;
    case 'number': return Number.isFinite(value) ? `${value}` : '';
    case 'bigint':
    case 'boolean': return `${value}`;
    default: return '';
  }
};

function stringify(object, separator = '&', equals = '=', options) {
  if (object === null || typeof object !== 'object') return '';
  const encode = options?.encodeURIComponent ?? exports.escape;
  return Object.keys(object).flatMap((key) => {
    const name = encode(key) + equals;
    return Array.isArray(object[key]) ? object[key].map((item) => name + encode(asText(item))) : [name + encode(asText(object[key]))];
  }).join(separator);
}

function parse(text, separator = '&', equals = '=', options) {
  const result = Object.create(null);
  if (typeof text !== 'string' || text === '') return result;
  const decode = options?.decodeURIComponent ?? exports.unescape;
  const most = options?.maxKeys ?? 1000;
  let pieces = text.split(separator);
  if (most > 0) pieces = pieces.slice(0, most);
  for (const piece of pieces) {
    if (piece === '') continue;
    const at = piece.indexOf(equals);
    const name = decode((at === -1 ? piece : piece.slice(0, at)).replaceAll('+', ' '));
    const value = at === -1 ? '' : decode(piece.slice(at + equals.length).replaceAll('+', ' '));
    if (!(name in result)) result[name] = value;
    else if (Array.isArray(result[name])) result[name].push(value);
    else result[name] = [result[name], value];
  }
  return result;
}

Object.assign(exports, { stringify, encode: stringify, parse, decode: parse, escape, unescape });
