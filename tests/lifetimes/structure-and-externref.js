// rounds: 20000
// structure -> externref -> object -> structure; instance -> global -> structure -> externref -> closure -> instance.

const NODE = [0x64, 0];
const NULL_NODE = [0x63, 0];

const module = new WebAssembly.Module(wasm({
  // (struct (field (mut externref)) (field (mut anyref)))
  rawTypes: [[0x5f, 2, EXTERNREF, 1, 0x6e, 1]],
  globals: [[0x6e, true, [0xd0, 0x71]]],
  funcs: [
    { type: [[EXTERNREF], [NODE]], body: [0x20, 0, 0xd0, 0x71, 0xfb, 0, 0] },
    { type: [[NULL_NODE], [EXTERNREF]], body: [0x20, 0, 0xfb, 2, 0, 0] },
    { type: [[NULL_NODE, 0x6e], []], body: [0x20, 0, 0x20, 1, 0xfb, 5, 0, 1] },
  ],
  exports: { kept: ["global", 0], node: ["func", 0], get: ["func", 1], link: ["func", 2] },
}));

globalThis.round = () => {
  const exports = new WebAssembly.Instance(module).exports;
  const { kept, node, get, link } = exports;
  const holder = {};
  holder.node = node(holder);
  const closure = node(() => exports);
  link(closure, holder.node);
  link(holder.node, closure);
  kept.value = closure;
  if (get(holder.node) !== holder || kept.value !== closure) fail("the structures are not what they should be");
};
