//! ArrayBuffers over memories: the same bytes, detached when they must be, and out of reach of what would move them.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{context, run, run_in};

#[test]
fn the_buffer_is_the_memory() {
    run(r#"
        const { memory, get } = instantiate(`(module (memory (export "memory") 1)
            (func (export "get") (param i32) (result i32) local.get 0 i32.load8_u))`);
        const bytes = new Uint8Array(memory.buffer);
        same(bytes.length, 65536);
        bytes[17] = 99;
        same(get(17), 99);
        same(memory.buffer, memory.buffer, "identity");
    "#);
}

#[test]
fn growing_detaches_the_old_buffer() {
    run(r#"
        let seen;
        const { memory, grow } = instantiate(`(module (import "" "f" (func $f)) (memory (export "memory") 1 10)
            (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)) (call $f)))`,
            { "": { f() { seen = [before.byteLength, view.length, memory.buffer === before, memory.buffer.byteLength]; } } });
        let before = memory.buffer, view = new Uint8Array(before);
        same(grow(1), 1);
        same(seen.join(), "0,0,false,131072");
        before = memory.buffer;
        view = new Uint8Array(before);
        same(grow(0), 2);
        same(seen.join(), "0,0,false,131072");
        before = memory.buffer;
        view = new Uint8Array(before);
        same(grow(100), -1);
        same(seen.join(), "131072,131072,true,131072");
        same(memory.grow(1), 2);
        same(before.byteLength, 0);
        throws(RangeError, () => memory.grow(100));
        same(memory.buffer.byteLength, 3 * 65536);
    "#);
}

#[test]
fn a_memorys_buffer_cannot_be_moved() {
    run(r#"
        const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
        const { buffer } = memory;
        for (const name of ["transfer", "transferToFixedLength", "transferToImmutable"]) {
            if (!(name in buffer)) continue;
            throws(TypeError, () => buffer[name]());
            throws(TypeError, () => buffer[name](65536));
            throws(TypeError, () => buffer[name](0));
            let converted = false;
            throws(TypeError, () => buffer[name]({ valueOf() { converted = true; return 1; } }));
            same(converted, true, `${name} converts its argument first`);
        }
        throws(TypeError, () => buffer.resize(65536));
        same(buffer.byteLength, 65536);
        same(memory.buffer, buffer);
        const other = new ArrayBuffer(8);
        same(other.transfer(16).byteLength, 16);
        same(other.detached, true);
        same(ArrayBuffer.prototype.transfer.name, "transfer");
        same(ArrayBuffer.prototype.transfer.length, 0);
        same(ArrayBuffer.prototype.resize.length, 1);
        throws(TypeError, () => ArrayBuffer.prototype.transfer.call({}));
    "#);
}

#[test]
fn resizable_buffers_follow_the_memory() {
    run(r#"
        const { memory, grow, store } = instantiate(`(module (memory (export "memory") 1 4)
            (func (export "grow") (param i32) (result i32)
                (memory.grow (local.get 0))
                (i32.store (i32.const 65536) (i32.const 7)))
            (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1))))`);
        throws(TypeError, () => new WebAssembly.Memory({ initial: 1 }).toResizableBuffer());
        const fixed = memory.buffer;
        const buffer = memory.toResizableBuffer();
        same(fixed.detached, true);
        same(buffer.resizable, true);
        same(buffer.maxByteLength, 4 * 65536);
        same(memory.buffer, buffer);
        const view = new Uint8Array(buffer);
        same(grow(1), 1);
        same(view.length, 2 * 65536);
        same(view[65536], 7, "what wasm wrote right after growing");
        same(memory.buffer, buffer);
        buffer.resize(3 * 65536);
        same(memory.grow(0), 3);
        same(view.length, 3 * 65536);
        store(2 * 65536, 5);
        same(view[2 * 65536], 5);
        throws(RangeError, () => buffer.resize(65536));
        throws(RangeError, () => buffer.resize(3 * 65536 + 1));
        throws(RangeError, () => buffer.resize(5 * 65536));
        throws(TypeError, () => buffer.transfer());
        const again = memory.toFixedLengthBuffer();
        same(buffer.detached, true);
        same(again.resizable, false);
        same(again.byteLength, 3 * 65536);
    "#);
}

#[test]
fn a_resizable_buffer_keeps_its_memory() {
    run(r#"
        const buffer = (() => new WebAssembly.Memory({ initial: 1, maximum: 2 }).toResizableBuffer())();
        gc();
        buffer.resize(131072);
        same(buffer.byteLength, 131072);
    "#);
}

#[test]
fn a_buffer_outlives_its_memory() {
    run(r#"
        const bytes = (() => {
            const { memory } = instantiate(`(module (memory (export "memory") 1) (data (i32.const 3) "x"))`);
            return new Uint8Array(memory.buffer);
        })();
        gc();
        same(bytes[3], 120);
        bytes[3] = 1;
        same(bytes[3], 1);
    "#);
}

#[test]
fn buffers_beyond_two_gibibytes_are_a_range_error() {
    run(r#"
        const memory = new WebAssembly.Memory({ initial: 32768 });
        throws(RangeError, () => memory.buffer);
        same(memory.grow(0), 32768);
        const largest = new WebAssembly.Memory({ initial: 32767 });
        same(largest.buffer.byteLength, 32767 * 65536);
    "#);
}

#[test]
fn every_buffer_source_is_read() {
    run(r#"
        const bytes = wat("(module)");
        const padded = new Uint8Array(bytes.length + 6);
        padded.set(bytes, 3);
        const shared = new SharedArrayBuffer(bytes.length);
        new Uint8Array(shared).set(bytes);
        const resizable = new ArrayBuffer(bytes.length, { maxByteLength: 64 });
        const tracking = new Uint8Array(resizable);
        tracking.set(bytes);
        for (const source of [bytes, bytes.buffer, shared, new Uint8Array(shared), new DataView(bytes.buffer), resizable, tracking,
                              new DataView(resizable), padded.subarray(3, 3 + bytes.length), new DataView(padded.buffer, 3, bytes.length),
                              new Int16Array(bytes.buffer), new Float32Array(bytes.buffer)]) {
            same(WebAssembly.validate(source), true);
        }
        const outside = new DataView(resizable, 4);
        const fixed = new Uint8Array(resizable, 4, 4);
        resizable.resize(2);
        throws(TypeError, () => WebAssembly.validate(outside));
        same(WebAssembly.validate(fixed), false);
        same(WebAssembly.validate(tracking), false);
        const { buffer } = bytes;
        const view = new DataView(buffer);
        buffer.transfer();
        for (const source of [bytes, buffer, view]) same(WebAssembly.validate(source), false, "detached");
        for (const source of [undefined, null, 1, "text", {}, [], () => {}]) throws(TypeError, () => WebAssembly.validate(source));
    "#);
}

#[test]
fn shared_buffers_can_be_made_growable_at_any_time() {
    let (_runtime, context) = context();
    context.with(|ctx| {
        run_in(&ctx, "globalThis.early = new Uint8Array(new SharedArrayBuffer(8)); early[7] = 7;");
        chalcid_quickjs::enable_growable_shared_buffers(&ctx);
        run_in(
            &ctx,
            r#"
            const bytes = wat("(module)");
            const growable = new SharedArrayBuffer(bytes.length, { maxByteLength: 1 << 20 });
            const view = new Uint8Array(growable);
            view.set(bytes);
            same(WebAssembly.validate(growable), true);
            growable.grow(1 << 20);
            same(view.length, 1 << 20);
            same(view[(1 << 20) - 1], 0);
            same(WebAssembly.validate(growable), false);
            same(early[7], 7);
            for (let i = 0; i < 100; i++) new SharedArrayBuffer(1 << 20);
            throws(RangeError, () => new SharedArrayBuffer(2 ** 53));
            globalThis.early = null;
            gc();
        "#,
        );
    });
}

#[test]
fn embedders_can_tell_a_memorys_buffer() {
    let (_runtime, context) = context();
    context.with(|ctx| {
        run_in(
            &ctx,
            "globalThis.memory = new WebAssembly.Memory({ initial: 1 }); globalThis.plain = new ArrayBuffer(1)",
        );
        assert!(chalcid_quickjs::is_memory_buffer(&ctx.eval("memory.buffer").unwrap()));
        assert!(!chalcid_quickjs::is_memory_buffer(&ctx.eval("plain").unwrap()));
        assert!(!chalcid_quickjs::is_memory_buffer(&ctx.eval("memory").unwrap()));
    });
}
