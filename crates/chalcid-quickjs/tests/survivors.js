"use strict";
// Random graphs that run through both heaps, with a model that knows what must live and what must not.
//
// The model names things by number and never holds them. A thing is reached from the roots by its edges, in the model and in truth at once;
// every one on the way must be what the model says. What the model cannot reach must be gone after a collection. `gc()` lets QuickJS collect,
// `soon()` when it allocates next, and `collect()` collects all that there is.

const world = new WebAssembly.Module(
  wat(`(module
    (rec
      (type $struct (struct (field $id i32) (field $value (mut externref)) (field $object (mut anyref)) (field $func (mut (ref null $self)))))
      (type $self (func (result i32))))
    (type $array (array (mut externref)))
    (import "" "fetch" (func $fetch (result externref anyref)))
    (import "" "during" (func $during))
    (import "" "take" (func $take (param anyref anyref)))
    (import "" "id" (global $number i32))
    (tag $tag (export "tag") (param externref anyref i32))
    (global $object (mut anyref) (ref.null any))
    (table $values 1 externref)
    (table $funcs 1 (ref null $self))
    (elem declare func $id)
    (func $id (export "id") (type $self) (global.get $number))

    (func $struct (param anyref) (result (ref $struct)) (ref.cast (ref $struct) (local.get 0)))
    (func (export "new_struct") (param i32) (result anyref)
      (struct.new $struct (local.get 0) (ref.null extern) (ref.null any) (ref.null $self)))
    (func (export "struct_id") (param anyref) (result i32) (struct.get $struct $id (call $struct (local.get 0))))
    (func (export "struct_get_value") (param anyref) (result externref) (struct.get $struct $value (call $struct (local.get 0))))
    (func (export "struct_set_value") (param anyref externref) (struct.set $struct $value (call $struct (local.get 0)) (local.get 1)))
    (func (export "struct_get_object") (param anyref) (result anyref) (struct.get $struct $object (call $struct (local.get 0))))
    (func (export "struct_set_object") (param anyref anyref) (struct.set $struct $object (call $struct (local.get 0)) (local.get 1)))
    (func (export "struct_call") (param anyref) (result i32) (call_ref $self (struct.get $struct $func (call $struct (local.get 0)))))
    (func (export "struct_set_own_func") (param anyref) (struct.set $struct $func (call $struct (local.get 0)) (ref.func $id)))
    (func (export "struct_clear_func") (param anyref) (struct.set $struct $func (call $struct (local.get 0)) (ref.null $self)))

    (func (export "new_array") (result anyref) (array.new $array (ref.null extern) (i32.const 3)))
    (func (export "array_get") (param anyref i32) (result externref) (array.get $array (ref.cast (ref $array) (local.get 0)) (local.get 1)))
    (func (export "array_set") (param anyref i32 externref) (array.set $array (ref.cast (ref $array) (local.get 0)) (local.get 1) (local.get 2)))

    (func (export "get_object") (result anyref) (global.get $object))
    (func (export "set_object") (param anyref) (global.set $object (local.get 0)))
    (func (export "get_value") (result externref) (table.get $values (i32.const 0)))
    (func (export "set_value") (param externref) (table.set $values (i32.const 0) (local.get 0)))
    (func (export "set_func_of") (param anyref)
      (table.set $funcs (i32.const 0) (struct.get $struct $func (call $struct (local.get 0)))))
    (func (export "clear_func") (table.set $funcs (i32.const 0) (ref.null $self)))
    (func (export "call_func") (result i32) (call_indirect $funcs (type $self) (i32.const 0)))

    ;; Holds what JavaScript has no more, while JavaScript does what it likes: in locals, and the function of a structure as such.
    (func (export "hold") (result externref anyref)
      (local $value externref) (local $object anyref) (local $fresh (ref $struct)) (local $func (ref null $self)) (local $id i32)
      (call $fetch) (local.set $object) (local.set $value)
      (if (ref.test (ref $struct) (local.get $object))
        (then (local.set $func (struct.get $struct $func (call $struct (local.get $object))))))
      (if (ref.is_null (local.get $func)) (then (local.set $func (ref.func $id))))
      (local.set $id (call_ref $self (local.get $func)))
      (local.set $fresh (struct.new $struct (i32.const -1) (local.get $value) (local.get $object) (ref.func $id)))
      (local.set $value (ref.null extern))
      (local.set $object (ref.null any))
      (call $during)
      (if (i32.ne (call_ref $self (local.get $func)) (local.get $id)) (then unreachable))
      (if (i32.ne (call_ref $self (struct.get $struct $func (local.get $fresh))) (global.get $number)) (then unreachable))
      (struct.get $struct $value (local.get $fresh)) (struct.get $struct $object (local.get $fresh)))
    ;; The same, in an exception.
    (func (export "hold_exception") (result externref anyref)
      (local $exception exnref)
      (local.set $exception
        (block $caught (result exnref)
          (try_table (catch_all_ref $caught) (call $fetch) (throw $tag (i32.const 7)))
          unreachable))
      (call $during)
      (block $again (result externref anyref i32)
        (try_table (catch $tag $again) (throw_ref (local.get $exception)))
        unreachable)
      drop)
    ;; Only the call under way has the second argument, when the first becomes an object of JavaScript.
    (func (export "hold_arguments")
      (local $object anyref)
      (call $fetch) (local.set $object) drop
      (call $during)
      (call $take (struct.new $struct (i32.const -1) (ref.null extern) (ref.null any) (ref.null $self)) (local.get $object)))
    ;; The function alone: nothing else leads to its instance.
    (func (export "hold_function") (result i32)
      (local $func (ref null $self)) (local $object anyref)
      (call $fetch) (local.set $object) drop
      (local.set $func (struct.get $struct $func (call $struct (local.get $object))))
      (local.set $object (ref.null any))
      (call $during)
      (call_ref $self (local.get $func))))`),
);

let during, fetched, taken;
const imports = {
  fetch: () => fetched.splice(0),
  during: () => during(),
  take: (_, it) => void (taken = it),
};
const instance = (id) => new WebAssembly.Instance(world, { "": { ...imports, id } }).exports;
const wasm = instance(0);
// Functions are made when they are first asked for: of this instance, now, so that a run adds nothing that stays.
Object.values(wasm);

const isObject = (kind) => kind === "struct" || kind === "array";
// For each kind: how one is made, what its number is, and its slots: which kinds fit, and how they are written and read. A slot that holds a
// function is read by calling it: `call` gives the number of the instance.
const kinds = {
  plain: {
    make: (id) => ({ id, slots: [null, null] }),
    id: (it) => it.id,
    slots: [0, 1].map((i) => ({ get: (it) => it.slots[i], set: (it, to) => void (it.slots[i] = to) })),
  },
  closure: {
    make: (id) => {
      let held = null;
      return (...args) => (args.length ? void (held = args[0]) : [id, held]);
    },
    id: (it) => it()[0],
    slots: [{ get: (it) => it()[1], set: (it, to) => it(to) }],
  },
  struct: {
    make: wasm.new_struct,
    id: wasm.struct_id,
    slots: [
      { get: wasm.struct_get_value, set: wasm.struct_set_value },
      { fits: isObject, get: wasm.struct_get_object, set: wasm.struct_set_object },
      {
        fits: (kind) => kind === "instance",
        call: wasm.struct_call,
        set: (it, to) => (to ? to.struct_set_own_func(it) : wasm.struct_clear_func(it)),
      },
    ],
  },
  array: {
    make: (id) => {
      const it = wasm.new_array();
      wasm.array_set(it, 0, id);
      return it;
    },
    id: (it) => wasm.array_get(it, 0),
    slots: [1, 2].map((i) => ({ get: (it) => wasm.array_get(it, i), set: (it, to) => wasm.array_set(it, i, to) })),
  },
  instance: {
    make: instance,
    id: (it) => it.id(),
    slots: [
      { fits: isObject, get: (it) => it.get_object(), set: (it, to) => it.set_object(to) },
      { get: (it) => it.get_value(), set: (it, to) => it.set_value(to) },
      {
        fits: (kind) => kind === "instance",
        call: (it) => it.call_func(),
        set: (it, to) => {
          if (!to) return it.clear_func();
          const struct = wasm.new_struct(-1);
          to.struct_set_own_func(struct);
          it.set_func_of(struct);
        },
      },
    ],
  },
  exception: {
    // What it carries never changes: it carries a plain object, which is part of it.
    make: (id) => new WebAssembly.Exception(wasm.tag, [{ held: null }, null, id]),
    id: (it) => it.getArg(wasm.tag, 2),
    slots: [
      { get: (it) => it.getArg(wasm.tag, 0).held, set: (it, to) => void (it.getArg(wasm.tag, 0).held = to) },
    ],
  },
  global: {
    make: (id) => Object.assign(new WebAssembly.Global({ value: "externref", mutable: true }, null), { id }),
    id: (it) => it.id,
    slots: [{ get: (it) => it.value, set: (it, to) => void (it.value = to) }],
  },
  table: {
    make: (id) => {
      const it = new WebAssembly.Table({ element: "externref", initial: 3 }, null);
      it.set(0, id);
      return it;
    },
    id: (it) => it.get(0),
    slots: [1, 2].map((i) => ({ get: (it) => it.get(i), set: (it, to) => it.set(i, to) })),
  },
};
const names = Object.keys(kinds);

globalThis.play = (seed, steps) => {
  let state = seed * 2654435761 + 12345;
  const random = (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
  let next = 1;
  const model = new Map(); // number → { kind, slots: numbers or null }
  const roots = new Map(); // number → the thing itself
  const weak = new Map(); // number → WeakRef, where the thing has one object for life

  const create = () => {
    const id = next++;
    const kind = names[random(names.length)];
    const it = kinds[kind].make(id);
    model.set(id, { kind, slots: kinds[kind].slots.map(() => null) });
    if (!isObject(kind)) weak.set(id, new WeakRef(it));
    roots.set(id, it);
  };
  // A thing that is reached from a root in some steps: [number, thing].
  const wander = () => {
    const all = [...roots];
    if (!all.length) return undefined;
    let [id, it] = all[random(all.length)];
    for (let step = random(4); step > 0; step--) {
      const { kind, slots } = model.get(id);
      const slot = random(slots.length);
      const { get } = kinds[kind].slots[slot];
      if (slots[slot] === null || !get) continue;
      [id, it] = [slots[slot], get(it)];
    }
    return [id, it];
  };
  const connect = () => {
    const from = wander();
    const to = random(8) ? wander() : null;
    if (!from) return;
    const { kind, slots } = model.get(from[0]);
    const slot = random(slots.length);
    const { fits, set } = kinds[kind].slots[slot];
    if (to && fits && !fits(model.get(to[0]).kind)) return;
    set(from[1], to ? to[1] : null);
    slots[slot] = to ? to[0] : null;
  };
  const forget = () => {
    const ids = [...roots.keys()];
    if (ids.length) roots.delete(ids[random(ids.length)]);
  };
  const verify = () => {
    const seen = new Map();
    const queue = [...roots];
    while (queue.length) {
      const [id, it] = queue.pop();
      if (seen.has(id)) {
        same(it, seen.get(id), `identity of ${id}`);
        continue;
      }
      seen.set(id, it);
      const { kind, slots } = model.get(id);
      same(kinds[kind].id(it), id, `a ${kind}`);
      kinds[kind].slots.forEach(({ get, call }, i) => {
        if (call) {
          if (slots[i] !== null) same(call(it), slots[i], `a function of ${id}`);
        } else if (slots[i] === null) same(get(it), null, `an empty slot of ${id}`);
        else queue.push([slots[i], get(it)]);
      });
    }
    return seen;
  };
  // What the model reaches, functions' instances too.
  const living = (from) => {
    const seen = new Set(from);
    for (const id of seen) model.get(id).slots.forEach((to) => to !== null && seen.add(to));
    return seen;
  };
  const collected = () => {
    collect();
    verify();
    const alive = living(roots.keys());
    for (const id of model.keys()) {
      if (alive.has(id)) continue;
      same(weak.get(id)?.deref(), undefined, `a ${model.get(id).kind} that nothing reaches`);
      model.delete(id);
      weak.delete(id);
    }
    // A function keeps its instance, but not the object that stands for its exports.
    const whole = new Set(roots.keys());
    for (const id of alive) {
      const { kind, slots } = model.get(id);
      slots.forEach((to, i) => kinds[kind].slots[i].call || whole.add(to));
    }
    for (const [id, reference] of weak) same(whole.has(id) && reference.deref() === undefined, false, `${id} is gone`);
  };
  // Wasm alone holds two things while others come and go.
  const hold = () => {
    const [first, second] = [wander(), wander()];
    if (!first || !second || !isObject(model.get(second[0]).kind)) return;
    const ids = [first[0], second[0]];
    const func = model.get(second[0]).kind === "struct" ? model.get(second[0]).slots[2] : null;
    fetched = [first.pop(), second.pop()];
    during = () => {
      for (const id of roots.keys()) if (random(3)) roots.delete(id);
      for (let i = 0; i < 5; i++) create();
      gc();
      verify();
    };
    const how = random(func === null ? 2 : 3);
    if (how === 2) return same(wasm.hold_function(), func, "the function on the stack");
    const held = how ? wasm.hold() : wasm.hold_exception();
    ids.forEach((id, i) => roots.set(id, held[i]));
    verify();
  };

  for (let step = 0; step < steps; step++) {
    const what = random(20);
    if (!random(4)) soon();
    if (what < 5) create();
    else if (what < 14) connect();
    else if (what < 16) forget();
    else if (what < 19) hold();
    else if (random(4)) gc();
    else collected();
    if (roots.size > 25) forget();
  }
  verify();
  roots.clear();
  collected();
};
