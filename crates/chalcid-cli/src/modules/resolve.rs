//! From a specifier to a module: Node's rules, with `oxc_resolver` for packages.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use oxc_resolver::{ResolveError, ResolveOptions, Resolver};
use rquickjs::{Ctx, Error, Result};
use url::Url;

use super::path;
use crate::node;
use crate::runtime::throw::{self, Kind};

/// One resolver for `import`, one for `require`: they differ in conditions and in what may be left out.
#[derive(Default)]
pub struct Resolvers {
    import: OnceCell<Resolver>,
    require: OnceCell<Resolver>,
}

fn options(condition: &str, fully_specified: bool) -> ResolveOptions {
    ResolveOptions {
        condition_names: vec!["node".to_owned(), condition.to_owned(), "module-sync".to_owned()],
        extensions: vec![".js".to_owned(), ".json".to_owned()],
        fully_specified,
        node_path: !fully_specified,
        ..ResolveOptions::default()
    }
}

impl Resolvers {
    /// What `import.meta.resolve` gives: an address need not be that of a file that exists.
    pub fn address(&self, ctx: &Ctx<'_>, base: &str, specifier: &str) -> Result<String> {
        match join(base, specifier) {
            Some(url) if is_address(specifier) => Ok(url.to_string()),
            _ => self.import(ctx, base, specifier),
        }
    }

    /// The name of the module that `specifier` means in the module `base`.
    pub fn import(&self, ctx: &Ctx<'_>, base: &str, specifier: &str) -> Result<String> {
        if let Some(name) = node::public_name(specifier) {
            return Ok(format!("node:{name}"));
        }
        if specifier.starts_with("node:") {
            return Err(unknown_builtin(ctx, specifier));
        }
        if specifier.starts_with("data:") {
            return Ok(specifier.to_owned());
        }
        if is_address(specifier) {
            return import_address(ctx, base, specifier);
        }
        if let Ok(url) = Url::parse(specifier) {
            let message = format!(
                "Only URLs with a scheme in: file, data, and node are supported by the loader. Received protocol '{}:'",
                url.scheme()
            );
            return Err(throw::throw_code(ctx, Kind::Error, &message, Some("ERR_UNSUPPORTED_ESM_URL_SCHEME")));
        }
        let from = directory_of(base);
        let resolver = self.import.get_or_init(|| Resolver::new(options("import", true)));
        match resolver.resolve(&from, specifier) {
            Ok(found) => {
                let url = path::file_url(found.path()).ok_or(Error::Unknown)?;
                Ok(url.to_string())
            }
            Err(error) => Err(import_failure(ctx, base, specifier, &error)),
        }
    }

    /// The file that `require(specifier)` means in a file of `directory`.
    pub fn require(&self, ctx: &Ctx<'_>, directory: &Path, specifier: &str) -> Result<PathBuf> {
        let resolver = self.require.get_or_init(|| Resolver::new(options("require", false)));
        resolver.resolve(directory, specifier).map(oxc_resolver::Resolution::into_path_buf).map_err(|error| {
            let (message, code) = match &error {
                ResolveError::NotFound(_) => (format!("Cannot find module '{specifier}'"), "MODULE_NOT_FOUND"),
                error => (package_error_message(error), package_error_code(error).unwrap_or("MODULE_NOT_FOUND")),
            };
            throw::throw_code(ctx, Kind::Error, &message, Some(code))
        })
    }
}

/// Whether a specifier is a path or a `file:` address, and not the name of a package.
fn is_address(specifier: &str) -> bool {
    ["/", "./", "../", "file:"].iter().any(|start| specifier.starts_with(start)) || matches!(specifier, "." | "..")
}

/// The address that `specifier` means in the module `base`.
fn join(base: &str, specifier: &str) -> Option<Url> {
    let base = match Url::parse(base) {
        Ok(url) if !url.cannot_be_a_base() => Some(url),
        _ => directory_url_of(base),
    };
    match base {
        Some(base) => base.join(specifier).ok(),
        None => Url::parse(specifier).ok(),
    }
}

/// A specifier that is an address or a path: it must name a file exactly.
fn import_address(ctx: &Ctx<'_>, base: &str, specifier: &str) -> Result<String> {
    let Some(mut url) = join(base, specifier) else {
        return Err(not_found(ctx, "module", specifier, base));
    };
    let Ok(file) = url.to_file_path() else {
        return Err(not_found(ctx, "module", specifier, base));
    };
    match std::fs::metadata(&file) {
        Ok(metadata) if metadata.is_dir() => {
            let message = format!(
                "Directory import '{}' is not supported resolving ES modules imported from {}",
                file.display(),
                display(base)
            );
            Err(throw::throw_code(ctx, Kind::Error, &message, Some("ERR_UNSUPPORTED_DIR_IMPORT")))
        }
        Ok(_) => {
            // One module per file, however many links lead to it.
            if let Ok(real) = file.canonicalize()
                && real != file
                && let Some(mut address) = path::file_url(&real)
            {
                address.set_query(url.query());
                address.set_fragment(url.fragment());
                url = address;
            }
            Ok(url.to_string())
        }
        Err(_) => Err(not_found(ctx, "module", &file.to_string_lossy(), base)),
    }
}

/// The directory that packages are looked up from in the module `base`.
fn directory_of(base: &str) -> PathBuf {
    match path::of_module(base) {
        Some(file) => file.parent().map_or_else(|| PathBuf::from("/"), Path::to_path_buf),
        None => path::current_directory(),
    }
}

fn directory_url_of(base: &str) -> Option<Url> {
    path::directory_url(&directory_of(base))
}

fn display(base: &str) -> String {
    path::of_module(base).map_or_else(|| base.to_owned(), |file| file.display().to_string())
}

fn not_found(ctx: &Ctx<'_>, what: &str, name: &str, base: &str) -> Error {
    let message = format!("Cannot find {what} '{name}' imported from {}", display(base));
    throw::throw_code(ctx, Kind::Error, &message, Some("ERR_MODULE_NOT_FOUND"))
}

fn unknown_builtin(ctx: &Ctx<'_>, specifier: &str) -> Error {
    let message = format!("No such built-in module: {specifier}");
    throw::throw_code(ctx, Kind::Error, &message, Some("ERR_UNKNOWN_BUILTIN_MODULE"))
}

fn import_failure(ctx: &Ctx<'_>, base: &str, specifier: &str, error: &ResolveError) -> Error {
    if let Some(code) = package_error_code(error) {
        let message = format!("{} imported from {}", package_error_message(error), display(base));
        return throw::throw_code(ctx, Kind::Error, &message, Some(code));
    }
    let package = package_name(specifier);
    not_found(ctx, "package", package, base)
}

/// The package's part of a bare specifier.
fn package_name(specifier: &str) -> &str {
    let slashes = if specifier.starts_with('@') { 2 } else { 1 };
    specifier.match_indices('/').nth(slashes - 1).map_or(specifier, |(end, _)| &specifier[..end])
}

/// What is wrong with a package.
fn package_error_message(error: &ResolveError) -> String {
    match error {
        ResolveError::PackagePathNotExported { subpath, package_json_path, .. } if subpath == "." => {
            format!("No \"exports\" main defined in {}", package_json_path.display())
        }
        ResolveError::PackagePathNotExported { subpath, package_json_path, .. } => {
            format!("Package subpath '{subpath}' is not defined by \"exports\" in {}", package_json_path.display())
        }
        error => error.to_string(),
    }
}

/// Node's code for a fault of a package itself.
fn package_error_code(error: &ResolveError) -> Option<&'static str> {
    match error {
        ResolveError::PackagePathNotExported { .. } => Some("ERR_PACKAGE_PATH_NOT_EXPORTED"),
        ResolveError::PackageImportNotDefined(..) => Some("ERR_PACKAGE_IMPORT_NOT_DEFINED"),
        ResolveError::InvalidPackageTarget(..) => Some("ERR_INVALID_PACKAGE_TARGET"),
        ResolveError::InvalidModuleSpecifier(..) => Some("ERR_INVALID_MODULE_SPECIFIER"),
        ResolveError::Json(_) | ResolveError::InvalidPackageConfig(_) => Some("ERR_INVALID_PACKAGE_CONFIG"),
        _ => None,
    }
}
