// `url`: https://nodejs.org/api/url.html
'use strict';

const web = require('web/url');
const querystring = require('querystring');
const { URL, URLSearchParams } = web;

function codedError(message, code) {
  const error = new TypeError(message);
  error.code = code;
  return error;
}

function fileURLToPath(url) {
  if (typeof url === 'string') url = new URL(url);
  else if (url === null || typeof url !== 'object' || typeof url.href !== 'string') {
    throw codedError('The "path" argument must be of type string or an instance of URL', 'ERR_INVALID_ARG_TYPE');
  }
  if (url.protocol !== 'file:') throw codedError('The URL must be of scheme file', 'ERR_INVALID_URL_SCHEME');
  if (url.hostname !== '') throw codedError(`File URL host must be "localhost" or empty on ${process.platform}`, 'ERR_INVALID_FILE_URL_HOST');
  if (/%2f/i.test(url.pathname)) throw codedError('File URL path must not include encoded / characters', 'ERR_INVALID_FILE_URL_PATH');
  return decodeURIComponent(url.pathname);
}

function pathToFileURL(path) {
  const resolved = require('path').resolve(path);
  const url = new URL('file:///');
  url.pathname = (path.endsWith('/') && resolved !== '/' ? `${resolved}/` : resolved)
    .replaceAll('%', '%25').replaceAll('\\', '%5C').replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('\t', '%09')
    .replaceAll('?', '%3F').replaceAll('#', '%23');
  return url;
}

// The older interface, which takes apart whatever looks like an address.

const pattern = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*:))?(?:(\/\/)(?:([^/?#@]*)@)?([^/?#:]*)(?::(\d*))?)?([^?#]*)(\?[^#]*)?(#.*)?$/s;

class Url {
  protocol = null;
  slashes = null;
  auth = null;
  host = null;
  port = null;
  hostname = null;
  hash = null;
  search = null;
  query = null;
  pathname = null;
  path = null;
  href = '';
}

function parse(text, parseQuery = false, slashesDenoteHost = false) {
  if (text instanceof Url) return text;
  if (typeof text !== 'string') throw codedError('The "url" argument must be of type string', 'ERR_INVALID_ARG_TYPE');
  const url = new Url();
  const trimmed = text.trim();
  let [, protocol, slashes, auth, hostname, port, pathname, search, hash] = pattern.exec(trimmed);
  if (protocol === undefined && slashes !== undefined && !slashesDenoteHost) {
    [, pathname, search, hash] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(trimmed);
    slashes = auth = hostname = port = undefined;
  }
  url.protocol = protocol?.toLowerCase() ?? null;
  if (slashes !== undefined) {
    url.slashes = true;
    url.auth = auth === undefined ? null : decodeURIComponent(auth);
    url.hostname = hostname.toLowerCase();
    url.port = port || null;
    url.host = url.hostname + (url.port === null ? '' : `:${url.port}`);
    if (pathname === '') pathname = '/';
  }
  url.pathname = pathname === '' ? null : pathname;
  url.search = search ?? (parseQuery ? '' : null);
  url.query = parseQuery ? querystring.parse(search?.slice(1) ?? '') : search?.slice(1) ?? null;
  url.path = (url.pathname ?? '') + (search ?? '') || null;
  url.hash = hash ?? null;
  url.href = format(url);
  return url;
}

function format(url, options) {
  if (typeof url === 'string') return parse(url).href;
  if (url instanceof URL) {
    const copy = new URL(url.href);
    if (options?.auth === false) copy.username = copy.password = '';
    if (options?.fragment === false) copy.hash = '';
    if (options?.search === false) copy.search = '';
    return copy.href;
  }
  let protocol = url.protocol ?? '';
  if (protocol !== '' && !protocol.endsWith(':')) protocol += ':';
  let host = '';
  if (url.host) host = url.host;
  else if (url.hostname) host = (url.hostname.includes(':') && !url.hostname.startsWith('[') ? `[${url.hostname}]` : url.hostname) + (url.port ? `:${url.port}` : '');
  if (url.auth && host !== '') host = `${encodeURIComponent(url.auth).replace(/%3A/i, ':')}@${host}`;
  let pathname = (url.pathname ?? '').replaceAll('?', '%3F').replaceAll('#', '%23');
  const usesSlashes = url.slashes || (/^(https?|ftp|gopher|file):$/.test(protocol) && host !== '');
  if (usesSlashes) {
    host = `//${host}`;
    if (pathname !== '' && !pathname.startsWith('/')) pathname = `/${pathname}`;
  }
  let search = url.search ?? (url.query !== null && typeof url.query === 'object' && Object.keys(url.query).length > 0 ? `?${querystring.stringify(url.query)}` : '');
  if (search !== '' && !search.startsWith('?')) search = `?${search}`;
  let hash = url.hash ?? '';
  if (hash !== '' && !hash.startsWith('#')) hash = `#${hash}`;
  return protocol + host + pathname + search.replaceAll('#', '%23') + hash;
}

function resolve(from, to) {
  const base = new URL(to, new URL(from, 'resolve://'));
  return base.protocol === 'resolve:' ? base.pathname + base.search + base.hash : base.href;
}

function urlToHttpOptions(url) {
  const options = {
    protocol: url.protocol, hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'), hash: url.hash, search: url.search,
    pathname: url.pathname, path: `${url.pathname}${url.search}`, href: url.href,
  };
  if (url.port !== '') options.port = Number(url.port);
  if (url.username !== '' || url.password !== '') options.auth = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return options;
}

Object.assign(exports, {
  Url, parse, format, resolve, resolveObject: (from, to) => parse(resolve(from, to)), URL, URLSearchParams,
  domainToASCII: web.domainToASCII, domainToUnicode: web.domainToUnicode, fileURLToPath, pathToFileURL, urlToHttpOptions,
});
