//! Exceptions of WebAssembly.

use std::fmt;

use chalcid_vm::ObjectRef;

use crate::host::Raw;
use crate::types::Text;
use crate::{Agent, Error, Misuse, Tag, Val};

/// An exception: a tag, and the values that it carries. A handle keeps it; cloning gives another handle to the same one, and two are equal exactly
/// when they are the same exception.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exception(ObjectRef);

impl Exception {
    /// An exception of a tag, with the values it carries.
    pub fn new(agent: &Agent, tag: &Tag, args: &[Val]) -> Result<Self, Error> {
        if tag.agent() != *agent {
            return Err(Misuse::Foreign("a tag").into());
        }
        let ty = tag.ty();
        if args.len() != ty.params.len() {
            return Err(Misuse::arguments(&ty, args.len()).into());
        }
        let values = args.iter().zip(&ty.params).map(|(arg, ty)| arg.to_global(agent, *ty));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        Ok(Self(ObjectRef::new_exception(tag.raw(), &values)?))
    }

    /// The agent it belongs to.
    pub fn agent(&self) -> Agent {
        Agent::from_raw(self.0.agent())
    }

    /// Its tag.
    pub fn tag(&self) -> Tag {
        match self.0.tag() {
            Some(tag) => Tag::from_raw(tag),
            // These handles are made of exceptions alone.
            None => unreachable!("an exception without a tag"),
        }
    }

    /// The values that it carries.
    pub fn args(&self) -> Result<Vec<Val>, Error> {
        let (agent, ty) = (self.agent(), self.tag().ty());
        let value = |(index, ty): (usize, &_)| Ok(Val::from_global(&agent, self.0.get(index as u32)?, *ty));
        ty.params.iter().enumerate().map(value).collect()
    }

    /// Whether it is of a tag.
    pub fn is(&self, tag: &Tag) -> bool {
        self.tag() == *tag
    }

    /// A number that tells it from every other exception of its agent, as long as it lives.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn from_object(object: ObjectRef) -> Self {
        Self(object)
    }

    pub(crate) fn into_object(self) -> ObjectRef {
        self.0
    }

    pub(crate) fn object(&self) -> &ObjectRef {
        &self.0
    }
}

/// Its tag's parameters: `uncaught exception (i32, externref)`.
impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("uncaught exception")?;
        let ty = self.tag().ty();
        for (index, param) in ty.params.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { " (" } else { ", " }, Text(*param))?;
        }
        f.write_str(if ty.params.is_empty() { "" } else { ")" })
    }
}

impl std::error::Error for Exception {}
