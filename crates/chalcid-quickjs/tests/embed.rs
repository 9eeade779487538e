//! Objects of JavaScript in Rust, and entities of Rust in JavaScript.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use chalcid_quickjs::chalcid::types::{AddressType, Limits, MemoryType};
use chalcid_quickjs::chalcid::{Config, Engine, Extern, Func, Memory, Module, Val};
use chalcid_quickjs::rquickjs::{Context, Ctx, Runtime};
use chalcid_quickjs::{
    Options, SerializedModule, agent, deserialize_module, get_extern, get_instance, get_module, init_with, new_module,
    object_of, serialize_module, set_can_block,
};
use common::{add_helpers, context, run_in};

#[test]
fn a_memory_of_javascript_in_rust() {
    let (_runtime, context) = context();
    context.with(|ctx| {
        run_in(
            &ctx,
            "globalThis.memory = new WebAssembly.Memory({ initial: 1 }); new Uint8Array(memory.buffer)[5] = 9;",
        );
        let Some(Extern::Memory(memory)) = get_extern(&ctx.eval("memory").unwrap()) else { panic!() };
        let mut byte = [0];
        memory.read(5, &mut byte).unwrap();
        assert_eq!(byte, [9]);
        memory.write(6, &[7]).unwrap();
        run_in(&ctx, "same(new Uint8Array(memory.buffer)[6], 7); globalThis.old = memory.buffer;");
        memory.grow(1).unwrap();
        run_in(&ctx, "same(old.byteLength, 0); same(memory.buffer.byteLength, 131072);");
        assert!(get_extern(&ctx.eval("({})").unwrap()).is_none());
    });
}

#[test]
fn a_memory_of_rust_in_javascript() {
    let (_runtime, context) = context();
    context.with(|ctx| {
        let ty = MemoryType {
            limits: Limits { min: 1, max: None },
            address: AddressType::I32,
            shared: false,
            page_size_log2: 16,
        };
        let memory = Memory::new(&agent(&ctx).unwrap(), ty).unwrap();
        memory.write(0, b"chalcid").unwrap();
        let object = object_of(&ctx, &Extern::Memory(memory.clone())).unwrap();
        assert_eq!(object, object_of(&ctx, &Extern::Memory(memory)).unwrap());
        ctx.globals().set("memory", object).unwrap();
        run_in(
            &ctx,
            r#"same(memory instanceof WebAssembly.Memory, true);
            same(String.fromCharCode(...new Uint8Array(memory.buffer, 0, 7)), "chalcid");"#,
        );
    });
}

#[test]
fn an_instance_in_rust() {
    let (_runtime, context) = context();
    context.with(|ctx| {
        run_in(
            &ctx,
            r#"globalThis.instance = new WebAssembly.Instance(new WebAssembly.Module(wat(`(module (import "" "f" (func $f (param i32) (result i32)))
                (func (export "g") (param i32) (result i32) (i32.mul (call $f (local.get 0)) (i32.const 2))))`)), { "": { f: (x) => x + 1 } })"#,
        );
        let instance = get_instance(&ctx.eval("instance").unwrap()).unwrap();
        let Some(Extern::Func(g)) = instance.get_export("g") else { panic!() };
        let mut results = [Val::I32(0)];
        g.call(&[Val::I32(20)], &mut results).unwrap();
        assert_eq!(results[0].i32(), Some(42));
        ctx.globals().set("g", object_of(&ctx, &Extern::Func(g)).unwrap()).unwrap();
        run_in(&ctx, "same(g, instance.exports.g)");
    });
}

#[test]
fn a_function_of_rust_in_javascript() {
    let (_runtime, context) = context();
    context.with(|ctx| {
        let ty = chalcid_quickjs::chalcid::types::FuncType {
            params: Box::new([chalcid_quickjs::chalcid::types::ValType::I32]),
            results: Box::new([chalcid_quickjs::chalcid::types::ValType::I32]),
        };
        let double = Func::new(&agent(&ctx).unwrap(), ty, |params, results| {
            results[0] = Val::I32(params[0].i32().unwrap() * 2);
            Ok(())
        });
        ctx.globals().set("double", object_of(&ctx, &Extern::Func(double.unwrap())).unwrap()).unwrap();
        run_in(
            &ctx,
            r#"same(double(21), 42); same(double.length, 1);
            const { f } = instantiate(`(module (import "" "d" (func $d (param i32) (result i32))) (export "f" (func $d)))`, { "": { d: double } });
            same(f, double);"#,
        );
    });
}

#[test]
fn a_module_passes_between_runtimes_and_threads() {
    let (_runtime, first) = context();
    let module: Module = first.with(|ctx| {
        get_module(
            &ctx.eval("new WebAssembly.Module(wat(`(module (func (export \"f\") (result i32) i32.const 42))`))")
                .unwrap(),
        )
        .unwrap()
    });
    std::thread::spawn(move || {
        let runtime = Runtime::new().unwrap();
        let second = Context::full(&runtime).unwrap();
        second.with(|ctx| {
            chalcid_quickjs::init(&ctx).unwrap();
            add_helpers(&ctx);
            ctx.globals().set("module", new_module(&ctx, &module).unwrap()).unwrap();
            run_in(&ctx, "same(new WebAssembly.Instance(module).exports.f(), 42)");
        });
    })
    .join()
    .unwrap();
}

#[test]
fn a_clone_in_another_runtime_shares_the_code_and_keeps_the_builtins() {
    let engine = Engine::new(Config::new()).unwrap();
    let install = |ctx: &Ctx<'_>, engine: &Engine| {
        init_with(ctx, Options { engine: Some(engine.clone()), ..Options::default() }).unwrap();
        add_helpers(ctx);
    };
    let runtime = Runtime::new().unwrap();
    let first = Context::full(&runtime).unwrap();
    let module: SerializedModule = first.with(|ctx| {
        install(&ctx, &engine);
        let script = r#"globalThis.module = new WebAssembly.Module(wat(`(module
            (import "wasm:js-string" "length" (func $length (param externref) (result i32))) (import "strings" "four" (global externref))
            (func (export "f") (result i32) (call $length (global.get 0))))`), { builtins: ["js-string"], importedStringConstants: "strings" });
            same(new WebAssembly.Instance(module, {}).exports.f(), 4)"#;
        run_in(&ctx, script);
        assert!(serialize_module(&ctx.eval("({})").unwrap()).is_none());
        serialize_module(&ctx.eval("module").unwrap()).unwrap()
    });
    let before = engine.stats();
    assert_eq!((before.modules, before.baseline.functions), (1, 1));
    let (other, sent) = (Engine::new(Config::new()).unwrap(), engine.clone());
    std::thread::spawn(move || {
        let runtime = Runtime::new().unwrap();
        let second = Context::full(&runtime).unwrap();
        second.with(|ctx| {
            install(&ctx, &sent);
            ctx.globals().set("module", deserialize_module(&ctx, &module).unwrap()).unwrap();
            run_in(&ctx, "same(new WebAssembly.Instance(module, {}).exports.f(), 4); same(WebAssembly.Module.imports(module).length, 0)");
        });
        let third = Runtime::new().unwrap();
        Context::full(&third).unwrap().with(|ctx| {
            install(&ctx, &other);
            assert!(deserialize_module(&ctx, &module).is_err());
            drop(ctx.catch());
        });
    })
    .join()
    .unwrap();
    let after = engine.stats();
    assert_eq!((after.modules, after.baseline.functions), (1, 1), "nothing is compiled again");
}

#[test]
fn installing_again_is_harmless() {
    let (_runtime, context) = context();
    context.with(|ctx| {
        run_in(&ctx, "globalThis.before = new WebAssembly.Memory({ initial: 1 })");
        chalcid_quickjs::init(&ctx).unwrap();
        run_in(&ctx, "same(before.buffer.byteLength, 65536); new WebAssembly.Memory({ initial: 1 }).buffer;");
        run_in(&ctx, "throws(TypeError, () => before.buffer.transfer())");
    });
}

#[test]
fn a_thread_may_wait_when_its_embedder_says_so() {
    let (_runtime, context) = context();
    context.with(|ctx| {
        assert!(!agent(&ctx).unwrap().can_block());
        let wait = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1)";
        assert!(ctx.eval::<String, _>(wait).is_err());
        drop(ctx.catch());
        set_can_block(&ctx, true);
        assert!(agent(&ctx).unwrap().can_block());
        assert_eq!(ctx.eval::<String, _>(wait).unwrap(), "not-equal");
    });
}
