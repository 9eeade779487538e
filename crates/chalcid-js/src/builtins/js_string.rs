//! String builtins: the set `js-string`.
//!
//! JS API, section "String Builtins". Each is a host function of the engine that works on [`Host`]'s strings: no JavaScript function
//! is called and no argument list is made.

use std::cmp::Ordering;

use chalcid::host::Tracer;
use chalcid::types::{
    AbsHeapType, CompType, DefTypeId, FieldType, FuncType, HeapType, RefType, StorageType, TypeHandle, ValType,
};
use chalcid::{Agent, ArrayRef, Engine, Error, HostCall, HostValue, Trap, TrapCode, Val, ValRaw};

use crate::host::{Host, Type};

const I32: ValType = ValType::I32;
const EXTERNREF: ValType = ValType::Ref(RefType::EXTERNREF);
const REF_EXTERN: ValType = ValType::Ref(RefType { nullable: false, heap: HeapType::Abstract(AbsHeapType::Extern) });

/// Stands for `(ref null arrayType)`, whose identity the engine gives.
const ARRAY: ValType = ValType::Ref(RefType { nullable: true, heap: HeapType::Abstract(AbsHeapType::Array) });

/// Declares the builtins with their names and types.
macro_rules! js_string {
    ($($(#[$doc:meta])* $variant:ident = $name:literal: $params:expr => $result:expr;)*) => {
        /// A function of the set.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum JsString { $($(#[$doc])* $variant),* }

        impl JsString {
            /// The function of a name.
            pub(super) fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// Parameters and result, where a type of array stands for `arrayType`.
            fn types(self) -> (&'static [ValType], ValType) {
                match self { $(Self::$variant => (&$params, $result),)* }
            }
        }
    };
}

js_string! {
    /// Whether a value is a String.
    Test = "test": [EXTERNREF] => I32;
    /// The value, which must be a String.
    Cast = "cast": [EXTERNREF] => REF_EXTERN;
    /// The String of a range of an array of code units.
    FromCharCodeArray = "fromCharCodeArray": [ARRAY, I32, I32] => REF_EXTERN;
    /// Writes the code units of a String to an array; their number.
    IntoCharCodeArray = "intoCharCodeArray": [EXTERNREF, ARRAY, I32] => I32;
    /// The String of one code unit.
    FromCharCode = "fromCharCode": [I32] => REF_EXTERN;
    /// The String of one code point.
    FromCodePoint = "fromCodePoint": [I32] => REF_EXTERN;
    /// The code unit at an index.
    CharCodeAt = "charCodeAt": [EXTERNREF, I32] => I32;
    /// The code point that begins at an index.
    CodePointAt = "codePointAt": [EXTERNREF, I32] => I32;
    /// Its length in code units.
    Length = "length": [EXTERNREF] => I32;
    /// One String after another.
    Concat = "concat": [EXTERNREF, EXTERNREF] => REF_EXTERN;
    /// The code units of a range.
    Substring = "substring": [EXTERNREF, I32, I32] => REF_EXTERN;
    /// Whether two are equal; null is equal to null.
    Equals = "equals": [EXTERNREF, EXTERNREF] => I32;
    /// −1, 0 or 1 as one comes before, with or after another.
    Compare = "compare": [EXTERNREF, EXTERNREF] => I32;
}

impl JsString {
    /// `funcType`, alone in its recursion group; `None` when there is no room for another type.
    pub(super) fn func_type(self, engine: &Engine) -> Option<TypeHandle> {
        let (params, result) = self.types();
        // Let arrayType be (rec (type (array (mut i16)))).0.
        let array_type = engine.register_type(CompType::Array(CODE_UNITS)).ok()?;
        let params = params.iter().map(|ty| if *ty == ARRAY { array_of(array_type.id()) } else { *ty });
        let ty = FuncType { params: params.collect(), results: Box::new([result]) };
        engine.register_type(CompType::Func(ty)).ok()
    }

    /// A host function that executes the steps.
    pub(super) fn host_function<H: Host>(self, host: &H) -> StringFunction<H> {
        StringFunction { host: host.clone(), realm: host.to_host_value(host.realm_anchor()), which: self }
    }
}

/// What `arrayType` holds.
const CODE_UNITS: FieldType = FieldType { storage: StorageType::I16, mutable: true };

/// `(ref null arrayType)`
fn array_of(ty: DefTypeId) -> ValType {
    ValType::Ref(RefType { nullable: true, heap: HeapType::Concrete(ty) })
}

/// The host code of a builtin.
pub(super) struct StringFunction<H: Host> {
    host: H,
    /// Keeps the realm of `host`.
    realm: HostValue,
    which: JsString,
}

/// "Throw a RuntimeError exception as if a trap was executed."
fn trap(code: TrapCode) -> Error {
    Error::Trap(Trap::new(code))
}

impl<H: Host> StringFunction<H> {
    /// A reference as a value; `None` is null.
    fn value(&self, agent: &Agent, raw: ValRaw) -> Option<H::Value> {
        match agent.extern_from_raw(raw) {
            Some(value) => Some(self.host.from_host_value(&value)),
            None if raw.get_u32() == 0 => None,
            // A small Number or an object of WebAssembly: no String in any case.
            None => Some(self.host.undefined()),
        }
    }

    /// `UnwrapString(v)`
    fn unwrap_string(&self, agent: &Agent, raw: ValRaw) -> Result<H::Value, Error> {
        // 1. If v is not a String, throw a RuntimeError exception as if a trap was executed.
        let string = self.value(agent, raw).filter(|value| self.host.type_of(value) == Type::String);
        // 2. Return v.
        string.ok_or_else(|| trap(TrapCode::CastFailure))
    }

    /// What may be compared with `equals`: a String or null.
    fn unwrap_nullable_string(&self, agent: &Agent, raw: ValRaw) -> Result<Option<H::Value>, Error> {
        match self.value(agent, raw) {
            Some(value) if self.host.type_of(&value) != Type::String => Err(trap(TrapCode::CastFailure)),
            value => Ok(value),
        }
    }

    fn string(&self, agent: &Agent, made: Result<H::Value, H::Value>) -> Result<ValRaw, Error> {
        let string = made.map_err(|thrown| Error::host_value(self.host.to_host_value(thrown)))?;
        agent.extern_to_raw(Some(self.host.to_host_value(string)))
    }

    /// An array, which must not be null.
    fn array(&self, agent: &Agent, raw: ValRaw) -> Result<ArrayRef, Error> {
        let array = Val::from_raw(agent, raw, ARRAY);
        array.any().and_then(chalcid::AnyRef::as_array).ok_or_else(|| trap(TrapCode::NullReference))
    }

    /// The code unit at an index that must be below the length.
    fn code_unit(&self, string: &H::Value, index: u32) -> Result<u16, Error> {
        self.host.code_unit_at(string, index).ok_or_else(|| trap(TrapCode::StringOutOfBounds))
    }

    fn run(&self, agent: &Agent, values: &[ValRaw]) -> Result<ValRaw, Error> {
        let host = &self.host;
        let boolean = |value: bool| ValRaw::i32(i32::from(value));
        Ok(match self.which {
            JsString::Test => {
                boolean(self.value(agent, values[0]).is_some_and(|value| host.type_of(&value) == Type::String))
            }
            JsString::Cast => {
                self.unwrap_string(agent, values[0])?;
                values[0]
            }
            JsString::FromCharCodeArray => {
                // 1. If array is null, throw a RuntimeError exception as if a trap was executed.
                let array = self.array(agent, values[0])?;
                let (start, end) = (values[1].get_u32(), values[2].get_u32());
                // 3. If start > end or end > length, throw a RuntimeError exception as if a trap was executed.
                if start > end || end > array.len() {
                    return Err(trap(TrapCode::ArrayOutOfBounds));
                }
                let mut units = vec![0; (end - start) as usize];
                array.read_u16(start, &mut units)?;
                self.string(agent, host.string_of_code_units(&units))?
            }
            JsString::IntoCharCodeArray => {
                // 1. If array is null, throw a RuntimeError exception as if a trap was executed.
                let array = self.array(agent, values[1])?;
                let string = self.unwrap_string(agent, values[0])?;
                let (length, start) = (host.string_length(&string), values[2].get_u32());
                // 5. If start + stringLength > arrayLength, throw a RuntimeError exception as if a trap was executed.
                if u64::from(start) + u64::from(length) > array.len().into() {
                    return Err(trap(TrapCode::ArrayOutOfBounds));
                }
                array.write_u16(start, &host.code_units(&string))?;
                ValRaw::u32(length)
            }
            JsString::FromCharCode => {
                // String.fromCharCode takes the number modulo 2^16.
                let unit = values[0].get_u32() as u16;
                self.string(agent, host.string_of_code_units(&[unit]))?
            }
            JsString::FromCodePoint => {
                // 1. If v > 0x10ffff, throw a RuntimeError exception as if a trap was executed.
                let point = values[0].get_u32();
                match (u16::try_from(point), char::from_u32(point)) {
                    // Surrogates are code points, too.
                    (Ok(unit), _) => self.string(agent, host.string_of_code_units(&[unit]))?,
                    (_, Some(point)) => {
                        self.string(agent, host.string_of_code_units(point.encode_utf16(&mut [0; 2])))?
                    }
                    _ => return Err(trap(TrapCode::InvalidCodePoint)),
                }
            }
            JsString::CharCodeAt => {
                let string = self.unwrap_string(agent, values[0])?;
                ValRaw::i32(self.code_unit(&string, values[1].get_u32())?.into())
            }
            JsString::CodePointAt => {
                let string = self.unwrap_string(agent, values[0])?;
                let index = values[1].get_u32();
                let lead = self.code_unit(&string, index)?;
                let trail = index.checked_add(1).and_then(|index| host.code_unit_at(&string, index));
                ValRaw::u32(code_point(lead, trail))
            }
            JsString::Length => {
                let string = self.unwrap_string(agent, values[0])?;
                ValRaw::u32(host.string_length(&string))
            }
            JsString::Concat => {
                let first = self.unwrap_string(agent, values[0])?;
                let second = self.unwrap_string(agent, values[1])?;
                self.string(agent, host.concat(&first, &second))?
            }
            JsString::Substring => {
                let string = self.unwrap_string(agent, values[0])?;
                let (start, end) = (values[1].get_u32(), values[2].get_u32());
                let length = host.string_length(&string);
                // 3. If start > end or start > length, return the empty string.
                if start > end || start > length {
                    self.string(agent, host.string_of_code_units(&[]))?
                } else {
                    self.string(agent, host.substring(&string, start, end.min(length)))?
                }
            }
            JsString::Equals => {
                let first = self.unwrap_nullable_string(agent, values[0])?;
                let second = self.unwrap_nullable_string(agent, values[1])?;
                boolean(match (first, second) {
                    (Some(first), Some(second)) => host.same_value(&first, &second),
                    (first, second) => first.is_none() && second.is_none(),
                })
            }
            JsString::Compare => {
                let first = self.unwrap_string(agent, values[0])?;
                let second = self.unwrap_string(agent, values[1])?;
                ValRaw::i32(match host.compare_strings(&first, &second) {
                    Ordering::Less => -1,
                    Ordering::Equal => 0,
                    Ordering::Greater => 1,
                })
            }
        })
    }
}

/// The code point that begins with a code unit.
///
/// ECMAScript, `CodePointAt`.
fn code_point(lead: u16, trail: Option<u16>) -> u32 {
    match (lead, trail) {
        (0xd800..=0xdbff, Some(trail @ 0xdc00..=0xdfff)) => {
            0x1_0000 + ((u32::from(lead) - 0xd800) << 10) + (u32::from(trail) - 0xdc00)
        }
        _ => lead.into(),
    }
}

impl<H: Host> HostCall for StringFunction<H> {
    fn call(&self, agent: &Agent, _: &FuncType, values: &mut [ValRaw]) -> Result<(), Error> {
        values[0] = self.run(agent, values)?;
        Ok(())
    }

    fn trace(&self, tracer: &mut Tracer<'_, '_>) {
        tracer.value(&self.realm);
    }
}
