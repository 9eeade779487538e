// status: 1
// A trap that nobody catches shows the frames of both languages.
const bytes = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11]);
function call() {
  new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.f();
}
call();
