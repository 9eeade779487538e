//! [`QuickJs`] as the `Host` of the JavaScript interface.

use std::cmp::Ordering;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;

use chalcid::host::{HostValue, Keeper};
use chalcid::types::FuncType;
use chalcid::{Frame, Memory, ModuleBuilder, ValRaw};
use chalcid_js::Realm;
use chalcid_js::exported_function::ExportedFunction;
use chalcid_js::exports_object::ExportsObject;
use chalcid_js::host::{
    Attributes, BufferLength, EngineError, FunctionKind, Host, Intrinsic, Key, NativeFunction, PlatformObject,
    PromiseCapability, Response, Type,
};
use chalcid_js::host_function::HostFunction;
use rquickjs::qjs;

use crate::atom::Atom;
use crate::class::{self, ObjectBox};
use crate::exported::{self, Exported};
use crate::exports::{self, ExportNames};
use crate::value::{self, Value};
use crate::{
    QuickJs, buffer, builtin, bytes, error, function_realm, gc_object, hooks, import, property, stack_trace, string,
};

/// Property flags of QuickJS.
fn flags(attributes: Attributes) -> i32 {
    let mut flags = 0;
    for (set, flag) in [
        (attributes.writable, qjs::JS_PROP_WRITABLE),
        (attributes.enumerable, qjs::JS_PROP_ENUMERABLE),
        (attributes.configurable, qjs::JS_PROP_CONFIGURABLE),
    ] {
        if set {
            flags |= flag;
        }
    }
    (flags | qjs::JS_PROP_THROW) as i32
}

impl QuickJs {
    fn key(&self, key: Key<'_>) -> Result<Atom, Value> {
        let symbol = match key {
            Key::String(name) => return Atom::new(*self, name),
            Key::Iterator => self.realm_ref()?.data().intrinsics.symbol_iterator.clone(),
            Key::ToStringTag => self.realm_ref()?.data().intrinsics.symbol_to_string_tag.clone(),
        };
        Atom::of(*self, &symbol.unwrap_or_else(|| self.undefined()))
    }

    fn immediate(&self, tag: i32, value: i32) -> Value {
        self.own(qjs::JS_MKVAL(tag, value))
    }
}

impl Host for QuickJs {
    type Value = Value;
    type ExportNames = ExportNames;

    fn realm(&self) -> Option<Rc<Realm<Self>>> {
        self.realm_ref().ok()?.data().interface.borrow().clone()
    }

    fn set_realm(&self, realm: Rc<Realm<Self>>) {
        if let Ok(own) = self.realm_ref() {
            let old = own.data().interface.replace(Some(realm));
            drop(old);
        }
    }

    fn realm_anchor(&self) -> Value {
        self.realm_ref().map_or_else(|_| self.undefined(), |realm| self.borrow(realm.raw()))
    }

    fn function_realm(&self, function: &Value) -> Result<Self, Value> {
        function_realm::find(*self, function)
    }

    fn undefined(&self) -> Value {
        self.own(qjs::JS_UNDEFINED)
    }

    fn null(&self) -> Value {
        self.own(qjs::JS_NULL)
    }

    fn boolean(&self, value: bool) -> Value {
        self.immediate(qjs::JS_TAG_BOOL, i32::from(value))
    }

    fn int32(&self, value: i32) -> Value {
        self.immediate(qjs::JS_TAG_INT, value)
    }

    fn number(&self, value: f64) -> Value {
        self.own(qjs::JS_NewFloat64(value))
    }

    fn bigint_i64(&self, value: i64) -> Value {
        // SAFETY: the context is live; the result is an owned count.
        self.own(unsafe { qjs::JS_NewBigInt64(self.ctx().as_ptr(), value) })
    }

    fn bigint_u64(&self, value: u64) -> Value {
        // SAFETY: as above.
        self.own(unsafe { qjs::JS_NewBigUint64(self.ctx().as_ptr(), value) })
    }

    fn string(&self, value: &str) -> Value {
        // Without memory for it, what was thrown instead is the best there is.
        self.new_string(value).unwrap_or_else(|thrown| thrown)
    }

    fn intrinsic(&self, which: Intrinsic) -> Value {
        let Ok(realm) = self.realm_ref() else { return self.undefined() };
        let intrinsics = &realm.data().intrinsics;
        let value = match which {
            Intrinsic::ObjectPrototype => &intrinsics.object_prototype,
            Intrinsic::Error => &intrinsics.error,
            Intrinsic::ErrorPrototype => &intrinsics.error_prototype,
            Intrinsic::TypeErrorPrototype => &intrinsics.type_error_prototype,
            Intrinsic::RangeErrorPrototype => &intrinsics.range_error_prototype,
        };
        value.clone().unwrap_or_else(|| self.undefined())
    }

    fn global_object(&self) -> Value {
        self.global()
    }

    #[inline]
    fn type_of(&self, value: &Value) -> Type {
        match value.tag() {
            qjs::JS_TAG_INT | qjs::JS_TAG_FLOAT64 => Type::Number,
            qjs::JS_TAG_OBJECT => Type::Object,
            qjs::JS_TAG_STRING | qjs::JS_TAG_STRING_ROPE => Type::String,
            qjs::JS_TAG_BIG_INT | qjs::JS_TAG_SHORT_BIG_INT => Type::BigInt,
            qjs::JS_TAG_BOOL => Type::Boolean,
            qjs::JS_TAG_NULL => Type::Null,
            qjs::JS_TAG_SYMBOL => Type::Symbol,
            _ => Type::Undefined,
        }
    }

    fn is_callable(&self, value: &Value) -> bool {
        // SAFETY: context and value are live.
        unsafe { qjs::JS_IsFunction(self.ctx().as_ptr(), value.raw()) }
    }

    fn same_value(&self, a: &Value, b: &Value) -> bool {
        // SAFETY: context and values are live.
        unsafe { qjs::JS_IsSameValue(self.ctx().as_ptr(), a.raw(), b.raw()) }
    }

    fn to_number(&self, value: &Value) -> Result<f64, Value> {
        let mut number = 0.0;
        // SAFETY: context and value are live.
        self.check(unsafe { qjs::JS_ToFloat64(self.ctx().as_ptr(), &mut number, value.raw()) })?;
        Ok(number)
    }

    fn to_int32(&self, value: &Value) -> Result<i32, Value> {
        let mut number = 0;
        // SAFETY: context and value are live.
        self.check(unsafe { qjs::JS_ToInt32(self.ctx().as_ptr(), &mut number, value.raw()) })?;
        Ok(number)
    }

    fn to_bigint64(&self, value: &Value) -> Result<i64, Value> {
        let mut number = 0;
        // SAFETY: context and value are live.
        self.check(unsafe { qjs::JS_ToBigInt64(self.ctx().as_ptr(), &mut number, value.raw()) })?;
        Ok(number)
    }

    fn to_bigint_u64(&self, value: &Value) -> Result<Option<u64>, Value> {
        // QuickJS offers ToBigInt only modulo 2^64. `BigInt.asIntN` of more bits than any BigInt has is ToBigInt itself.
        let realm = self.realm_ref()?;
        let bigint = match &realm.data().intrinsics.as_int_n {
            Some(as_int_n) => {
                let bits = self.number(9_007_199_254_740_991.0);
                property::call(*self, as_int_n.raw(), qjs::JS_UNDEFINED, &[bits.raw(), value.raw()])?
            }
            None => value.clone(),
        };
        let mut number = 0;
        // SAFETY: context and value are live.
        self.check(unsafe { qjs::JS_ToBigUint64(self.ctx().as_ptr(), &mut number, bigint.raw()) })?;
        Ok(self.same_value(&bigint, &self.bigint_u64(number)).then_some(number))
    }

    fn to_boolean(&self, value: &Value) -> bool {
        // SAFETY: context and value are live; ToBoolean does not throw.
        unsafe { qjs::JS_ToBool(self.ctx().as_ptr(), value.raw()) > 0 }
    }

    fn to_string(&self, value: &Value) -> Result<Value, Value> {
        // SAFETY: context and value are live; the result is an owned count.
        self.adopt(unsafe { qjs::JS_ToString(self.ctx().as_ptr(), value.raw()) })
    }

    fn code_units(&self, string: &Value) -> Vec<u16> {
        if self.type_of(string) != Type::String {
            return Vec::new();
        }
        let mut length: qjs::size_t = 0;
        // SAFETY: context and value are live.
        let units = unsafe { qjs::JS_ToCStringLenUTF16(self.ctx().as_ptr(), &mut length, string.raw()) };
        if units.is_null() {
            drop(self.take_exception());
            return Vec::new();
        }
        // SAFETY: QuickJS lends `length` code units until they are freed, once, below.
        let copy = unsafe { std::slice::from_raw_parts(units, length as usize) }.to_vec();
        // SAFETY: as said.
        unsafe { qjs::JS_FreeCStringUTF16(self.ctx().as_ptr(), units) };
        copy
    }

    fn string_length(&self, string: &Value) -> u32 {
        string::length(*self, string)
    }

    fn code_unit_at(&self, string: &Value, index: u32) -> Option<u16> {
        string::code_unit_at(*self, string, index)
    }

    fn string_of_code_units(&self, units: &[u16]) -> Result<Value, Value> {
        string::of_code_units(*self, units)
    }

    fn concat(&self, first: &Value, second: &Value) -> Result<Value, Value> {
        string::concat(*self, first, second)
    }

    fn substring(&self, string: &Value, start: u32, end: u32) -> Result<Value, Value> {
        string::substring(*self, string, start, end)
    }

    fn compare_strings(&self, a: &Value, b: &Value) -> Ordering {
        string::compare(*self, a, b)
    }

    #[inline]
    fn to_host_value(&self, value: Value) -> HostValue {
        // SAFETY: the count moves with the bytes; the agent's hooks count in this runtime.
        unsafe { HostValue::from_raw(self.runtime().agent.raw(), hooks::bytes_of(value.into_raw())) }
    }

    #[inline]
    fn from_host_value(&self, value: &HostValue) -> Value {
        self.borrow(hooks::value_of(value.raw()))
    }

    fn new_object(&self, prototype: Option<&Value>) -> Result<Value, Value> {
        let prototype = prototype.map_or(qjs::JS_NULL, Value::raw);
        // SAFETY: context and prototype are live; the result is an owned count.
        self.adopt(unsafe { qjs::JS_NewObjectProto(self.ctx().as_ptr(), prototype) })
    }

    fn new_array(&self, values: Vec<Value>) -> Result<Value, Value> {
        let values: Vec<qjs::JSValue> = values.into_iter().map(Value::into_raw).collect();
        let count = i32::try_from(values.len()).unwrap_or(i32::MAX);
        // SAFETY: the context is live; QuickJS takes over the counts of the values, also when it fails.
        self.adopt(unsafe { qjs::JS_NewArrayFrom(self.ctx().as_ptr(), count, values.as_ptr()) })
    }

    fn get(&self, value: &Value, key: Key<'_>) -> Result<Value, Value> {
        let key = self.key(key)?;
        // SAFETY: context, value and key are live; the result is an owned count.
        self.adopt(unsafe { qjs::JS_GetProperty(self.ctx().as_ptr(), value.raw(), key.raw()) })
    }

    fn property_name(&self, name: &str) -> Result<Value, Value> {
        // The String of a key is one with it: the key of it is found without a search by its text.
        let key = Atom::new(*self, name)?;
        // SAFETY: context and key are live; the result is an owned count.
        self.adopt(unsafe { qjs::JS_AtomToString(self.ctx().as_ptr(), key.raw()) })
    }

    fn get_named(&self, value: &Value, name: &Value) -> Result<Value, Value> {
        let key = Atom::of(*self, name)?;
        // SAFETY: context, value and key are live; the result is an owned count.
        self.adopt(unsafe { qjs::JS_GetProperty(self.ctx().as_ptr(), value.raw(), key.raw()) })
    }

    fn has_property(&self, object: &Value, key: Key<'_>) -> Result<bool, Value> {
        let key = self.key(key)?;
        // SAFETY: context, object and key are live.
        self.check(unsafe { qjs::JS_HasProperty(self.ctx().as_ptr(), object.raw(), key.raw()) })
    }

    fn define_property(&self, object: &Value, key: Key<'_>, value: Value, attributes: Attributes) -> Result<(), Value> {
        let key = self.key(key)?;
        // SAFETY: context, object and key are live; QuickJS takes over the count of the value.
        let result = unsafe {
            qjs::JS_DefinePropertyValue(
                self.ctx().as_ptr(),
                object.raw(),
                key.raw(),
                value.into_raw(),
                flags(attributes),
            )
        };
        self.check(result).map(drop)
    }

    fn define_accessor(
        &self,
        object: &Value,
        key: Key<'_>,
        getter: Value,
        setter: Option<Value>,
        attributes: Attributes,
    ) -> Result<(), Value> {
        let key = self.key(key)?;
        let setter = setter.map_or(qjs::JS_UNDEFINED, Value::into_raw);
        let attributes = Attributes { writable: false, ..attributes };
        // SAFETY: context, object and key are live; QuickJS takes over the counts of the functions.
        let result = unsafe {
            qjs::JS_DefinePropertyGetSet(
                self.ctx().as_ptr(),
                object.raw(),
                key.raw(),
                getter.into_raw(),
                setter,
                flags(attributes),
            )
        };
        self.check(result).map(drop)
    }

    fn set_prototype(&self, object: &Value, prototype: &Value) -> Result<(), Value> {
        // SAFETY: context, object and prototype are live.
        self.check(unsafe { qjs::JS_SetPrototype(self.ctx().as_ptr(), object.raw(), prototype.raw()) }).map(drop)
    }

    fn freeze(&self, object: &Value) -> Result<(), Value> {
        // SAFETY: context and object are live.
        self.check(unsafe { qjs::JS_FreezeObject(self.ctx().as_ptr(), object.raw()) }).map(drop)
    }

    fn call(&self, function: &Value, this: &Value, args: &[Value]) -> Result<Value, Value> {
        let args: Vec<qjs::JSValue> = args.iter().map(Value::raw).collect();
        property::call(*self, function.raw(), this.raw(), &args)
    }

    fn new_function(
        &self,
        name: &str,
        length: u32,
        kind: FunctionKind,
        steps: NativeFunction<Self>,
        captures: Vec<Value>,
    ) -> Result<Value, Value> {
        builtin::new(*self, name, length, kind, steps, captures)
    }

    #[inline]
    fn run_with_numbers(
        &self,
        function: &HostFunction<Self>,
        ty: &FuncType,
        values: &mut [ValRaw],
    ) -> Result<(), Value> {
        import::run_with_numbers(*self, function, ty, values)
    }

    #[inline]
    fn entering_javascript(&self) {
        if self.runtime().traced_context.get() != self.ctx().as_ptr() {
            stack_trace::install(*self);
        }
    }

    fn new_platform_object(
        &self,
        prototype: Option<&Value>,
        slots: Rc<dyn PlatformObject<Self>>,
    ) -> Result<Value, Value> {
        let prototype = prototype.map_or(qjs::JS_NULL, Value::raw);
        let body = ObjectBox::new(*self, slots)?;
        // SAFETY: the class was registered with `ObjectBox`.
        let object = unsafe { class::new_object(self.ctx(), self.classes().object, prototype, body) };
        self.adopt(object.unwrap_or(qjs::JS_EXCEPTION))
    }

    fn new_exported_function(
        &self,
        name: &str,
        length: u32,
        slots: Rc<ExportedFunction<Self>>,
    ) -> Result<Value, Value> {
        exported::new(*self, name, length, slots)
    }

    fn export_names(&self, names: &mut dyn Iterator<Item = &str>) -> Result<ExportNames, Value> {
        ExportNames::new(*self, names)
    }

    fn new_exports_object(&self, slots: Rc<ExportsObject<Self>>) -> Result<Value, Value> {
        exports::new(*self, slots)
    }

    fn new_exported_gc_object(&self, id: u32, slots: Rc<dyn PlatformObject<Self>>) -> Result<Value, Value> {
        gc_object::new(*self, id, slots)
    }

    fn heap_object(&self, id: u32) -> Option<Value> {
        gc_object::find(*self, id)
    }

    fn remember_heap_object(&self, id: u32, object: &Value) {
        gc_object::remember(*self, id, object);
    }

    fn forget_heap_object(&self, id: u32) {
        gc_object::forget(*self, id);
    }

    fn exported_gc_object_slots(&self, value: &Value) -> Option<Rc<dyn PlatformObject<Self>>> {
        gc_object::slots(*self, value)
    }

    fn slots(&self, value: &Value) -> Option<Rc<dyn PlatformObject<Self>>> {
        let classes = self.classes();
        // SAFETY: the classes were registered with these boxes, and `value` keeps the object meanwhile.
        unsafe {
            if let Some(body) = class::body::<ObjectBox>(value.raw(), classes.object) {
                return Some(Rc::clone(body.slots()));
            }
            let exported = class::body::<Exported>(value.raw(), classes.exported)?;
            Some(exported.slots())
        }
    }

    fn keeper(&self, object: &Value) -> Keeper {
        let object = value::object_pointer(object.raw()).unwrap_or(NonNull::dangling());
        // SAFETY: the object is one that `new_platform_object` has just made around the body, so it drops the body when QuickJS
        // finalises it, and until then the agent's hooks count it and QuickJS asks it. An Exported GC Object is a Proxy that alone owns
        // the target with the body.
        unsafe { Keeper::new(object) }
    }

    fn keeper_object(&self, keeper: NonNull<c_void>) -> Value {
        self.borrow(value::object_value(keeper))
    }

    fn new_error(&self, prototype: &Value, message: Option<&Value>, frames: &[Frame]) -> Result<Value, Value> {
        error::new(*self, prototype, message, frames)
    }

    fn is_uncatchable(&self, thrown: &Value) -> bool {
        error::is_uncatchable(*self, thrown)
    }

    fn mark_uncatchable(&self, error: &Value) {
        error::mark_uncatchable(*self, error);
    }

    fn call_stack(&self) -> Value {
        error::call_stack(*self)
    }

    fn new_engine_error(&self, which: EngineError, frames: &[Frame]) -> Value {
        error::new_engine_error(*self, which, frames)
    }

    fn new_promise_capability(&self) -> Result<PromiseCapability<Value>, Value> {
        let mut functions = [qjs::JS_UNDEFINED; 2];
        // SAFETY: the context is live, and there is room for two functions, which are owned counts on success.
        let promise = unsafe { qjs::JS_NewPromiseCapability(self.ctx().as_ptr(), functions.as_mut_ptr()) };
        let promise = self.adopt(promise)?;
        let [resolve, reject] = functions;
        Ok(PromiseCapability { promise, resolve: self.own(resolve), reject: self.own(reject) })
    }

    fn promise_resolve(&self, value: &Value) -> Result<Value, Value> {
        // SAFETY: context and value are live; the result is an owned count.
        self.adopt(unsafe { qjs::JS_NewSettledPromise(self.ctx().as_ptr(), false, value.raw()) })
    }

    fn perform_promise_then(&self, promise: &Value, on_fulfilled: &Value, on_rejected: &Value) -> Result<(), Value> {
        // SAFETY: context and values are live; the result is an owned count.
        let derived =
            unsafe { qjs::JS_PromiseThen(self.ctx().as_ptr(), promise.raw(), on_fulfilled.raw(), on_rejected.raw()) };
        self.adopt(derived).map(drop)
    }

    fn in_parallel<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        done: impl FnOnce(&Self, T) + 'static,
    ) {
        self.runtime().tasks.in_parallel(*self, work, done);
    }

    fn queue_task(&self, task: impl FnOnce(&Self) + 'static) {
        self.runtime().tasks.queue(*self, task);
    }

    fn collect_garbage(&self) {
        let runtime = self.runtime();
        runtime.pressure.collect(runtime.rt, &runtime.agent);
    }

    fn copy_buffer_source(&self, value: &Value) -> Result<Option<Arc<[u8]>>, Value> {
        bytes::copy(*self, value)
    }

    fn is_buffer_source(&self, value: &Value) -> bool {
        bytes::is_source(*self, value)
    }

    fn new_array_buffer(&self, bytes: &[u8]) -> Result<Value, Value> {
        // SAFETY: the context is live; QuickJS copies the bytes. The result is an owned count.
        self.adopt(unsafe { qjs::JS_NewArrayBufferCopy(self.ctx().as_ptr(), bytes.as_ptr(), bytes.len() as _) })
    }

    fn has_resizable_memory_buffers(&self) -> bool {
        self.realm_ref().is_ok_and(|realm| {
            let intrinsics = &realm.data().intrinsics;
            intrinsics.resize.is_some() && intrinsics.memory_of_buffer.is_some()
        })
    }

    fn new_memory_buffer(&self, memory: &Memory, object: &Value, length: BufferLength) -> Result<Value, Value> {
        buffer::new(*self, memory, object, length)
    }

    fn detach_memory_buffer(&self, buffer: &Value) {
        buffer::detach(*self, buffer);
    }

    fn update_memory_buffer(&self, buffer: &Value, memory: &Memory) {
        buffer::update(*self, buffer, memory);
    }

    fn response(&self, value: &Value) -> Result<Option<Response>, Value> {
        let Some(streaming) = &self.runtime().streaming else { return Ok(None) };
        self.with_ctx(|ctx| {
            let value = self.lend_to_rquickjs(&ctx, value);
            streaming.response(&value).map_err(|error| self.thrown_by(error))
        })
    }

    fn consume_body(&self, response: &Value, builder: &ModuleBuilder) -> Result<Value, Value> {
        let Some(streaming) = &self.runtime().streaming else { return self.promise_resolve(&self.undefined()) };
        self.with_ctx(|ctx| {
            let response = self.lend_to_rquickjs(&ctx, response);
            match streaming.consume_body(&response, builder) {
                Ok(promise) => Ok(self.borrow(promise.as_raw())),
                Err(error) => Err(self.thrown_by(error)),
            }
        })
    }
}
