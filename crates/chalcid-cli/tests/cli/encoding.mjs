// TextEncoder and TextDecoder.
const encoder = new TextEncoder();
console.log(encoder.encoding, encoder.encode('aé€😀'), encoder.encode(), encoder.encode('\ud800x'), encoder.encode(undefined).length);
const target = new Uint8Array(5);
console.log(encoder.encodeInto('aé€😀', target), target, encoder.encodeInto('', target), encoder.encodeInto('😀😀', new Uint8Array(6)));
console.log(new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 104, 105])), JSON.stringify(new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf, 104]))));
console.log(new TextDecoder().decode(new Uint8Array([0x61, 0xff, 0xe2, 0x82, 0x62, 0xf0, 0x9f, 0x98])));
for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
  try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array(bytes)); console.log('no error'); } catch (error) { console.log(error.name, error.code); }
}
const stream = new TextDecoder();
console.log([[0xe2], [0x82, 0xac, 0xf0, 0x9f], [0x98, 0x80]].map((part) => stream.decode(new Uint8Array(part), { stream: true })), JSON.stringify(stream.decode()));
console.log(new TextDecoder('utf-16le').decode(new Uint8Array([0x61, 0, 0xac, 0x20])), new TextDecoder('latin1').decode(new Uint8Array([0xe9, 0xa3])), new TextDecoder('UTF8').encoding, new TextDecoder('ascii').encoding);
console.log(new TextDecoder('shift_jis').decode(new Uint8Array([0x82, 0xa0])), new TextDecoder().decode(new DataView(new Uint8Array([65, 66]).buffer, 1)), new TextDecoder().decode(new ArrayBuffer(0)) === '');
try { new TextDecoder('nonsense'); } catch (error) { console.log(error.name, error.code, error.message); }
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
console.log(decoder.fatal, decoder.ignoreBOM, decoder.encoding, Object.prototype.toString.call(decoder));
console.log(atob('aGVsbG8='), btoa('hello'), atob(' aGk '));
try { btoa('€'); } catch (error) { console.log(error.name); }
try { atob('*'); } catch (error) { console.log(error.name); }
