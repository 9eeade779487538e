//! Expected messages and ours.
//!
//! Messages of traps and link errors are the specification's own. Compile errors come mostly from the validating library, which
//! often says the same in other words, and now and then finds another fault first: [`COMPILE_ERRORS`] lists what stands for what.

/// What a script expects, and the beginnings of our messages that mean it. An expectation that ends in `…` is a beginning, too; a message of
/// `*` may stand anywhere.
///
/// Add a line only after looking at the module: the fault that our message names must really be there.
const COMPILE_ERRORS: &[(&str, &[&str])] = &[
    // The preamble.
    ("magic header not detected", &["expected magic word"]),
    ("unknown binary version", &["expected version"]),
    ("unexpected end", &["module is empty", "expected magic word", "expected version", "control frames remain at end"]),
    ("unknown type", &["type index greater than implementation limits"]),
    // Integers. One that is too long or too large is often taken for a shorter one followed by something else.
    ("integer representation too long", &["*: integer representation too long"]),
    ("integer representation", &["invalid value type"]),
    (
        "integer representation too long",
        &[
            "invalid leading byte (0xe0) for type",
            "invalid memory limits flags",
            "invalid table resizable limits flags",
            "malformed section id",
            "trailing bytes at end of section",
            "unexpected end-of-file",
        ],
    ),
    ("integer too large", &["*: integer too large", "memory size must be at most", "offset out of range"]),
    (
        "integer too large",
        &[
            "invalid memop alignment",
            "invalid memory limits flags",
            "invalid table resizable limits flags",
            "malformed section id",
            "trailing bytes at end of section",
            "unexpected end-of-file",
        ],
    ),
    (
        "i32 constant…",
        &["invalid var_u32: integer too large", "memory size must be at most", "table size must be at most"],
    ),
    ("offset out of range", &["invalid var_u32: integer too large"]),
    // Sections and their order.
    ("END opcode expected", &["control frames remain at end"]),
    ("unexpected end of section or function", &["control frames remain at end", "unexpected end-of-file"]),
    ("unexpected end of section or function", &["unknown label: branch depth too large"]),
    ("section size mismatch", &["control frames remain at end"]),
    ("unexpected content after last section", &["section out of order", "function and code section have inconsistent"]),
    ("junk after last section", &["section out of order"]),
    ("multiple start sections", &["section out of order"]),
    ("length out of bounds", &["unexpected end-of-file", "expected section, got wasm magic number"]),
    ("invalid section id", &["malformed section id"]),
    ("malformed section id", &["unexpected end-of-file"]),
    (
        "function and code section have inconsistent lengths",
        &[
            "function section has non-zero count but code section is absent",
            "function section is absent but code section has non-zero count",
        ],
    ),
    ("data count and data section have inconsistent lengths", &["data count is non-zero but data section is absent"]),
    ("invalid UTF-8 encoding", &["malformed UTF-8 encoding"]),
    // Kinds and flags.
    ("malformed import kind", &["*for external kind", "unexpected end-of-file"]),
    ("malformed limits flags", &["invalid memory limits flags", "invalid table resizable limits flags"]),
    ("malformed limits flags", &["unexpected end-of-file"]),
    ("malformed elements segment kind", &["unexpected end-of-file"]),
    ("malformed definition type", &["*for type"]),
    ("malformed mutability", &["malformed global flags", "shared globals require"]),
    ("invalid mutability", &["malformed global flags", "shared globals require", "unexpected end-of-file"]),
    ("malformed memop flags", &["malformed memop: reserved flags", "invalid memop alignment"]),
    ("invalid value type", &["unexpected end-of-file"]),
    ("illegal opcode ff", &["illegal opcode: 0xff"]),
    ("illegal opcode", &["unexpected end-of-file", "constant expression required"]),
    ("zero byte expected", &["unknown memory 1"]),
    (
        "zero flag expected",
        &["unknown memory 1", "unknown table 1", "zero byte expected", "trailing bytes at end of section"],
    ),
    ("invalid lane index", &["SIMD index out of bounds"]),
    // Validity.
    ("alignment must not be larger than natural", &["invalid memop alignment: alignment must not be larger"]),
    ("memory size must be at most 65536 pages (4GiB)", &["memory size must be at most 0x10000 65536-byte pages"]),
    ("start function", &["invalid start function type"]),
    ("immutable global", &["global is immutable"]),
    ("immutable array", &["*array is immutable"]),
    ("immutable field", &["*struct field is immutable"]),
    ("array type is not numeric or vector", &["*array type is not numeric or vector"]),
    ("non-empty tag result type", &["*non-empty tag result type"]),
    ("constant expression required", &["type mismatch: expected funcref, found i32"]),
    ("type mismatch", &["*type mismatch: expected"]),
    (
        "type mismatch: instruction requires [i32] but stack has []",
        &["type mismatch: expected i32 but nothing on stack"],
    ),
    ("type mismatch: instruction requires [i32] but stack has [i64]", &["type mismatch: expected i32, found i64"]),
    ("unexpected token", &["legacy_exceptions feature required"]),
    // Descriptors.
    (
        "descriptor type is outside rec group",
        &["unknown type 1: type index out of bounds", "descriptor with no matching describes"],
    ),
    ("described type is outside rec group", &["forward describes reference", "describes with no matching descriptor"]),
    ("type is not described by its descriptor", &["descriptor with no matching describes"]),
    ("described type is not described by descriptor", &["describes with no matching descriptor"]),
    ("forward use of described type", &["forward describes reference"]),
    ("descriptor type must be a struct", &["descriptor clause on non-struct type"]),
    ("described type must be a struct", &["describes clause on non-struct type"]),
    ("descriptor type …", &["supertype of described type must be described by supertype of descriptor"]),
    ("described type …", &["supertype of descriptor does not match"]),
    (
        "sub type …",
        &[
            "supertype of type without descriptor cannot have descriptor",
            "supertype of descriptor must be a descriptor",
            "supertype of non-descriptor type cannot be a descriptor",
            "sub type with descriptor must have super type with descriptor",
            "sub type must match super type",
        ],
    ),
    (
        "descriptor and described types have mismatched finality",
        &["descriptor and described type must have the same finality"],
    ),
    ("type without descriptor", &["expected type with descriptor"]),
    (
        "type without descriptor requires non-descriptor allocation",
        &["invalid `struct.new_desc`: type", "invalid `struct.new_default_desc`: type"],
    ),
    ("type any does not have a descriptor", &["unexpected heap type"]),
    ("type none does not have a descriptor", &["unexpected heap type"]),
    ("type …", &["cast target must have descriptor"]),
    ("malformed export kind", &["Exact type is not allowed in the exports"]),
    ("malformed storage type", &["unexpected exact type", "unknown type 98"]),
];

/// Whether a message begins as expected.
pub fn begins_as(found: &str, expected: &str) -> bool {
    found.starts_with(expected)
}

/// Whether a trap's message is the expected one. Some scripts add detail that we do not give ("uninitialized element 2").
pub fn trap_matches(found: &str, expected: &str) -> bool {
    begins_as(found, expected) || begins_as(expected, found)
}

/// Whether a compile error says what is expected.
pub fn compile_error_matches(found: &str, expected: &str) -> bool {
    begins_as(found, expected)
        || COMPILE_ERRORS
            .iter()
            .filter(|(meaning, _)| match meaning.strip_suffix('…') {
                Some(beginning) => begins_as(expected, beginning),
                None => expected == *meaning,
            })
            .flat_map(|(_, beginnings)| *beginnings)
            .any(|beginning| match beginning.strip_prefix('*') {
                Some(part) => found.contains(part),
                None => begins_as(found, beginning),
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_errors_do_not_mix() {
        assert!(compile_error_matches("type mismatch: expected i32, found i64", "type mismatch"));
        assert!(compile_error_matches("invalid var_u32: integer too large", "integer too large"));
        assert!(!compile_error_matches("unexpected end-of-file", "type mismatch"));
        assert!(!compile_error_matches("unknown local 3", "unknown global"));
    }

    #[test]
    fn traps_match_by_their_beginning() {
        assert!(trap_matches("uninitialized element", "uninitialized element 2"));
        assert!(trap_matches("undefined element", "undefined"));
        assert!(!trap_matches("undefined element", "uninitialized element"));
        assert!(!trap_matches("unreachable", "out of bounds memory access"));
    }
}
