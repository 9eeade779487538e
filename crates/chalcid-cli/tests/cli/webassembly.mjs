// WebAssembly as a program meets it: every way to a module, what its objects look like, errors, streaming, clones.
const bytes = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 9, 2, 96, 1, 127, 1, 127, 96, 0, 0, 2, 7, 1, 1, 109, 1, 102, 0, 0, 3, 3, 2, 0, 1, 7, 17, 2, 6,
  116, 119, 105, 99, 101, 45, 0, 1, 4, 116, 114, 97, 112, 0, 2, 10, 15, 2, 9, 0, 32, 0, 16, 0, 32, 0, 106, 11, 3, 0, 0, 11,
]);
const imports = { m: { f: (x) => x + 1 } };
console.log(WebAssembly.validate(bytes), WebAssembly.validate(bytes.slice(1)));
const module = new WebAssembly.Module(bytes);
console.log(WebAssembly.Module.imports(module), WebAssembly.Module.exports(module));
const instance = new WebAssembly.Instance(module, imports);
console.log(instance.exports['twice-'](20), instance.exports);
const both = await WebAssembly.instantiate(bytes, imports);
console.log(Object.keys(both), both.instance.exports['twice-'](1), (await WebAssembly.instantiate(both.module, imports)) instanceof WebAssembly.Instance);
const type = { headers: { 'content-type': 'application/wasm' } };
console.log((await WebAssembly.instantiateStreaming(new Response(bytes, type), imports)).instance.exports['twice-'](2));
console.log(await WebAssembly.compileStreaming(Promise.resolve(new Response(bytes, type))) instanceof WebAssembly.Module);
for (const bad of [() => new Response(bytes), () => new Response(bytes, { headers: { 'content-type': 'text/html' } }), () => new Response(bytes, { ...type, status: 404 }), () => 5, () => Promise.reject(new RangeError('passed on'))]) {
  await WebAssembly.compileStreaming(bad()).catch((error) => console.log(error.name, error.message));
}
console.log([module, instance, new WebAssembly.Memory({ initial: 1 }), new WebAssembly.Table({ element: 'anyfunc', initial: 1 }), new WebAssembly.Global({ value: 'i32' })], Object.prototype.toString.call(WebAssembly));
for (const action of [() => new WebAssembly.Module(bytes.slice(0, 20)), () => new WebAssembly.Instance(module, { m: {} }), () => new WebAssembly.Instance(module), () => instance.exports.trap(), () => new WebAssembly.Memory({ initial: 1e9 })]) {
  try { action(); } catch (error) { console.log(error.name, error instanceof Error, error.message.length > 0); }
}
const clone = structuredClone({ module });
console.log(clone.module !== module, new WebAssembly.Instance(clone.module, imports).exports['twice-'](5));
for (const unclonable of [instance, new WebAssembly.Memory({ initial: 0 })]) { try { structuredClone(unclonable); } catch (error) { console.log(error.name); } }
const memory = new WebAssembly.Memory({ initial: 1 });
try { structuredClone(memory.buffer, { transfer: [memory.buffer] }); } catch (error) { console.log(error.name, memory.buffer.byteLength); }
let settled = 0;
for (let index = 0; index < 20; index++) WebAssembly.compile(bytes).then(() => settled++);
setTimeout(() => {}, 0);
process.on('exit', () => console.log('settled', settled));
