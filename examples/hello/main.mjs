// The main job, step by step: fetch the bytes, compile them, give the module what it imports, call what it exports.
const response = await fetch("greeting.wasm");
const bytes = await response.arrayBuffer();

const module = new WebAssembly.Module(bytes);
console.log("imports:", WebAssembly.Module.imports(module));
console.log("exports:", WebAssembly.Module.exports(module));

const importObject = {
  console: {
    log(value) {
      console.log("the module says:", value);
    },
  },
};
const instance = new WebAssembly.Instance(module, importObject);
console.log("the export returns:", instance.exports.answer(3));
