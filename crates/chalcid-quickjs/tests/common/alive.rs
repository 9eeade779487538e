//! Checking that nothing stays: makes and drops things, collects, and compares what is alive.
#![allow(clippy::unwrap_used, dead_code, missing_docs)]

use chalcid_quickjs::rquickjs::{Context, Ctx, Runtime};

use super::{context, run_in, stressed_context};

/// What is alive in a runtime.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Alive {
    /// Objects of QuickJS.
    pub objects: i64,
    /// Entities of the engine.
    pub entities: usize,
}

/// Collects, and looks.
pub fn alive(runtime: &Runtime, ctx: &Ctx<'_>) -> Alive {
    chalcid_quickjs::collect_garbage(ctx);
    // Objects that were made for the collection alone.
    ctx.run_gc();
    Alive { objects: runtime_objects(runtime, ctx), entities: chalcid_quickjs::agent(ctx).unwrap().entities() }
}

fn runtime_objects(_: &Runtime, ctx: &Ctx<'_>) -> i64 {
    use chalcid_quickjs::rquickjs::qjs;
    let mut usage = std::mem::MaybeUninit::<qjs::JSMemoryUsage>::uninit();
    // SAFETY: the runtime is alive and this thread's; the call fills the whole struct.
    unsafe {
        qjs::JS_ComputeMemoryUsage(qjs::JS_GetRuntime(ctx.as_raw().as_ptr()), usage.as_mut_ptr());
        usage.assume_init().obj_count
    }
}

/// How many of each cycle are made; `CHALCID_LIFETIMES` says otherwise.
pub fn rounds() -> usize {
    std::env::var("CHALCID_LIFETIMES").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

/// Runs `round` (the body of a function) again and again, and checks that nothing stays.
pub fn stays_flat(setup: &str, round: &str) {
    stays_flat_in(context(), setup, round);
}

/// The same, collecting the engine's heap at every chance.
pub fn stays_flat_under_stress(setup: &str, round: &str) {
    stays_flat_in(stressed_context(), setup, round);
}

fn stays_flat_in((runtime, context): (Runtime, Context), setup: &str, round: &str) {
    context.with(|ctx| {
        run_in(&ctx, setup);
        run_in(
            &ctx,
            &format!(
                "globalThis.round = () => {{ {round} }}; globalThis.rounds = (n) => {{ while (n-- > 0) round(); }};"
            ),
        );
        run_in(&ctx, "rounds(10)");
        let before = alive(&runtime, &ctx);
        run_in(&ctx, &format!("rounds({})", rounds()));
        let after = alive(&runtime, &ctx);
        assert_eq!(before, after, "{round}");
    });
    end(runtime, context);
}

/// Checks that weak references and finalization registries see that everything dies that `things` (the body of a function) returns as properties of an
/// object.
pub fn weak_references_see_them_die(ctx: &Ctx<'_>, things: &str, collect: impl FnOnce()) {
    run_in(
        ctx,
        &format!(
            "globalThis.finalized = []; globalThis.registry = new FinalizationRegistry((name) => finalized.push(name));
             globalThis.references = (() => {{
                 const things = Object.entries((() => {{ {things} }})());
                 for (const [name, thing] of things) registry.register(thing, name);
                 return things.map(([name, thing]) => [name, new WeakRef(thing)]);
             }})();"
        ),
    );
    collect();
    while ctx.execute_pending_job() {}
    run_in(
        ctx,
        "for (const [name, reference] of references) {
             same(reference.deref(), undefined, name);
             same(finalized.includes(name), true, `the registry of ${name}`);
         }",
    );
}

/// Drops context and runtime: QuickJS aborts the process if anything is left.
pub fn end(runtime: Runtime, context: Context) {
    drop(context);
    drop(runtime);
}
