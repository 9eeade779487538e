// Buffer.
import { Buffer } from 'node:buffer';
import { StringDecoder } from 'node:string_decoder';
const b = Buffer.from('héllo €😀');
console.log(b, b.length, b.toString(), b.toString('hex'), b.toString('base64'), b.toString('base64url'), b.toString('latin1'), b.toString('ascii', 0, 1), b.toString('utf8', 1, 3));
console.log(Buffer.from('68656c6c6f', 'hex').toString(), Buffer.from('aGVsbG8', 'base64').toString(), Buffer.from('_-8', 'base64url'), Buffer.from('zz', 'hex'), Buffer.from('é', 'latin1'), Buffer.from('ab', 'utf16le'), Buffer.from('aGk=\naGk=', 'base64').toString());
console.log(Buffer.alloc(3), Buffer.alloc(5, 'ab'), Buffer.alloc(3, 1), Buffer.concat([Buffer.from('a'), Buffer.from('bc')]), Buffer.from([1, 256, -1]), Buffer.from(new Uint16Array([1, 257])), Buffer.from(new ArrayBuffer(4), 1, 2));
console.log(Buffer.byteLength('€'), Buffer.byteLength('aGk=', 'base64'), Buffer.isBuffer(b), Buffer.isBuffer(new Uint8Array()), Buffer.compare(Buffer.from('a'), Buffer.from('b')), Buffer.from('a').equals(new Uint8Array([97])), Buffer.isEncoding('UTF-8'));
const n = Buffer.alloc(16);
n.writeUInt8(200, 0); n.writeInt16LE(-2, 1); n.writeUInt32BE(0xdeadbeef, 3); n.writeDoubleLE(1.5, 7);
console.log(n, n.readUInt8(0), n.readInt16LE(1), n.readUInt32BE(3).toString(16), n.readDoubleLE(7), n.readUIntBE(3, 3), n.readIntLE(3, 3));
n.writeBigUInt64LE(2n ** 63n, 8);
console.log(n.readBigUInt64LE(8), n.readBigInt64LE(8), n.writeUIntBE(0x123456, 0, 3), n.readUIntBE(0, 3).toString(16), n.writeIntLE(-5, 0, 6), n.readIntLE(0, 6));
try { n.readUInt32LE(13); } catch (error) { console.log(error.name, error.code, error.message); }
try { n.writeUInt8(256, 0); } catch (error) { console.log(error.name, error.code); }
try { Buffer.from(null); } catch (error) { console.log(error.name, error.code); }
console.log(b.indexOf('l'), b.lastIndexOf('l'), b.indexOf('zz'), b.includes('€'), b.indexOf(0x6c, 4), b.indexOf(Buffer.from('lo')), b.indexOf('l', -20));
const s = b.subarray(0, 4);
s[0] = 72;
console.log(b.toString(), s instanceof Buffer, b.slice(-4).toString(), [...Buffer.from('abc').entries()].length, Buffer.from('abc').reverse().toString(), JSON.stringify(Buffer.from('hi')));
console.log(Buffer.from('abcdef').fill('xy', 1, 5).toString(), Buffer.from('aabb').swap16().toString(), b.copy(n, 2, 0, 3), n.toString('utf8', 2, 4), n.write('ünï', 1, 2), n.write('ff', 0, 'hex'), Buffer.from('abc') + '', Buffer.from('x').toJSON());
const d = new StringDecoder('utf8');
console.log([Buffer.from([0xe2]), Buffer.from([0x82]), Buffer.from([0xac, 0x61])].map((x) => d.write(x)), d.end());
console.log(Buffer.alloc(60), Buffer.from('x'.repeat(3)).map((v) => v + 1), Buffer.from('abc').at(-1), Buffer.from(Buffer.from('copy')).toString(), Buffer.of(1, 2));
