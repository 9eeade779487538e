//! Cycles that run through the heap of WebAssembly and that of JavaScript: structures, arrays and exceptions that hold what holds them.
//!
//! Each kind of cycle is made many times, with the engine's heap collected when it is due and at every chance, and must leave nothing. The other
//! direction is in `heap_survivors.rs`: nothing that can be reached is freed.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use chalcid_quickjs::chalcid::Config;
use chalcid_quickjs::rquickjs::qjs;
use common::alive::{alive, end, stays_flat, stays_flat_under_stress, weak_references_see_them_die};
use common::{context, context_with, run_in};

/// Checks a kind of cycle in both modes.
fn leaves_nothing(setup: &str, round: &str) {
    stays_flat(setup, round);
    stays_flat_under_stress(setup, round);
}

const METHODS: &str = r#"
    globalThis.module = new WebAssembly.Module(wat(`(module
        (type $f (func (result i32)))
        (type $methods (struct (field (ref $f))))
        (type $list (array (mut funcref)))
        (import "" "f" (func $import (type $f)))
        (global $methods (mut (ref null $methods)) (ref.null $methods))
        (global $list (mut (ref null $list)) (ref.null $list))
        (table $tables 2 anyref)
        (elem declare func $g $import)
        (func $g (export "g") (type $f) (i32.add (call $import) (i32.const 1)))
        (func (export "in_global") (global.set $methods (struct.new $methods (ref.func $g))))
        (func (export "in_table") (table.set $tables (i32.const 1) (struct.new $methods (ref.func $g))))
        (func (export "import_in_global") (global.set $methods (struct.new $methods (ref.func $import))))
        (func (export "in_array") (global.set $list (array.new_fixed $list 3 (ref.func $g) (ref.null func) (ref.func $import))))
        (func (export "call") (result i32) (call_ref $f (struct.get $methods 0 (global.get $methods))))
        (func (export "methods") (result anyref) (global.get $methods)))`));
    globalThis.make = (f = () => 1) => new WebAssembly.Instance(module, { "": { f } }).exports;
"#;

#[test]
fn an_instance_whose_global_holds_a_structure_with_its_function() {
    leaves_nothing(METHODS, "const { in_global, call } = make(); in_global(); same(call(), 2);");
}

#[test]
fn an_instance_whose_table_holds_a_structure_with_its_function() {
    leaves_nothing(METHODS, "make().in_table();");
}

#[test]
fn an_instance_whose_global_holds_an_array_of_its_functions() {
    leaves_nothing(METHODS, "make().in_array();");
}

#[test]
fn a_structure_with_an_imported_function_that_holds_the_instance() {
    leaves_nothing(
        METHODS,
        "let exports; exports = make(() => exports ? 5 : 0); exports.import_in_global(); same(exports.call(), 5);",
    );
}

#[test]
fn an_instance_whose_structure_has_an_object() {
    leaves_nothing(METHODS, "const { in_global, methods } = make(); in_global(); methods();");
}

const VALUES: &str = r#"
    globalThis.module = new WebAssembly.Module(wat(`(module
        (type $node (struct (field (mut externref)) (field (mut anyref))))
        (type $values (array (mut externref)))
        (import "" "f" (func $f))
        (tag $tag (export "tag") (param externref))
        (table $exceptions 1 exnref)
        (table (export "nodes") 2 anyref)
        (global $node (export "any") (mut anyref) (ref.null any))
        (func (export "keep") (param externref) (global.set $node (struct.new $node (local.get 0) (ref.null any))))
        (func (export "keep_many") (param externref) (global.set $node (array.new $values (local.get 0) (i32.const 5))))
        (func (export "node") (param externref anyref) (result anyref) (struct.new $node (local.get 0) (local.get 1)))
        (func (export "set") (param anyref externref) (struct.set $node 0 (ref.cast (ref $node) (local.get 0)) (local.get 1)))
        (func (export "get") (param anyref) (result externref) (struct.get $node 0 (ref.cast (ref $node) (local.get 0))))
        (func (export "link") (param anyref anyref) (struct.set $node 1 (ref.cast (ref $node) (local.get 0)) (local.get 1)))
        (func (export "raise") (param externref) (throw $tag (local.get 0)))
        (func (export "keep_exception")
            (table.set $exceptions (i32.const 0)
                (block $caught (result exnref) (try_table (catch_all_ref $caught) (call $f)) (return))))
        (func (export "throw_kept") (throw_ref (table.get $exceptions (i32.const 0)))))`));
    globalThis.make = (f = () => {}) => new WebAssembly.Instance(module, { "": { f } }).exports;
    globalThis.shared = make();
"#;

// A closure holds what its function can see: hence functions of their own around some closures.
#[test]
fn a_structure_with_a_closure_that_holds_the_instance() {
    leaves_nothing(VALUES, "const exports = make(); exports.keep(() => exports);");
}

#[test]
fn an_array_of_closures_that_hold_the_instance() {
    leaves_nothing(VALUES, "const exports = make(); exports.keep_many(() => exports);");
}

#[test]
fn an_object_of_a_structure_that_holds_the_object() {
    leaves_nothing(VALUES, "const node = shared.node(null, null); shared.set(node, node);");
}

#[test]
fn a_structure_that_holds_an_object_that_holds_it() {
    leaves_nothing(
        VALUES,
        "const holder = {}; holder.node = shared.node(holder, null); same(shared.get(holder.node), holder);",
    );
}

#[test]
fn structures_and_javascript_objects_in_turns() {
    leaves_nothing(
        VALUES,
        "const first = {}; let next = first;
         for (let i = 0; i < 5; i++) { const link = {}; next.node = shared.node(link, shared.node(null, null)); next = link; }
         next.first = first;",
    );
}

#[test]
fn objects_of_structures_that_link_to_each_other() {
    leaves_nothing(
        VALUES,
        "const holder = {}; const a = shared.node(holder, null); const b = shared.node(null, a); shared.link(a, b); holder.b = b;",
    );
}

#[test]
fn an_exception_whose_payload_holds_it() {
    leaves_nothing(
        VALUES,
        "const payload = {}; try { shared.raise(payload); } catch (error) { payload.error = error; }
         same(payload.error.getArg(shared.tag, 0), payload);",
    );
}

#[test]
fn an_exception_made_by_javascript_whose_payload_holds_it() {
    leaves_nothing(
        VALUES,
        "const payload = {}; payload.error = new WebAssembly.Exception(shared.tag, [payload], { traceStack: true });",
    );
}

#[test]
fn an_exception_in_a_table_of_the_instance_that_its_payload_holds() {
    leaves_nothing(
        VALUES,
        "let exports; const payload = () => exports; exports = make(() => shared.raise(payload)); exports.keep_exception();
         let caught; try { exports.throw_kept(); } catch (error) { caught = error; } payload.caught = caught;",
    );
}

#[test]
fn a_value_of_javascript_in_an_exception_in_a_table() {
    leaves_nothing(VALUES, "let exports; exports = make(() => { throw () => exports; }); exports.keep_exception();");
}

#[test]
fn two_instances_with_one_structure_in_the_table_of_a_third() {
    leaves_nothing(
        r#"globalThis.tables = new WebAssembly.Module(wat(`(module (table (export "table") 1 anyref))`));
        globalThis.module = new WebAssembly.Module(wat(`(module
            (type $f (func)) (type $pair (struct (field (mut funcref)) (field (mut funcref))))
            (import "" "table" (table 1 anyref)) (elem declare func $g)
            (func $g (export "g"))
            (func (export "first") (table.set (i32.const 0) (struct.new $pair (ref.func $g) (ref.null func))))
            (func (export "second") (struct.set $pair 1 (ref.cast (ref $pair) (table.get (i32.const 0))) (ref.func $g))))`));"#,
        "const { table } = new WebAssembly.Instance(tables).exports;
         const [a, b] = [0, 1].map(() => new WebAssembly.Instance(module, { '': { table } }).exports);
         a.first(); b.second();",
    );
}

#[test]
fn a_global_with_a_structure_that_holds_the_global() {
    leaves_nothing(
        VALUES,
        "const { any, nodes } = make(); any.value = shared.node(any, null); nodes.set(0, shared.node(nodes, null));",
    );
}

#[test]
fn weak_references_see_cycles_die() {
    let (runtime, context) = context();
    context.with(|ctx| {
        run_in(&ctx, VALUES);
        weak_references_see_them_die(
            &ctx,
            "const holder = {}, exports = make(); holder.node = exports.node(holder, null); exports.keep(() => holder);
             try { exports.raise(holder); } catch (error) { holder.error = error; }
             return { holder, node: holder.node, error: holder.error, exports, weak: new WeakMap([[holder.node, holder]]) };",
            || ctx.run_gc(),
        );
    });
    end(runtime, context);
}

#[test]
fn a_long_chain_back_and_forth_between_the_heaps() {
    // No cycle: each link goes only when the one before has gone. One collection has to do.
    let (runtime, context) = context();
    context.with(|ctx| {
        run_in(&ctx, VALUES);
        run_in(&ctx, "globalThis.chain = (length) => { let next = null, first; while (length-- > 0) { const link = { next }; first ??= new WeakRef(link); next = shared.node(link, null); } return first; };");
        run_in(&ctx, "globalThis.last = chain(3); last.deref(); same(1, 1);");
        let before = alive(&runtime, &ctx).objects;
        run_in(&ctx, "globalThis.last = chain(3000);");
        ctx.run_gc();
        run_in(&ctx, "same(last.deref(), undefined);");
        assert_eq!(alive(&runtime, &ctx).objects, before);
    });
    end(runtime, context);
}

#[test]
fn one_collection_of_the_host_is_enough() {
    let (runtime, context) = context();
    context.with(|ctx| {
        run_in(&ctx, METHODS);
        run_in(&ctx, "make().in_global();");
        let before = alive(&runtime, &ctx).entities;
        run_in(&ctx, "for (let i = 0; i < 10; i++) make().in_global();");
        ctx.run_gc();
        assert_eq!(chalcid_quickjs::agent(&ctx).unwrap().entities(), before);
    });
    end(runtime, context);
}

/// A heap of structures that is large beside JavaScript's: `kept` keeps some megabytes of it.
const LARGE: &str = r#"
    globalThis.module = new WebAssembly.Module(wat(`(module
        (type $bytes (array (mut i8))) (type $node (struct (field externref) (field (ref $bytes))))
        (func (export "node") (param externref i32) (result anyref)
            (struct.new $node (local.get 0) (array.new_default $bytes (local.get 1)))))`));
    globalThis.node = new WebAssembly.Instance(module).exports.node;
    globalThis.kept = Array.from({ length: 80 }, () => node(null, 100000));
    globalThis.cycle = () => { const holder = {}; holder.node = node(holder, 10); return new WeakRef(holder); };
"#;

#[test]
fn one_collection_of_the_host_is_enough_for_a_large_heap() {
    let (runtime, context) = context();
    context.with(|ctx| {
        run_in(&ctx, LARGE);
        for _ in 0..5 {
            run_in(&ctx, "globalThis.weak = cycle();");
            ctx.run_gc();
            run_in(&ctx, "same(weak.deref(), undefined);");
        }
    });
    end(runtime, context);
}

#[test]
fn what_a_dead_table_holds_of_the_heap_is_freed_after_the_collection() {
    let (runtime, context) = context();
    context.with(|ctx| {
        run_in(&ctx, LARGE);
        run_in(
            &ctx,
            r#"globalThis.module = new WebAssembly.Module(wat(`(module (table (export "table") 1 anyref))`));
            (() => { const { table } = new WebAssembly.Instance(module).exports; table.set(0, node(null, 4000000)); table.itself = table; })();"#,
        );
        let agent = chalcid_quickjs::agent(&ctx).unwrap();
        let before = agent.heap_size();
        ctx.run_gc();
        run_in(&ctx, "node(null, 1);");
        let after = agent.heap_size();
        assert!(after + 4_000_000 <= before, "{before} became {after}");
    });
    end(runtime, context);
}

#[test]
fn a_large_heap_delays_the_collections_that_nobody_asks_for() {
    let (runtime, context) = context();
    context.with(|ctx| {
        run_in(&ctx, LARGE);
        // SAFETY: the context is live, and so is its runtime.
        let rt = unsafe { qjs::JS_GetRuntime(ctx.as_raw().as_ptr()) };
        let due = || {
            // SAFETY: the runtime is live. It collects when it makes an object next, and then computes when it does again.
            unsafe { qjs::JS_SetGCThreshold(rt, 0) };
            run_in(&ctx, "globalThis.weak = cycle(); same({}.x, undefined);");
            // SAFETY: the runtime is live.
            unsafe { qjs::JS_GetGCThreshold(rt) as u64 }
        };
        let heap = chalcid_quickjs::agent(&ctx).unwrap().heap_size();
        assert!(heap >= 8_000_000, "{heap}");
        assert!(due() >= heap, "{heap}");
        run_in(&ctx, "kept = null;");
        chalcid_quickjs::collect_garbage(&ctx);
        assert!(due() < heap / 2);
    });
    end(runtime, context);
}

#[test]
fn a_large_heap_is_collected_where_quickjs_may_not_allocate_as_much() {
    let (runtime, context) = context();
    context.with(|ctx| run_in(&ctx, LARGE));
    runtime.set_memory_limit(6 << 20);
    context.with(|ctx| {
        run_in(&ctx, "for (let i = 0; i < 20000; i++) cycle();");
        ctx.run_gc();
        run_in(&ctx, "globalThis.weak = cycle();");
        ctx.run_gc();
        run_in(&ctx, "same(weak.deref(), undefined);");
    });
    end(runtime, context);
}

#[test]
fn a_heap_full_of_cycles_is_not_full() {
    // The arrays fill the heap long before QuickJS has reason to collect.
    let (runtime, context) = context_with(Config::new().heap_limit(4 << 20));
    context.with(|ctx| {
        run_in(
            &ctx,
            r#"globalThis.module = new WebAssembly.Module(wat(`(module
                (type $bytes (array (mut i8))) (type $node (struct (field externref) (field (ref $bytes))))
                (func (export "node") (param externref) (result anyref)
                    (struct.new $node (local.get 0) (array.new_default $bytes (i32.const 100000)))))`));
            const { node } = new WebAssembly.Instance(module).exports;
            for (let i = 0; i < 1000; i++) { const holder = {}; holder.node = node(holder); }
            const kept = [];
            throws(InternalError, () => { for (;;) kept.push(node(null)); }, /out of memory/);"#,
        );
    });
    end(runtime, context);
}
