//! `fs`: JavaScript's side of [`fs_operations`](super::fs_operations).

use std::rc::Rc;

use rquickjs::function::Rest;
use rquickjs::{Array, Ctx, FromJs, Object, Promise, Result, TypedArray, Value};

use super::fs_operations::{Files, Operation, Reply};
use crate::bytes;
use crate::runtime::Shell;
use crate::runtime::builtins::{Builtin, method};
use crate::runtime::throw::{self, Kind};

/// `fs`.
pub const BUILTIN: Builtin = Builtin::native("fs", "node/fs", natives);

fn natives<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    let files = Files::default();
    let of = files.clone();
    method(&native, "now", move |ctx: Ctx<'js>, name: String, arguments: Rest<Value<'js>>| -> Result<Value<'js>> {
        match operation(&ctx, &name, &arguments.0)?.run(&of) {
            Ok(reply) => into_js(&ctx, reply),
            Err(error) => Err(error.throw(&ctx)),
        }
    })?;
    let shell = Rc::clone(shell);
    method(
        &native,
        "later",
        move |ctx: Ctx<'js>, name: String, arguments: Rest<Value<'js>>| -> Result<Promise<'js>> {
            let operation = operation(&ctx, &name, &arguments.0)?;
            let files = files.clone();
            shell.in_background(&ctx, operation.is_quick(), move || {
                let result = operation.run(&files);
                Box::new(move |ctx| match result {
                    Ok(reply) => into_js(ctx, reply),
                    Err(error) => Err(error.throw(ctx)),
                })
            })
        },
    )?;
    Ok(native)
}

/// The arguments of one call, taken in order.
struct Arguments<'a, 'js> {
    ctx: &'a Ctx<'js>,
    rest: std::slice::Iter<'a, Value<'js>>,
}

impl<'js> Arguments<'_, 'js> {
    fn next<T: FromJs<'js>>(&mut self) -> Result<T> {
        let value = self.rest.next().cloned().unwrap_or_else(|| Value::new_undefined(self.ctx.clone()));
        T::from_js(self.ctx, value)
    }

    fn bytes(&mut self) -> Result<Vec<u8>> {
        bytes::copy(&self.next::<TypedArray<'js, u8>>()?)
    }

    /// A whole number that JavaScript has already checked.
    fn size(&mut self) -> Result<u64> {
        Ok(self.next::<f64>()?.max(0.0) as u64)
    }

    fn position(&mut self) -> Result<Option<u64>> {
        Ok(self.next::<Option<f64>>()?.filter(|position| *position >= 0.0).map(|position| position as u64))
    }
}

fn operation<'js>(ctx: &Ctx<'js>, name: &str, arguments: &[Value<'js>]) -> Result<Operation> {
    let mut of = Arguments { ctx, rest: arguments.iter() };
    Ok(match name {
        "open" => Operation::Open { path: of.next()?, flags: of.next()?, mode: of.next()? },
        "close" => Operation::Close { fd: of.next()? },
        "read" => Operation::Read {
            fd: of.next()?,
            length: usize::try_from(of.size()?).unwrap_or(usize::MAX),
            position: of.position()?,
        },
        "write" => Operation::Write { fd: of.next()?, bytes: of.bytes()?, position: of.position()? },
        "readFile" => Operation::ReadFile { path: of.next()? },
        "readAll" => Operation::ReadAll { fd: of.next()? },
        "writeFile" => {
            Operation::WriteFile { path: of.next()?, bytes: of.bytes()?, flags: of.next()?, mode: of.next()? }
        }
        "stat" => Operation::Stat { path: of.next()?, follow: true },
        "lstat" => Operation::Stat { path: of.next()?, follow: false },
        "fstat" => Operation::FStat { fd: of.next()? },
        "readdir" => Operation::ReadDir { path: of.next()? },
        "mkdir" => Operation::MakeDir { path: of.next()?, recursive: of.next()?, mode: of.next()? },
        "mkdtemp" => Operation::MakeTempDir { prefix: of.next()? },
        "unlink" => Operation::Unlink { path: of.next()? },
        "rmdir" => Operation::RemoveDir { path: of.next()? },
        "rm" => Operation::Remove { path: of.next()?, recursive: of.next()?, force: of.next()? },
        "rename" => Operation::Rename { path: of.next()?, dest: of.next()? },
        "copyFile" => Operation::Copy { path: of.next()?, dest: of.next()?, exclusive: of.next()? },
        "symlink" => Operation::Symlink { target: of.next()?, path: of.next()? },
        "link" => Operation::Link { path: of.next()?, dest: of.next()? },
        "readlink" => Operation::ReadLink { path: of.next()? },
        "realpath" => Operation::RealPath { path: of.next()? },
        "access" => Operation::Access { path: of.next()?, mode: of.next()? },
        "chmod" => Operation::ChangeMode { path: of.next()?, mode: of.next()? },
        "truncate" => Operation::Truncate { path: of.next()?, length: of.size()? },
        "ftruncate" => Operation::FTruncate { fd: of.next()?, length: of.size()? },
        "fsync" => Operation::Sync { fd: of.next()? },
        "utimes" => Operation::SetTimes { path: of.next()?, accessed: of.next()?, modified: of.next()? },
        name => return Err(throw::throw(ctx, Kind::Error, &format!("no such file operation: {name}"))),
    })
}

fn into_js<'js>(ctx: &Ctx<'js>, reply: Reply) -> Result<Value<'js>> {
    Ok(match reply {
        Reply::Done => Value::new_undefined(ctx.clone()),
        Reply::Number(number) => Value::new_number(ctx.clone(), number),
        Reply::Bytes(content) => bytes::uint8_array(ctx, content)?,
        Reply::Text(Some(text)) => rquickjs::String::from_str(ctx.clone(), &text)?.into_value(),
        Reply::Text(None) => Value::new_undefined(ctx.clone()),
        Reply::Stat(fields) => {
            let array = Array::new(ctx.clone())?;
            for (index, field) in fields.iter().enumerate() {
                array.set(index, *field)?;
            }
            array.into_value()
        }
        Reply::Entries(entries) => {
            let array = Array::new(ctx.clone())?;
            for (index, (name, kind)) in entries.into_iter().enumerate() {
                array.set(2 * index, name)?;
                array.set(2 * index + 1, kind)?;
            }
            array.into_value()
        }
    })
}
