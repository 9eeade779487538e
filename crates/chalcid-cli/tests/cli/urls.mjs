// URL, URLSearchParams and node:url.
import url, { fileURLToPath, pathToFileURL } from 'node:url';
const u = new URL('https://user:pass@Example.COM:8080/a/../b/./c?x=1&y=2#frag');
console.log(u.href, u.origin, u.host, u.hostname, u.port, u.pathname, u.search, u.hash, u.username, u.password, `${u}`, JSON.stringify({ u }));
u.searchParams.append('z', 'a b&c');
u.searchParams.delete('x');
console.log(u.href);
u.search = '?q=1';
console.log([...u.searchParams], u.searchParams.get('q'));
u.port = '443'; u.protocol = 'http'; u.hash = ''; u.pathname = '/new path'; u.host = 'other.org:99'; u.username = 'me';
console.log(u.href);
console.log(new URL('../up', 'http://a/b/c/d').href, new URL('//host/x', 'https://a').href, new URL('?q', 'http://a/b').href, new URL('file:///tmp/x y').href, new URL('http://ünï.example/ä').href);
for (const bad of ['', 'nonsense', 'http://', 'http://a b']) { try { new URL(bad); console.log('ok?'); } catch (error) { console.log(error.name, error.code, error.message, error.input); } }
console.log(URL.canParse('x:'), URL.canParse('../x'), URL.canParse('../x', 'http://a'));
const p = new URLSearchParams('?a=1&b=2&a=3&c=%20+x&d');
console.log([...p.keys()], p.getAll('a'), p.get('c'), p.get('d'), p.has('b'), p.has('b', '3'), p.size, p.toString());
p.set('a', '9'); p.sort(); p.append('é', '~!*()\'');
console.log(p.toString(), [...new URLSearchParams({ x: '1', y: '2' })], [...new URLSearchParams([['k', 'v']])], new URLSearchParams(new Map([['m', 'n']])).toString());
p.forEach((value, name) => console.log(name, value));
console.log(u, new URLSearchParams('a=1'), new URLSearchParams());
console.log(fileURLToPath('file:///tmp/a%20b'), pathToFileURL('/tmp/a b#c?d%').href, url.parse('http://u:p@host:80/p/a?q=1#h').pathname, url.format({ protocol: 'http', host: 'h', pathname: '/x', query: { a: 1 } }), url.resolve('/one/two', 'three'));
try { fileURLToPath('http://x'); } catch (error) { console.log(error.code); }
console.log(url.parse('/a/b?c=d', true).query.c, url.urlToHttpOptions(new URL('http://a:b@c:1/d?e')).auth);
