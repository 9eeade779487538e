//! Strings, unit by unit.
//!
//! QuickJS's C functions copy a whole string to look at one unit of it, or make another string of that unit. The string builtins of
//! WebAssembly ask for units one at a time, so this file reads them where they are: it knows how the QuickJS that the crate is made for
//! lays strings out, and [`Layout::find`] shows before the first use that it is so; where it is not (QuickJS can be built with lists of
//! its strings), the slow ways are taken.
//!
//! ```text
//! string:  | length:31 wide:1 | hash:28 kind:2 atom:2 | … | data: normal: the units; slice: parent, offset in bytes; indirect: pointer |
//! rope:    | length | … | left | right: the empty string once the rope was made one string, which is then `left` |
//! ```

use std::cmp::Ordering;
use std::ffi::c_void;
use std::slice;

use chalcid_js::host::Host;
use rquickjs::qjs;

use crate::QuickJs;
use crate::property;
use crate::value::{self, Value};

/// Where the data of a string begins, from its pointer.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    data: usize,
}

/// The units of a string that lives as long as they are used.
enum Units<'a> {
    Narrow(&'a [u8]),
    Wide(&'a [u16]),
}

const KIND_NORMAL: u32 = 0;
const KIND_SLICE: u32 = 1;
const KIND_INDIRECT: u32 = 2;

/// From how many units on two strings are joined by reference.
const LONG: u32 = 2048;

impl Layout {
    /// The layout that the linked QuickJS has, if this file knows it.
    pub(crate) fn find(host: QuickJs) -> Option<Self> {
        const NARROW: &str = "a string that is longer than any of the structures that lie before its units";
        let wide: Vec<u16> = NARROW.chars().map(|c| c as u16 + 0x100).collect();
        let strings = [host.new_string(NARROW).ok()?, host.string_of_code_units(&wide).ok()?];
        // With and without the links of a list of all strings.
        [24, 40].map(|data| Self { data }).into_iter().find(|layout| {
            let [narrow, wide_string] = &strings;
            // SAFETY: both strings are alive, and longer than the farthest place that is looked at.
            unsafe {
                layout.is_plain(narrow.raw(), NARROW.len(), false)
                    && layout.is_plain(wide_string.raw(), wide.len(), true)
                    && matches!(layout.of_string(narrow.raw()), Some(Units::Narrow(units)) if units == NARROW.as_bytes())
                    && matches!(layout.of_string(wide_string.raw()), Some(Units::Wide(units)) if units == wide)
            }
        })
    }

    /// Whether the header says what it must of a new string.
    ///
    /// # Safety
    /// The value is a live string.
    unsafe fn is_plain(self, string: qjs::JSValue, length: usize, wide: bool) -> bool {
        if value::tag(string) != qjs::JS_TAG_STRING {
            return false;
        }
        // SAFETY: the tag says that the payload is a pointer; a string's header has at least two words.
        let [first, second] = unsafe { qjs::JS_VALUE_GET_PTR(string).cast::<[u32; 2]>().read() };
        first as usize == length | usize::from(wide) << 31 && second >> 28 & 3 == KIND_NORMAL
    }

    /// The units of a value with the tag of a string.
    ///
    /// # Safety
    /// The value is live, and stays so while the units are used.
    #[inline]
    unsafe fn of_string<'a>(self, string: qjs::JSValue) -> Option<Units<'a>> {
        // SAFETY: the tag says that the payload is a pointer to the header, whose layout was checked.
        unsafe {
            let header = qjs::JS_VALUE_GET_PTR(string).cast::<u8>();
            let [first, second] = header.cast::<[u32; 2]>().read();
            let (length, is_wide) = ((first & 0x7fff_ffff) as usize, first >> 31 != 0);
            let data = header.add(self.data);
            let units = match second >> 28 & 3 {
                KIND_NORMAL => data,
                KIND_SLICE => {
                    let parent = data.cast::<*mut u8>().read();
                    parent.add(self.data + data.add(size_of::<*mut c_void>()).cast::<u32>().read() as usize)
                }
                KIND_INDIRECT => data.cast::<*mut u8>().read(),
                _ => return None,
            };
            Some(if is_wide {
                Units::Wide(slice::from_raw_parts(units.cast::<u16>(), length))
            } else {
                Units::Narrow(slice::from_raw_parts(units, length))
            })
        }
    }

    /// The string that a rope was already made, or else `None`.
    ///
    /// # Safety
    /// The value is a live rope.
    unsafe fn made_of_rope(rope: qjs::JSValue) -> Option<qjs::JSValue> {
        // SAFETY: as `of_string`: a rope is two words and two values, and what it holds lives as long as it.
        unsafe {
            let values = qjs::JS_VALUE_GET_PTR(rope).cast::<u8>().add(8).cast::<[qjs::JSValue; 2]>();
            let [left, right] = values.read();
            let is_empty = value::tag(right) == qjs::JS_TAG_STRING
                && qjs::JS_VALUE_GET_PTR(right).cast::<u32>().read() & 0x7fff_ffff == 0;
            (is_empty && value::tag(left) == qjs::JS_TAG_STRING).then_some(left)
        }
    }
}

impl Units<'_> {
    fn get(&self, index: u32) -> Option<u16> {
        match self {
            Self::Narrow(units) => units.get(index as usize).map(|&unit| unit.into()),
            Self::Wide(units) => units.get(index as usize).copied(),
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Narrow(a), Self::Narrow(b)) => a.cmp(b),
            (Self::Wide(a), Self::Wide(b)) => a.cmp(b),
            (Self::Narrow(a), Self::Wide(b)) => a.iter().map(|&unit| u16::from(unit)).cmp(b.iter().copied()),
            (Self::Wide(a), Self::Narrow(b)) => a.iter().copied().cmp(b.iter().map(|&unit| u16::from(unit))),
        }
    }
}

/// Runs steps on the units of a String; `None` where they cannot be read in place.
fn with_units<R>(host: QuickJs, string: &Value, steps: impl FnOnce(&Units<'_>) -> R) -> Option<R> {
    let layout = host.runtime().string_layout.get()?;
    if string.tag() == qjs::JS_TAG_STRING {
        // SAFETY: `string` holds the value while the steps run; they run no JavaScript.
        return Some(steps(&unsafe { layout.of_string(string.raw()) }?));
    }
    if string.tag() != qjs::JS_TAG_STRING_ROPE {
        return None;
    }
    // SAFETY: as above.
    if let Some(made) = unsafe { Layout::made_of_rope(string.raw()) } {
        // SAFETY: the rope holds the string.
        return Some(steps(&unsafe { layout.of_string(made) }?));
    }
    // SAFETY: context and value are live. QuickJS makes the rope one string, and remembers it if the rope has another holder:
    // there is one, the reference of WebAssembly.
    let made = host.adopt(unsafe { qjs::JS_ToString(host.ctx().as_ptr(), string.raw()) }).ok()?;
    if made.tag() != qjs::JS_TAG_STRING {
        return None;
    }
    // SAFETY: `made` holds the value while the steps run.
    Some(steps(&unsafe { layout.of_string(made.raw()) }?))
}

/// The length in code units; 0 for what is no String.
pub(crate) fn length(host: QuickJs, string: &Value) -> u32 {
    if !matches!(string.tag(), qjs::JS_TAG_STRING | qjs::JS_TAG_STRING_ROPE) {
        return 0;
    }
    let mut length = 0;
    // SAFETY: context and value are live. The `length` of a primitive String is its own: no JavaScript runs.
    let found = unsafe { qjs::JS_GetLength(host.ctx().as_ptr(), string.raw(), &mut length) };
    if found < 0 {
        drop(host.take_exception());
    }
    u32::try_from(length).unwrap_or(0)
}

/// The code unit at an index.
pub(crate) fn code_unit_at(host: QuickJs, string: &Value, index: u32) -> Option<u16> {
    match with_units(host, string, |units| units.get(index)) {
        Some(unit) => unit,
        None => host.code_units(string).get(index as usize).copied(),
    }
}

/// Which of two Strings comes first.
pub(crate) fn compare(host: QuickJs, a: &Value, b: &Value) -> Ordering {
    let in_place = with_units(host, a, |a| with_units(host, b, |b| a.compare(b))).flatten();
    in_place.unwrap_or_else(|| host.code_units(a).cmp(&host.code_units(b)))
}

/// The String of some code units.
pub(crate) fn of_code_units(host: QuickJs, units: &[u16]) -> Result<Value, Value> {
    if units.iter().all(|&unit| unit < 0x80) {
        let bytes: Vec<u8> = units.iter().map(|&unit| unit as u8).collect();
        // SAFETY: QuickJS copies the bytes, which are ASCII.
        return host
            .adopt(unsafe { qjs::JS_NewStringLen(host.ctx().as_ptr(), bytes.as_ptr().cast(), bytes.len() as _) });
    }
    // SAFETY: QuickJS copies the units.
    host.adopt(unsafe { qjs::JS_NewStringUTF16(host.ctx().as_ptr(), units.as_ptr(), units.len() as _) })
}

/// One String after another.
///
/// `String.prototype.concat` copies both, so that a program which builds a long text bit by bit would copy it for each bit. The `+`
/// of the language does not, but no C function of QuickJS leads to it: long strings are joined by a function of its language.
pub(crate) fn concat(host: QuickJs, first: &Value, second: &Value) -> Result<Value, Value> {
    let realm = host.realm_ref()?;
    let intrinsics = &realm.data().intrinsics;
    if length(host, first).saturating_add(length(host, second)) > LONG
        && let Some(add) = intrinsics.add.get_or_init(|| make_add(host))
    {
        return property::call(host, add.raw(), qjs::JS_UNDEFINED, &[first.raw(), second.raw()]);
    }
    match &intrinsics.string_concat {
        Some(concat) => property::call(host, concat.raw(), first.raw(), &[second.raw()]),
        None => host.string_of_code_units(&[host.code_units(first), host.code_units(second)].concat()),
    }
}

/// The function that joins; `None` in a context that cannot compile.
fn make_add(host: QuickJs) -> Option<Value> {
    const SOURCE: &std::ffi::CStr = c"(a, b) => a + b";
    let flags = (qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_STRICT) as i32;
    let length = SOURCE.count_bytes() as _;
    // SAFETY: the context is live; the source ends with a zero, which its length does not count. The result is an owned count.
    let function = host
        .adopt(unsafe { qjs::JS_Eval(host.ctx().as_ptr(), SOURCE.as_ptr(), length, c"WebAssembly".as_ptr(), flags) });
    function.ok().filter(|function| host.is_callable(function))
}

/// The code units of a range that the String has.
pub(crate) fn substring(host: QuickJs, string: &Value, start: u32, end: u32) -> Result<Value, Value> {
    let realm = host.realm_ref()?;
    match &realm.data().intrinsics.string_substring {
        Some(substring) => {
            let (start, end) = (host.number(start.into()), host.number(end.into()));
            property::call(host, substring.raw(), string.raw(), &[start.raw(), end.raw()])
        }
        None => {
            let units = host.code_units(string);
            host.string_of_code_units(units.get(start as usize..end as usize).unwrap_or_default())
        }
    }
}
