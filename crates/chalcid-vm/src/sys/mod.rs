//! What differs between platforms: mappings, stacks, memory for code.

pub(crate) mod bytes;
pub(crate) mod code;
pub(crate) mod image;
pub(crate) mod mapping;
pub(crate) mod stack;
