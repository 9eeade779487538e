// fs in its three faces.
import fs from 'node:fs';
import { promises as fsp } from 'fs';
import path from 'node:path';
import os from 'node:os';
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'files-'));
const at = (...names) => path.join(dir, ...names);
const plain = (text) => `${text}`.replaceAll(dir, 'DIR');
fs.writeFileSync(at('a.txt'), 'hello');
fs.appendFileSync(at('a.txt'), ' world');
console.log(fs.readFileSync(at('a.txt'), 'utf8'), fs.readFileSync(at('a.txt')), fs.readFileSync(new URL(`file://${at('a.txt')}`), { encoding: 'hex' }), fs.existsSync(at('a.txt')), fs.existsSync(at('none')));
fs.mkdirSync(at('x/y/z'), { recursive: true });
fs.writeFileSync(at('x/y/f.bin'), new Uint8Array([1, 2, 3]), { mode: 0o600 });
console.log(fs.readdirSync(dir), fs.readdirSync(at('x'), { withFileTypes: true }).map((e) => [e.name, e.isDirectory(), e.isFile()]), fs.readdirSync(dir, { recursive: true }).sort());
const st = fs.statSync(at('x/y/f.bin'));
console.log(st.size, st.isFile(), st.isDirectory(), (st.mode & 0o777).toString(8), st.mtime instanceof Date, st.mtimeMs > 1e12, fs.statSync(dir).isDirectory(), typeof fs.statSync(dir, { bigint: true }).size);
fs.renameSync(at('a.txt'), at('b.txt'));
fs.copyFileSync(at('b.txt'), at('c.txt'));
fs.symlinkSync('b.txt', at('link'));
console.log(fs.readlinkSync(at('link')), fs.lstatSync(at('link')).isSymbolicLink(), fs.statSync(at('link')).isFile(), plain(fs.realpathSync(at('link'))).endsWith('b.txt'));
fs.truncateSync(at('c.txt'), 4); fs.utimesSync(at('c.txt'), 1, 2); fs.chmodSync(at('c.txt'), 0o640);
console.log(fs.readFileSync(at('c.txt'), 'latin1'), fs.statSync(at('c.txt')).mtimeMs, (fs.statSync(at('c.txt')).mode & 0o777).toString(8));
for (const [name, action] of Object.entries({
  open: () => fs.readFileSync(at('missing')), isdir: () => fs.readFileSync(dir), mkdir: () => fs.mkdirSync(at('x')), rmdir: () => fs.rmdirSync(at('x')),
  unlink: () => fs.unlinkSync(at('missing')), stat: () => fs.statSync(at('missing')), scandir: () => fs.readdirSync(at('b.txt')), rename: () => fs.renameSync(at('missing'), at('q')),
  access: () => fs.accessSync(at('missing')), type: () => fs.readFileSync(5.5), arg: () => fs.readFileSync({}), exclusive: () => fs.writeFileSync(at('b.txt'), '', { flag: 'wx' }), fd: () => fs.closeSync(12345), nul: () => fs.readFileSync('a\0b'),
})) { try { action(); console.log(name, 'no error'); } catch (error) { console.log(name, error.name, error.code, error.syscall, plain(error.message)); } }
const fd = fs.openSync(at('rw'), 'w+');
const buffer = Buffer.alloc(8);
console.log(fs.writeSync(fd, 'abcdef'), fs.writeSync(fd, Buffer.from('XY'), 0, 2, 1), fs.readSync(fd, buffer, 2, 4, 0), buffer.toString('latin1'), fs.fstatSync(fd).size, fs.readSync(fd, buffer, { position: 4 }));
fs.ftruncateSync(fd, 2); fs.fsyncSync(fd); fs.closeSync(fd);
console.log(fs.readFileSync(at('rw'), 'utf8'), fs.statSync(at('none'), { throwIfNoEntry: false }));
await fsp.writeFile(at('p.txt'), 'promised');
console.log(await fsp.readFile(at('p.txt'), 'utf8'), (await fsp.stat(at('p.txt'))).size, await fsp.readdir(at('x', 'y')), await fsp.access(at('p.txt')));
await fsp.readFile(at('nope')).catch((error) => console.log(error.code, plain(error.message)));
const handle = await fsp.open(at('p.txt'), 'r+');
console.log((await handle.read(Buffer.alloc(3), 0, 3, 0)).bytesRead, (await handle.stat()).size, (await handle.write('!!', 0)).bytesWritten, await handle.readFile('utf8').then((t) => t.length > 0));
await handle.close();
fs.readFile(at('p.txt'), 'utf8', (error, text) => {
  console.log('callback', error, text);
  fs.readFile(at('gone'), (error2, data) => {
    console.log(error2.code, data);
    fs.cpSync(at('x'), at('copy'), { recursive: true });
    console.log(fs.readdirSync(at('copy', 'y')));
    fs.rmSync(dir, { recursive: true });
    fs.rmSync(dir, { force: true });
    console.log(fs.existsSync(dir), fs.constants.O_CREAT, Object.keys(fs.promises).includes('readFile'));
  });
});
