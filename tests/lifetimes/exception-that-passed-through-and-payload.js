// rounds: 20000
// exception -> payload -> object -> exception, made by JavaScript and by code, and passed through code by reference.

const module = new WebAssembly.Module(wasm({
  imports: [["", "f", "func", [[], []]]],
  tags: [[EXTERNREF]],
  funcs: [
    { type: [[EXTERNREF], []], body: [0x20, 0, 0x08, 0] },
    // Catches anything by reference and throws it again.
    { type: [[], []], body: [0x02, 0x69, 0x1f, 0x40, 1, 3, 0, 0x10, 0, 0x0b, 0x0f, 0x0b, 0x0a] },
  ],
  exports: { tag: ["tag", 0], raise: ["func", 1], again: ["func", 2] },
}));

const thrownBy = (steps) => {
  try {
    steps();
  } catch (error) {
    return error;
  }
  return fail("nothing was thrown");
};

globalThis.round = () => {
  let thrown;
  const { tag, raise, again } = new WebAssembly.Instance(module, { "": { f: () => { throw thrown; } } }).exports;
  const payload = { tag };
  const raised = thrownBy(() => raise(payload));
  payload.raised = raised;
  const cycle = { again };
  thrown = new WebAssembly.Exception(tag, [cycle], { traceStack: true });
  cycle.thrown = thrown;
  if (thrownBy(again) !== thrown || raised.getArg(tag, 0) !== payload) fail("the exception is another one");
  thrown = { raised };
  if (thrownBy(again) !== thrown) fail("the thrown value is another one");
};
