//! What can be reached is never freed, and what cannot is: random graphs through both heaps, checked against a model (`survivors.js`).
//!
//! `CHALCID_SURVIVORS` sets the number of graphs.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use chalcid_quickjs::chalcid::{Config, TierPolicy, Val};
use chalcid_quickjs::rquickjs::{Context, Ctx, Function, Runtime, Value, qjs};
use common::alive::{alive, end};
use common::{context, context_with, run_in, stressed_context};

/// Collects both heaps.
fn collect(ctx: Ctx<'_>) {
    chalcid_quickjs::collect_garbage(&ctx);
}

/// Has QuickJS collect when it makes an object next.
fn soon(ctx: Ctx<'_>) {
    // SAFETY: the context is live, and so is its runtime.
    unsafe { qjs::JS_SetGCThreshold(qjs::JS_GetRuntime(ctx.as_raw().as_ptr()), 0) };
}

fn prepare(ctx: &Ctx<'_>) {
    ctx.globals().set("collect", Function::new(ctx.clone(), collect)).unwrap();
    ctx.globals().set("soon", Function::new(ctx.clone(), soon)).unwrap();
    run_in(ctx, include_str!("survivors.js"));
}

fn play((runtime, context): (Runtime, Context), graphs: u32, steps: u32) {
    let graphs = std::env::var("CHALCID_SURVIVORS").ok().and_then(|text| text.parse().ok()).unwrap_or(graphs);
    context.with(|ctx| {
        prepare(&ctx);
        run_in(&ctx, &format!("play(1, {steps})"));
        let before = alive(&runtime, &ctx);
        for seed in 2..graphs + 2 {
            run_in(&ctx, &format!("try {{ play({seed}, {steps}); }} catch (error) {{ error.message += ' (seed {seed})'; throw error; }}"));
        }
        assert_eq!(alive(&runtime, &ctx), before);
    });
    end(runtime, context);
}

#[test]
fn random_graphs() {
    play(context(), 40, 400);
}

#[test]
fn random_graphs_in_each_tier() {
    play(context_with(Config::new().tier(TierPolicy::Baseline)), 10, 400);
    play(context_with(Config::new().tier(TierPolicy::Optimizing)), 10, 400);
}

#[test]
fn random_graphs_collecting_at_every_chance() {
    play(stressed_context(), 10, 200);
}

/// Runs a script that may use what `survivors.js` has made.
fn check(script: &str) {
    for (runtime, context) in [context(), stressed_context()] {
        context.with(|ctx| {
            prepare(&ctx);
            run_in(&ctx, script);
        });
        end(runtime, context);
    }
}

#[test]
fn a_function_on_the_stack_keeps_its_instance() {
    // All else that leads to it is a cycle that nothing holds.
    check(
        "(() => {
             const struct = wasm.new_struct(1), exports = instance(42), holder = { struct, exports };
             exports.struct_set_own_func(struct); exports.set_value(holder); wasm.struct_set_value(struct, holder);
             fetched = [null, struct];
         })();
         during = () => { gc(); for (let i = 0; i < 100; i++) instance(i); };
         same(wasm.hold_function(), 42);",
    );
}

#[test]
fn an_argument_on_its_way_keeps_what_a_dead_cycle_holds() {
    // QuickJS collects when it makes an object for the first argument; of the second there is only a reference of WebAssembly.
    check(
        "(() => {
             const struct = wasm.new_struct(1), holder = { struct, name: 'holder' };
             wasm.struct_set_value(struct, holder);
             fetched = [null, struct];
         })();
         during = soon;
         wasm.hold_arguments();
         same(wasm.struct_get_value(taken).name, 'holder'); same(wasm.struct_get_value(taken).struct, taken);",
    );
}

#[test]
fn a_handle_of_the_embedder_keeps_what_a_dead_cycle_holds() {
    let (runtime, context) = context();
    context.with(|ctx| {
        prepare(&ctx);
        run_in(
            &ctx,
            "globalThis.kept = new WebAssembly.Instance(world, { '': { ...imports, id: 1 } });
             (() => {
                 const struct = wasm.new_struct(7), holder = { struct, name: 'holder' };
                 wasm.struct_set_value(struct, holder); kept.exports.set_object(struct);
                 globalThis.weak = new WeakRef(holder);
             })();",
        );
        let kept = ctx.globals().get::<_, Value<'_>>("kept").unwrap();
        let instance = chalcid_quickjs::get_instance(&kept).unwrap();
        let call = |name: &str, args: &[Val], results: &mut [Val]| {
            instance.get_func(name).unwrap().call(args, results).unwrap();
        };
        let mut object = [Val::AnyRef(None)];
        call("get_object", &[], &mut object);
        call("set_object", &[Val::AnyRef(None)], &mut []);
        collect(ctx.clone());
        run_in(&ctx, "same(weak.deref().name, 'holder'); same(wasm.struct_id(weak.deref().struct), 7);");
        call("set_object", &object, &mut []);
        drop(object);
        collect(ctx.clone());
        run_in(
            &ctx,
            "same(wasm.struct_get_value(kept.exports.get_object()).name, 'holder'); kept.exports.set_object(null);",
        );
        collect(ctx.clone());
        run_in(&ctx, "same(weak.deref(), undefined);");
    });
    end(runtime, context);
}

#[test]
fn what_two_instances_share_lives_as_long_as_one_of_them() {
    check(
        "const pair = (() => {
             // Two instances hold one structure, each is part of a cycle, and the structure holds a closure and the first's function.
             const shared = wasm.new_struct(5), name = () => 'closure';
             const both = [1, 2].map((id) => instance(id));
             both[0].struct_set_own_func(shared); wasm.struct_set_value(shared, name);
             for (const exports of both) { exports.set_object(shared); exports.set_value(() => exports); }
             return both;
         })();
         const weak = pair.map((exports) => new WeakRef(exports));
         void pair.shift();
         collect();
         // The first is still there: the structure holds its function. Its object is not.
         same(wasm.struct_call(pair[0].get_object()), 1);
         same(wasm.struct_get_value(pair[0].get_object())(), 'closure');
         wasm.struct_clear_func(pair[0].get_object());
         collect();
         same(weak[0].deref(), undefined);
         same(wasm.struct_get_value(pair[0].get_object())(), 'closure');
         void pair.shift();
         collect();
         same(weak[1].deref(), undefined);",
    );
}
