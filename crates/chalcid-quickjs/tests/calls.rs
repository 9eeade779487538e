//! Calls between the two languages: values, errors, names, and the stack that both use.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use chalcid_quickjs::chalcid::{Config, TierPolicy};
use common::{context_with, run, run_in};

#[test]
fn first_light() {
    run(r#"
        const { f } = instantiate(`(module (func (export "f") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))`);
        same(f(1, 2), 3);
    "#);
}

#[test]
fn numbers_cross_both_ways() {
    run(r#"
        const seen = [];
        const exports = instantiate(`(module
            (import "" "i" (func $i (param i32) (result i32)))
            (import "" "l" (func $l (param i64) (result i64)))
            (import "" "f" (func $f (param f32) (result f32)))
            (import "" "d" (func $d (param f64) (result f64)))
            (func (export "i") (param i32) (result i32) (call $i (local.get 0)))
            (func (export "l") (param i64) (result i64) (call $l (local.get 0)))
            (func (export "f") (param f32) (result f32) (call $f (local.get 0)))
            (func (export "d") (param f64) (result f64) (call $d (local.get 0))))`,
            { "": { i: (x) => x, l: (x) => x, f: (x) => x, d: (x) => x } });
        const { i, l, f, d } = exports;
        for (const [given, wanted] of [[0, 0], [-1, -1], [2 ** 31, -(2 ** 31)], [4294967295, -1], [1.9, 1], [NaN, 0], [undefined, 0],
                                       ["7", 7], [true, 1], [{ valueOf: () => 5 }, 5]]) same(i(given), wanted, `i(${String(given)})`);
        for (const [given, wanted] of [[0n, 0n], [-1n, -1n], [2n ** 63n, -(2n ** 63n)], [2n ** 64n - 1n, -1n], [12345678901234n, 12345678901234n],
                                       ["9", 9n], [true, 1n]]) same(l(given), wanted, `l(${String(given)})`);
        throws(TypeError, () => l(1));
        throws(TypeError, () => l());
        throws(TypeError, () => i(1n));
        for (const x of [0, -0, 1.5, NaN, Infinity, -Infinity, 16777216]) same(f(x), x, "f");
        same(f(0.1), Math.fround(0.1));
        for (const x of [0, -0, 0.1, NaN, Infinity, 2 ** 53, 5e-324]) same(d(x), x, "d");
        throws(TypeError, () => i(Symbol()));
        const boom = { valueOf() { throw boom; } };
        try { i(boom); throw new Error("no throw"); } catch (error) { same(error, boom); }
    "#);
}

#[test]
fn many_arguments_and_results() {
    run(r#"
        const params = Array(40).fill("i32").join(" ");
        const gets = Array.from({ length: 40 }, (_, i) => `local.get ${i}`).join(" ");
        const { all } = instantiate(`(module (func (export "all") (param ${params}) (result ${params}) ${gets}))`);
        const given = Array.from({ length: 40 }, (_, i) => i * 3);
        const got = all(...given);
        same(Array.isArray(got), true);
        same(got.join(), given.join());
        const { swap } = instantiate(`(module (import "" "two" (func $two (param i32 f64) (result f64 i32)))
            (func (export "swap") (param i32 f64) (result f64 i32) (call $two (local.get 0) (local.get 1))))`,
            { "": { two: (a, b) => new Set([b, a]) } });
        same(swap(1, 2.5).join(), "2.5,1");
    "#);
}

#[test]
fn exported_functions_look_like_built_in_ones() {
    run(r#"
        const { f, g } = instantiate(`(module (func) (func $f (export "f") (param i32 i64)) (export "g" (func $f)))`);
        same(f, g, "identity");
        same(typeof f, "function");
        same(f.name, "1");
        same(f.length, 2);
        same(Object.getPrototypeOf(f), Function.prototype);
        same(Object.getOwnPropertyNames(f).join(), "length,name");
        same("prototype" in f, false);
        same(/^function 1\(\) \{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(f)), true, f.toString());
        throws(TypeError, () => new f(1, 2n));
        throws(TypeError, () => Reflect.construct(Object, [], f));
        throws(TypeError, () => class extends f {});
        same(f.call({}, 1, 2n), undefined);
        same(f.bind(null, 1)(2n), undefined);
        same(Reflect.apply(f, null, [1, 2n]), undefined);
    "#);
}

#[test]
fn what_an_import_throws_passes_through() {
    run(r#"
        const thrown = [new RangeError("r"), undefined, null, "text", 1n, Symbol("s"), { any: "thing" }];
        let current;
        const { f } = instantiate(`(module (import "" "f" (func $f)) (func (export "f") (call $f)))`, { "": { f() { throw current; } } });
        for (current of thrown) {
            try {
                f();
                current = f;
            } catch (error) {
                same(error, current);
            }
        }
        same(f === current, false);
        const deep = instantiate(`(module (import "" "f" (func $f)) (func (export "f") (call $f)))`, { "": { f: () => f() } });
        current = new Error("deep");
        try { deep.f(); } catch (error) { same(error, current); }
    "#);
}

#[test]
fn traps_are_runtime_errors_with_wasm_frames() {
    run(r#"
        const { f } = instantiate(`(module $m (func $inner unreachable) (func $outer (export "f") (call $inner)))`);
        const error = throws(WebAssembly.RuntimeError, f, /^unreachable$/);
        same(error.name, "RuntimeError");
        if (!/inner.*\n.*outer.*wasm:\/\/wasm\/[0-9a-f]{8}:wasm-function\[1\]:0x/.test(error.stack)) throw new Error(error.stack);
        same(Object.keys(error).length, 0);
    "#);
}

#[test]
fn wasm_recursion_ends_in_the_hosts_range_error() {
    run(r#"
        const { f } = instantiate(`(module (func $f (export "f") (call $f)))`);
        for (let i = 0; i < 3; i++) throws(RangeError, f, /Maximum call stack size exceeded/);
    "#);
}

#[test]
fn mutual_recursion_ends_in_the_hosts_range_error() {
    run(r#"
        let depth = 0;
        const { f } = instantiate(`(module (import "" "f" (func $f)) (func (export "f") (call $f)))`, { "": { f: () => { depth++; f(); } } });
        for (let i = 0; i < 3; i++) throws(RangeError, f, /Maximum call stack size exceeded/);
        if (depth < 100) throw new Error(`only ${depth} calls deep`);
        const plain = () => plain();
        throws(RangeError, plain, /Maximum call stack size exceeded/);
        same(instantiate(`(module (func (export "f") (result i32) i32.const 7))`).f(), 7);
    "#);
}

#[test]
fn references_cross_unchanged() {
    run(r#"
        const { e, f } = instantiate(`(module
            (func (export "e") (param externref) (result externref) local.get 0)
            (func (export "f") (param funcref) (result funcref) local.get 0))`);
        for (const value of [undefined, null, true, 1, -0, NaN, 0.5, "text", 10n ** 30n, 5n, Symbol("s"), {}, [], () => {}, e]) same(e(value), value);
        same(e(), undefined);
        same(f(null), null);
        same(f(e), e);
        throws(TypeError, () => f(() => {}));
        throws(TypeError, () => f());
    "#);
}

#[test]
fn arguments_that_are_missing_or_too_many_on_every_way_in() {
    run(r#"
        for (const [type, zero] of [["i32", 0], ["f32", NaN], ["f64", NaN]]) {
            for (const count of [1, 2, 3, 8, 9]) {
                const params = Array(count).fill(type).join(" ");
                const { last } = instantiate(`(module (func (export "last") (param ${params}) (result ${type}) local.get ${count - 1}))`);
                const given = Array.from({ length: count }, (_, i) => i + 1);
                same(last(...given), count, `${count} of ${type}`);
                same(last(...given, 7, {}), count, "too many");
                same(last(...given.slice(1)), zero, "one is missing");
                same(last(), zero, "all are missing");
            }
        }
        const order = [];
        const { mixed } = instantiate(`(module (func (export "mixed") (param i32 i64 f32 f64) (result f64) local.get 3))`);
        const number = (name, value) => ({ valueOf() { order.push(name); return value; } });
        same(mixed(number("a", 1), number("b", 2n), number("c", 3), number("d", 4)), 4);
        same(order.join(), "a,b,c,d");
        throws(TypeError, () => mixed(1, 2, 3, 4));
    "#);
}

#[test]
fn the_stack_ends_where_quickjs_says_also_after_it_has_changed_its_mind() {
    // Of one tier, whose frames have one size.
    let (runtime, context) = context_with(Config::new().tier(TierPolicy::Optimizing));
    let depth = |bytes: usize| -> u32 {
        runtime.set_max_stack_size(bytes);
        context.with(|ctx| {
            run_in(&ctx, "depth.value = 0; throws(RangeError, f, /Maximum call stack size exceeded/);");
            ctx.eval("depth.value").unwrap()
        })
    };
    context.with(|ctx| {
        run_in(
            &ctx,
            r#"Object.assign(globalThis, instantiate(`(module (global $depth (export "depth") (mut i32) (i32.const 0))
                (func $f (export "f") (global.set $depth (i32.add (global.get $depth) (i32.const 1))) (call $f)))`))"#,
        );
    });
    let (small, large) = (depth(256 << 10), depth(1 << 20));
    assert!(large > 3 * small, "{small} calls deep, and {large} with four times the stack");
    let again = depth(256 << 10);
    assert!(again < 2 * small, "{small} calls deep, and {again} later");
}

#[test]
fn an_import_lives_until_it_returns() {
    run(r#"
        const table = new WebAssembly.Table({ element: "anyfunc", initial: 1 });
        const call = instantiate(`(module (import "" "table" (table 1 funcref)) (type $t (func (param i32) (result i32)))
            (func (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0) (i32.const 0))))`, { "": { table } }).call;
        for (let i = 0; i < 100; i++) {
            // Nothing but the table keeps the instance, and nothing but the instance its import.
            (() => {
                const kept = { value: [i] };
                const f = (x) => {
                    table.set(0, null);
                    gc();
                    for (let j = 0; j < 10; j++) new WebAssembly.Table({ element: "externref", initial: 10 });
                    return kept.value[0] + x;
                };
                table.set(0, instantiate(`(module (import "" "f" (func $f (param i32) (result i32)))
                    (func (export "g") (param i32) (result i32) (return_call $f (local.get 0))))`, { "": { f } }).g);
            })();
            gc();
            same(call(1), i + 1);
        }
    "#);
}
