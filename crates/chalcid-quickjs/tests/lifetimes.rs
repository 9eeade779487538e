//! Everything dies when nothing can reach it: each kind of cycle through both heaps, made many times, leaves nothing behind.
//!
//! A test makes and drops instances, collects, and looks at what is alive: JavaScript's objects as QuickJS counts them, and the
//! engine's entities. Both must be where they were.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use chalcid_quickjs::rquickjs::{Context, Runtime};
use common::alive::{alive, end, stays_flat, weak_references_see_them_die};
use common::{context, run_in};

const EVERYTHING: &str = r#"
    globalThis.module = new WebAssembly.Module(wat(`(module
        (import "" "f" (func $f (param i32) (result i32)))
        (memory (export "memory") 1)
        (table (export "table") 4 funcref)
        (table (export "things") 4 externref)
        (global (export "thing") (mut externref) (ref.null extern))
        (global (export "func") (mut funcref) (ref.null func))
        (elem declare func $g)
        (func $g (export "g") (param i32) (result i32) (call $f (local.get 0)))
        (func (export "self") (global.set 1 (ref.func $g)) (table.set 0 (i32.const 0) (ref.func $g))))`));
    globalThis.make = (f = (x) => x) => new WebAssembly.Instance(module, { "": { f } });
"#;

#[test]
fn instances_alone() {
    stays_flat(EVERYTHING, "make()");
}

#[test]
fn instances_that_were_used() {
    stays_flat(
        EVERYTHING,
        "const { exports } = make(); exports.g(1); exports.memory.buffer; exports.memory.grow(1); exports.table.get(0); exports.self();",
    );
}

#[test]
fn an_import_that_holds_the_instance() {
    stays_flat(EVERYTHING, "let instance; instance = make((x) => instance ? x : 0); instance.exports.g(1);");
}

#[test]
fn an_import_that_holds_an_exported_function() {
    stays_flat(EVERYTHING, "let g; g = make((x) => x > 0 ? g(x - 1) : 0).exports.g; g(3);");
}

#[test]
fn a_property_of_an_exported_function() {
    stays_flat(EVERYTHING, "const instance = make(); instance.exports.g.instance = instance;");
}

#[test]
fn a_table_of_host_references_that_holds_the_instance() {
    stays_flat(
        EVERYTHING,
        "const instance = make(); instance.exports.things.set(0, instance); instance.exports.things.set(1, instance.exports);",
    );
}

#[test]
fn a_global_that_holds_the_instance() {
    stays_flat(EVERYTHING, "const instance = make(); instance.exports.thing.value = () => instance;");
}

#[test]
fn a_table_that_holds_its_own_instances_function() {
    stays_flat(
        EVERYTHING,
        "const { exports } = make(); exports.self(); exports.table.set(1, exports.g); exports.func.value = exports.g;",
    );
}

#[test]
fn a_table_that_holds_an_imported_function() {
    stays_flat(
        r#"globalThis.module = new WebAssembly.Module(wat(`(module (import "" "f" (func $f)) (table 1 funcref) (elem (i32.const 0) $f)
            (func (export "g") (call_indirect (i32.const 0))))`));"#,
        r#"let instance; instance = new WebAssembly.Instance(module, { "": { f: () => instance } }); instance.exports.g();"#,
    );
}

#[test]
fn two_instances_that_call_each_other() {
    stays_flat(
        EVERYTHING,
        "let a, b; a = make((x) => b.exports.g(x)); b = make(a.exports.g); a.exports.table.set(0, b.exports.g); b.exports.table.set(0, a.exports.g);",
    );
}

#[test]
fn a_memory_that_holds_itself_through_its_object() {
    stays_flat(
        "",
        "const memory = new WebAssembly.Memory({ initial: 1 }); memory.self = memory; memory.buffer.memory = memory;",
    );
}

#[test]
fn a_resizable_buffer_that_holds_its_memory() {
    stays_flat(
        "",
        "const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 }); const buffer = memory.toResizableBuffer(); memory.grow(1); buffer.resize(131072); buffer.memory = memory;",
    );
}

const OBJECTS: &str = r#"
    globalThis.module = new WebAssembly.Module(wat(`(module
        (type $node (struct (field (mut externref)) (field (mut (ref null $node)))))
        (import "" "f" (func $f))
        (tag $tag (export "tag") (param externref))
        (table (export "nodes") 2 (ref null $node))
        (global (export "any") (mut anyref) (ref.null any))
        (func (export "node") (param externref (ref null $node)) (result (ref $node)) (struct.new $node (local.get 0) (local.get 1)))
        (func (export "link") (param (ref $node)) (struct.set $node 1 (local.get 0) (local.get 0)))
        (func (export "raise") (param externref) (throw $tag (local.get 0)))
        (func (export "catch") (block (result exnref) (try_table (catch_all_ref 0) (call $f)) (return)) (drop))
        (func (export "again") (block (result exnref) (try_table (catch_all_ref 0) (call $f)) (return)) (throw_ref)))`));
    globalThis.make = (f = () => {}) => new WebAssembly.Instance(module, { "": { f } }).exports;
"#;

#[test]
fn structures_and_their_objects() {
    stays_flat(
        OBJECTS,
        "const { node, link, nodes, any } = make(); const first = node({}, null); const second = node([1], first); link(first);
         nodes.set(0, second); any.value = first; any.value = second; new WeakMap([[first, second]]); nodes.set(1, nodes.get(0));",
    );
}

#[test]
fn structures_that_hold_what_holds_them_through_their_instance() {
    stays_flat(
        OBJECTS,
        "const exports = make(); exports.node(() => exports, null); exports.any.value = () => exports;",
    );
}

#[test]
fn exceptions_with_payloads() {
    stays_flat(
        OBJECTS,
        "const { raise, tag } = make(); let caught; try { raise({}); } catch (error) { caught = error; }
         caught.getArg(tag, 0).caught = 1; new WebAssembly.Exception(tag, [() => tag], { traceStack: true });
         const other = make(() => { throw caught; }); other.catch(); try { other.again(); } catch {}
         make(() => { throw { tag }; }).catch();",
    );
}

#[test]
fn weak_references_and_finalization_registries_see_everything_die() {
    let (runtime, context) = context();
    context.with(|ctx| {
        run_in(&ctx, OBJECTS);
        weak_references_see_them_die(
            &ctx,
            "const exports = make();
             const { node, nodes, any, tag } = exports;
             const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
             const things = { node, nodes, any, tag, exports, memory, fixed: memory.buffer, resizable: memory.toResizableBuffer(),
                 object: node({}, null), exception: new WebAssembly.Exception(tag, [1]), held: {} };
             nodes.set(0, things.object);
             nodes.set(1, node(things.held, null));
             return things;",
            || {
                alive(&runtime, &ctx);
                alive(&runtime, &ctx);
            },
        );
    });
    end(runtime, context);
}

#[test]
fn a_runtime_may_go_with_cycles_through_both_heaps() {
    let (runtime, context) = context();
    context.with(|ctx| {
        run_in(&ctx, OBJECTS);
        run_in(
            &ctx,
            "const { node, raise, tag } = make(); const holder = {}; holder.node = node(holder, null);
             try { raise(holder); } catch (error) { holder.error = error; } globalThis.kept = node(holder, null);",
        );
    });
    end(runtime, context);
}

#[test]
fn tables_and_globals_that_hold_each_other() {
    stays_flat(
        "",
        "const table = new WebAssembly.Table({ element: 'externref', initial: 2 }); const global = new WebAssembly.Global({ value: 'externref', mutable: true }, table); table.set(0, global); table.set(1, table);",
    );
}

#[test]
fn imported_entities() {
    stays_flat(
        r#"globalThis.module = new WebAssembly.Module(wat(`(module (import "" "m" (memory 1)) (import "" "t" (table 1 externref))
            (import "" "g" (global (mut externref))) (func (export "f") (result externref) (global.get 0)))`));"#,
        r#"const m = new WebAssembly.Memory({ initial: 1 });
        const t = new WebAssembly.Table({ element: "externref", initial: 1 });
        const g = new WebAssembly.Global({ value: "externref", mutable: true });
        const instance = new WebAssembly.Instance(module, { "": { m, t, g } });
        t.set(0, instance);
        g.value = instance;
        instance.exports.f();"#,
    );
}

#[test]
fn failed_instantiations() {
    stays_flat(
        r#"globalThis.traps = new WebAssembly.Module(wat(`(module (import "" "t" (table 10 funcref)) (memory 1) (func $f) (func $start unreachable)
            (elem (i32.const 0) $f) (start $start))`));
        globalThis.outside = new WebAssembly.Module(wat(`(module (memory 1) (data (i32.const 65536) "x"))`));"#,
        r#"const t = new WebAssembly.Table({ element: "anyfunc", initial: 10 });
        try { new WebAssembly.Instance(traps, { "": { t } }); } catch {}
        t.get(0)();
        try { new WebAssembly.Instance(traps, {}); } catch {}
        try { new WebAssembly.Instance(outside); } catch {}
        try { new WebAssembly.Module(new Uint8Array(3)); } catch {}"#,
    );
}

#[test]
fn modules_and_promises() {
    let (runtime, context) = context();
    context.with(|ctx| {
        run_in(&ctx, r#"globalThis.round = () => { const bytes = wat(`(module (func (export "f")))`);
            WebAssembly.compile(bytes); WebAssembly.instantiate(bytes).then(({ instance }) => instance.exports.f()); };"#);
        let settle = |count: usize| {
            for _ in 0..count {
                run_in(&ctx, "round()");
                chalcid_quickjs::pump_blocking(&ctx);
            }
        };
        settle(5);
        let before = alive(&runtime, &ctx);
        settle(50);
        assert_eq!(before, alive(&runtime, &ctx));
    });
    end(runtime, context);
}

#[test]
fn exceptions_that_pass_through() {
    stays_flat(
        EVERYTHING,
        "const instance = make(() => { throw instance; }); try { instance.exports.g(1); } catch (error) { same(error, instance); }",
    );
}

#[test]
fn a_runtime_may_go_at_any_time() {
    // With work under way, tasks queued, and cycles alive.
    for _ in 0..5 {
        let (runtime, context) = context();
        context.with(|ctx| {
            run_in(&ctx, EVERYTHING);
            run_in(&ctx, r#"globalThis.kept = make(() => kept); kept.exports.things.set(0, kept);
                for (let i = 0; i < 10; i++) WebAssembly.instantiate(wat("(module)")).then((x) => { globalThis.kept = x; });"#);
        });
        end(runtime, context);
    }
}

#[test]
fn a_context_dies_with_its_instances() {
    let runtime = Runtime::new().unwrap();
    let mut counts = Vec::new();
    for _ in 0..6 {
        let context = Context::full(&runtime).unwrap();
        context.with(|ctx| {
            chalcid_quickjs::init(&ctx).unwrap();
            common::add_helpers(&ctx);
            run_in(&ctx, EVERYTHING);
            run_in(
                &ctx,
                "globalThis.kept = make(() => kept); kept.exports.things.set(0, kept); kept.exports.memory.buffer;",
            );
        });
        drop(context);
        runtime.run_gc();
        counts.push(runtime.memory_usage().obj_count);
    }
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
}

#[test]
fn contexts_of_one_runtime_share_instances() {
    let (runtime, first) = context();
    let second = Context::full(&runtime).unwrap();
    let shared = first.with(|ctx| {
        run_in(&ctx, EVERYTHING);
        run_in(&ctx, "globalThis.kept = make((x) => x + 1)");
        let kept: chalcid_quickjs::rquickjs::Value<'_> = ctx.eval("kept").unwrap();
        chalcid_quickjs::rquickjs::Persistent::save(&ctx, kept)
    });
    second.with(|ctx| {
        chalcid_quickjs::init(&ctx).unwrap();
        common::add_helpers(&ctx);
        ctx.globals().set("kept", shared.restore(&ctx).unwrap()).unwrap();
        run_in(&ctx, "same(kept.exports.g(1), 2)");
    });
    drop(first);
    runtime.run_gc();
    second.with(|ctx| {
        run_in(&ctx, "same(kept.exports.g(2), 3); kept.exports.memory.grow(1); same(kept.exports.memory.buffer.byteLength, 131072);");
    });
    end(runtime, second);
}

#[test]
fn address_space_is_given_back_in_time() {
    // Each memory reserves gigabytes; the system has room for some ten thousand.
    let (runtime, context) = context();
    context.with(|ctx| {
        run_in(
            &ctx,
            "for (let i = 0; i < 30000; i++) { const memory = new WebAssembly.Memory({ initial: 0 }); memory.self = memory; }",
        );
    });
    end(runtime, context);
}
