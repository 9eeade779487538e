// The globals are there, look like others' and can be replaced.
const names = ['console', 'setTimeout', 'clearTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'TextEncoder', 'TextDecoder', 'URL', 'URLSearchParams', 'performance', 'atob', 'btoa', 'structuredClone', 'crypto', 'fetch', 'Response', 'Request', 'Headers', 'Event', 'EventTarget', 'AbortController', 'AbortSignal', 'Blob', 'Buffer', 'process', 'global', 'globalThis', 'ReadableStream', 'DOMException'];
console.log(names.filter((name) => !(name in globalThis) || typeof globalThis[name] === 'undefined'));
console.log(Object.keys(globalThis).filter((key) => names.includes(key) && !['console', 'fetch', 'crypto', 'performance', 'structuredClone', 'atob', 'btoa', 'queueMicrotask', 'setTimeout', 'clearTimeout', 'setInterval', 'setImmediate', 'global'].includes(key)));
console.log(names.every((name) => Object.getOwnPropertyDescriptor(globalThis, name)?.configurable !== false));
globalThis.fetch = () => 'replaced'; console.log(fetch());
const random = crypto.getRandomValues(new Uint8Array(8)); console.log(random.length, random.some(Boolean), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()));
try { crypto.getRandomValues(new Float32Array(1)); } catch (error) { console.log(error.name); }
try { crypto.getRandomValues(new Uint8Array(65537)); } catch (error) { console.log(error.name); }
console.log(Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc'))).toString('hex'));
const { createHash, createHmac, randomBytes, timingSafeEqual, randomInt } = await import('node:crypto');
console.log(createHash('sha1').update('a').update(Buffer.from('bc')).digest('hex'), createHmac('sha256', 'key').update('data').digest('base64'), randomBytes(4).length, timingSafeEqual(Buffer.from('a'), Buffer.from('a')), randomInt(5) < 5);
const blob = new Blob(['ab', new Uint8Array([99])], { type: 'text/x' }); console.log(blob.size, blob.type, await blob.text(), await blob.slice(1, 2).text(), blob instanceof Blob);
console.log(await new Response('body').text(), new Response(null, { status: 204 }).ok, await Response.json({ a: 1 }).json(), new Headers({ B: '2', a: ' 1 ' }).get('A'), [...new Headers([['x', '1'], ['X', '2']])]);
const req = new Request('http://host/path', { method: 'post', body: 'x' }); console.log(req.method, req.url, req.headers.get('content-type'), await req.text());
const stream = new ReadableStream({ start(c) { c.enqueue(1); c.enqueue(2); c.close(); } }); const got = []; for await (const v of stream) got.push(v); console.log(got);
console.log(typeof process.hrtime.bigint(), process.hrtime().length, process.platform.length > 0, typeof process.env.PATH, process.env.NOT_SET, 'PATH' in process.env, process.cwd().length > 0, typeof process.versions.node, process.pid > 0);
console.log(typeof performance.now(), performance.timeOrigin > 1e12, [setTimeout, fetch].every((f) => typeof f === 'function'));
