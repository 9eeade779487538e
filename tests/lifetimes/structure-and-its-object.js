// rounds: 20000
// structure -> JavaScript object -> the structure's own object -> structure, some in turns.

// Type 0 is (struct (field (mut externref)) (field (mut anyref))).
const { make, get } = instantiate({
  rawTypes: [[0x5f, 2, EXTERNREF, 1, 0x6e, 1]],
  funcs: [
    { type: [[EXTERNREF, 0x6e], [[0x64, 0]]], body: [0x20, 0, 0x20, 1, 0xfb, 0, 0] },
    { type: [[[0x63, 0]], [EXTERNREF]], body: [0x20, 0, 0xfb, 2, 0, 0] },
  ],
  exports: { make: ["func", 0], get: ["func", 1] },
});

globalThis.round = () => {
  const holder = {};
  const other = make(holder, null);
  holder.structure = make({ holder, other }, other);
  if (get(holder.structure).holder !== holder || get(other) !== holder) fail("the structures do not hold the object");
};
