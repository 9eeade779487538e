// rounds: 20000
// exception -> payload -> the exception's object -> exception; thrown by WebAssembly, and made by JavaScript.

const { raise, tag } = instantiate({
  tags: [[EXTERNREF]],
  funcs: [{ type: [[EXTERNREF], []], body: [0x20, 0, 0x08, 0] }],
  exports: { raise: ["func", 0], tag: ["tag", 0] },
});

globalThis.round = () => {
  const payload = {};
  try {
    raise(payload);
  } catch (error) {
    payload.error = error;
  }
  payload.own = new WebAssembly.Exception(tag, [payload]);
  if (payload.error.getArg(tag, 0) !== payload || payload.own.getArg(tag, 0) !== payload) fail("the payload is lost");
};
