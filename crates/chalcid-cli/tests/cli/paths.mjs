// node:path, by example.
import path, { posix } from 'node:path';
const samples = ['', '.', '..', '/', '//', 'a', 'a/', '/a', '/a/', 'a/b', 'a//b/', './a', '../a', 'a/..', 'a/../..', '/a/../../b', 'a.b', 'a.b.c', '.a', '.a.b', 'a.', '..a', '...', '/x/.hidden', 'x/y.tar.gz/', '/a/b/c.js', 'a/./b', 'file.', '//server/share'];
for (const p of samples) console.log(JSON.stringify([p, path.normalize(p), path.dirname(p), path.basename(p), path.extname(p), path.isAbsolute(p), path.parse(p)]));
console.log(path.join('a', 'b', '../c'), path.join('', ''), path.join('/a', '/b'), path.join('a', '', 'b/'), path.join('..', '..', 'x'));
console.log(path.resolve('/a', 'b', '../c'), path.resolve('/a', '/b', './c/'), path.resolve('/'), path.resolve('') === process.cwd());
console.log(path.relative('/a/b/c', '/a/d'), path.relative('/a', '/a'), path.relative('/a/b', '/'), path.relative('/', '/x/y'), path.relative('/a/b', '/a/bc'));
console.log(path.basename('a/b.txt', '.txt'), path.basename('.txt', '.txt'), path.format({ dir: '/a', base: 'b' }), path.format({ root: '/', name: 'n', ext: 'x' }), path.format({ dir: 'd', name: 'n', ext: '.e' }), path.sep, path.delimiter, path === posix);
try { path.join(1); } catch (error) { console.log(error.name, error.code); }
