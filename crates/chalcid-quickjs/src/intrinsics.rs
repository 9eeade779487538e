//! [`Intrinsics`]: the objects a realm was born with, looked up once, before a program runs.

use std::cell::OnceCell;
use std::ptr::NonNull;

use rquickjs::qjs;

use crate::QuickJs;
use crate::property;
use crate::runtime::Runtime;
use crate::value::Value;

/// Declares the fields, and `each`, which visits every value.
macro_rules! intrinsics {
    ($(#[$doc:meta])* pub(crate) struct $name:ident { $($(#[$fdoc:meta])* $field:ident,)* }) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name {
            $($(#[$fdoc])* pub(crate) $field: Option<Value>,)*
            /// Class number of SharedArrayBuffers; 0 where there are none.
            pub(crate) shared_array_buffer_class: qjs::JSClassID,
            /// The function that joins long strings, once it was made; nothing where it cannot be.
            pub(crate) add: OnceCell<Option<Value>>,
        }

        impl $name {
            /// Visits every value once.
            pub(crate) fn each(&self, mut visit: impl FnMut(&Value)) {
                $(if let Some(value) = &self.$field { visit(value); })*
                if let Some(Some(value)) = self.add.get() {
                    visit(value);
                }
            }
        }
    };
}

intrinsics! {
    /// What is `None` does not exist in the realm: contexts can be made without parts of the language.
    pub(crate) struct Intrinsics {
        /// `%Object%`
        object,
        /// `%Object.prototype%`
        object_prototype,
        /// `%Function.prototype%`
        function_prototype,
        /// `%Error%`
        error,
        /// `%Error.prototype%`
        error_prototype,
        /// Getter of `%Error.prototype%.stack`
        error_stack,
        /// `%TypeError.prototype%`
        type_error_prototype,
        /// `%RangeError.prototype%`
        range_error_prototype,
        /// `%Symbol.iterator%`
        symbol_iterator,
        /// `%Symbol.toStringTag%`
        symbol_to_string_tag,
        /// `%BigInt.asIntN%`
        as_int_n,
        /// `%ArrayBuffer.prototype%`
        array_buffer_prototype,
        /// `%ArrayBuffer.prototype%.resize`
        resize,
        /// `%ArrayBuffer.prototype%.transfer`
        transfer,
        /// `%ArrayBuffer.prototype%.transferToFixedLength`
        transfer_to_fixed_length,
        /// `%ArrayBuffer.prototype%.transferToImmutable`
        transfer_to_immutable,
        /// `%SharedArrayBuffer.prototype%`
        shared_array_buffer_prototype,
        /// `%SharedArrayBuffer.prototype%.grow`
        shared_grow,
        /// `%Atomics%`
        atomics,
        /// `%Atomics.wait%`
        atomics_wait,
        /// `%Atomics.notify%`
        atomics_notify,
        /// Getter of `%TypedArray.prototype%.byteLength`
        typed_array_byte_length,
        /// Getter of `%DataView.prototype%.buffer`
        data_view_buffer,
        /// Getter of `%DataView.prototype%.byteOffset`
        data_view_byte_offset,
        /// Getter of `%DataView.prototype%.byteLength`
        data_view_byte_length,
        /// `%String.prototype.concat%`
        string_concat,
        /// `%String.prototype.substring%`
        string_substring,
        /// A WeakMap from resizable memory buffers to their Memory objects.
        memory_of_buffer,
        /// A WeakMap whose keys are the errors that traps became.
        trap_errors,
        /// `%WeakMap.prototype.get%`
        weak_map_get,
        /// `%WeakMap.prototype.set%`
        weak_map_set,
    }
}

impl Intrinsics {
    /// Looks the intrinsics of a context up.
    pub(crate) fn capture(ctx: NonNull<qjs::JSContext>, runtime: NonNull<Runtime>) -> rquickjs::Result<Self> {
        let host = QuickJs::new(ctx, runtime);
        Self::look_up(host).map_err(|thrown| {
            host.throw(thrown);
            rquickjs::Error::Exception
        })
    }

    fn look_up(host: QuickJs) -> Result<Self, Value> {
        let ctx = host.ctx().as_ptr();
        let global = host.global();
        // SAFETY: the context is live; every result is an owned count.
        let (object, function_prototype, error, type_error, range_error) = unsafe {
            (
                qjs::JS_NewObject(ctx),
                qjs::JS_GetFunctionProto(ctx),
                qjs::JS_NewError(ctx),
                qjs::JS_NewTypeError(ctx, c"".as_ptr()),
                qjs::JS_NewRangeError(ctx, c"".as_ptr()),
            )
        };
        let error_prototype = property::prototype_of(host, &host.adopt(error)?)?;
        let error_stack = match &error_prototype {
            Some(prototype) => property::getter(host, prototype, "stack")?,
            None => None,
        };
        let mut all = Self {
            object: property::own_value(host, &global, "Object")?,
            object_prototype: property::prototype_of(host, &host.adopt(object)?)?,
            function_prototype: Some(host.adopt(function_prototype)?),
            error: property::own_value(host, &global, "Error")?,
            error_prototype,
            error_stack,
            type_error_prototype: property::prototype_of(host, &host.adopt(type_error)?)?,
            range_error_prototype: property::prototype_of(host, &host.adopt(range_error)?)?,
            ..Self::default()
        };
        if let Some(symbol) = property::own_value(host, &global, "Symbol")? {
            all.symbol_iterator = property::own_value(host, &symbol, "iterator")?;
            all.symbol_to_string_tag = property::own_value(host, &symbol, "toStringTag")?;
        }
        if let Some(bigint) = property::own_value(host, &global, "BigInt")? {
            all.as_int_n = property::own_value(host, &bigint, "asIntN")?;
        }
        if let Some(prototype) = property::prototype_property(host, &global, "String")? {
            all.string_concat = property::own_value(host, &prototype, "concat")?;
            all.string_substring = property::own_value(host, &prototype, "substring")?;
        }
        all.look_up_buffers(host, &global)?;
        all.look_up_weak_maps(host, &global)?;
        Ok(all)
    }

    fn look_up_buffers(&mut self, host: QuickJs, global: &Value) -> Result<(), Value> {
        let prototype = |name| property::prototype_property(host, global, name);
        if let Some(buffer) = prototype("ArrayBuffer")? {
            self.resize = property::own_value(host, &buffer, "resize")?;
            self.transfer = property::own_value(host, &buffer, "transfer")?;
            self.transfer_to_fixed_length = property::own_value(host, &buffer, "transferToFixedLength")?;
            self.transfer_to_immutable = property::own_value(host, &buffer, "transferToImmutable")?;
            self.array_buffer_prototype = Some(buffer);
        }
        if let Some(bytes) = prototype("Uint8Array")?
            && let Some(typed_array) = property::prototype_of(host, &bytes)?
        {
            self.typed_array_byte_length = property::getter(host, &typed_array, "byteLength")?;
        }
        if let Some(view) = prototype("DataView")? {
            self.data_view_buffer = property::getter(host, &view, "buffer")?;
            self.data_view_byte_offset = property::getter(host, &view, "byteOffset")?;
            self.data_view_byte_length = property::getter(host, &view, "byteLength")?;
        }
        if let Some(buffer) = prototype("SharedArrayBuffer")? {
            self.shared_grow = property::own_value(host, &buffer, "grow")?;
            self.shared_array_buffer_prototype = Some(buffer);
        }
        if let Some(atomics) = property::own_value(host, global, "Atomics")? {
            self.atomics_wait = property::own_value(host, &atomics, "wait")?;
            self.atomics_notify = property::own_value(host, &atomics, "notify")?;
            self.atomics = Some(atomics);
        }
        if let Some(constructor) = property::own_value(host, global, "SharedArrayBuffer")? {
            let shared = property::construct(host, &constructor, &[qjs::JS_MKVAL(qjs::JS_TAG_INT, 0)])?;
            // SAFETY: reads a field of a live object.
            self.shared_array_buffer_class = unsafe { qjs::JS_GetClassID(shared.raw()) };
        }
        Ok(())
    }

    fn look_up_weak_maps(&mut self, host: QuickJs, global: &Value) -> Result<(), Value> {
        if let Some(constructor) = property::own_value(host, global, "WeakMap")?
            && let Some(prototype) = property::prototype_property(host, global, "WeakMap")?
        {
            self.memory_of_buffer = Some(property::construct(host, &constructor, &[])?);
            self.trap_errors = Some(property::construct(host, &constructor, &[])?);
            self.weak_map_get = property::own_value(host, &prototype, "get")?;
            self.weak_map_set = property::own_value(host, &prototype, "set")?;
        }
        Ok(())
    }
}
