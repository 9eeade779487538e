//! The names that a CommonJS file exports, found without running it.
//!
//! `import { name } from "./file.cjs"` has to be linked before the file runs, so its names are read off its text, as Node does:
//! assignments to `exports.name`, `Object.defineProperty(exports, "name", …)`, `module.exports = { name, … }`, and re-exports
//! (`module.exports = require("…")`, `__exportStar(require("…"), exports)`, spreads of `require("…")`). This is a reading of
//! tokens, not a parse: a name too many is harmless (its value is undefined), one too few is an import error that `import
//! whole from` avoids.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rquickjs::Ctx;

use super::format::{self, Format};
use crate::runtime::Shell;

/// Re-exports are followed this deep.
const MOST_DEPTH: usize = 16;

/// The export names of the CommonJS file `file`.
pub fn of_file(ctx: &Ctx<'_>, shell: &Rc<Shell>, file: &Path) -> Vec<String> {
    let mut names = Names::default();
    collect(ctx, shell, file, &mut names, &mut HashSet::new(), 0);
    names.list
}

#[derive(Default)]
struct Names {
    list: Vec<String>,
    known: HashSet<String>,
}

impl Names {
    fn add(&mut self, name: &str) {
        if self.known.insert(name.to_owned()) {
            self.list.push(name.to_owned());
        }
    }
}

fn collect(
    ctx: &Ctx<'_>,
    shell: &Rc<Shell>,
    file: &Path,
    names: &mut Names,
    seen: &mut HashSet<PathBuf>,
    depth: usize,
) {
    if depth > MOST_DEPTH || !seen.insert(file.to_path_buf()) {
        return;
    }
    if !matches!(format::of(file), Format::CommonJs | Format::Ambiguous) {
        return;
    }
    let Ok(bytes) = std::fs::read(file) else { return };
    let source = String::from_utf8_lossy(&bytes);
    let found = scan(&source);
    for name in &found.names {
        names.add(name);
    }
    let directory = file.parent().unwrap_or(file);
    for specifier in &found.reexports {
        match shell.modules.resolvers.require(ctx, directory, specifier) {
            Ok(target) => collect(ctx, shell, &target, names, seen, depth + 1),
            // It will fail again, aloud, when the file runs.
            Err(_) => drop(ctx.catch()),
        }
    }
}

/// What the text of one file says.
#[derive(Default, Debug, PartialEq, Eq)]
struct Found {
    names: Vec<String>,
    reexports: Vec<String>,
}

fn scan(source: &str) -> Found {
    let tokens = Tokens::new(source).collect::<Vec<_>>();
    let mut found = Found::default();
    let mut at = 0;
    while at < tokens.len() {
        at = match_at(&tokens, at, &mut found).unwrap_or(at + 1);
    }
    found
}

/// Tries the patterns at one token; gives the place to go on from if one matched.
fn match_at(tokens: &[Token<'_>], at: usize, found: &mut Found) -> Option<usize> {
    if at > 0 && tokens[at - 1] == Token::Mark('.') {
        return None;
    }
    match tokens.get(at)? {
        Token::Word("exports" | "module") => {
            let end = exports_reference(tokens, at)?;
            assignment(tokens, end, found)
        }
        Token::Word("Object") => {
            let call = [Token::Mark('.'), Token::Word("defineProperty"), Token::Mark('(')];
            let end = expect(tokens, at + 1, &call)?;
            let end = exports_reference(tokens, end)?;
            let end = expect(tokens, end, &[Token::Mark(',')])?;
            let Token::Text(name) = tokens.get(end)? else { return None };
            found.names.push((*name).to_owned());
            Some(end + 1)
        }
        Token::Word("__exportStar" | "__export" | "__reExport") => {
            let end = expect(tokens, at + 1, &[Token::Mark('(')])?;
            required(tokens, end, found)
        }
        // `tslib.__exportStar(…)`
        Token::Word(_) if tokens.get(at + 1) == Some(&Token::Mark('.')) => {
            let Token::Word("__exportStar") = tokens.get(at + 2)? else { return None };
            let end = expect(tokens, at + 3, &[Token::Mark('(')])?;
            required(tokens, end, found)
        }
        _ => None,
    }
}

/// `exports` or `module.exports`; the place after it.
fn exports_reference(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    match tokens.get(at)? {
        Token::Word("exports") => Some(at + 1),
        Token::Word("module") => expect(tokens, at + 1, &[Token::Mark('.'), Token::Word("exports")]),
        _ => None,
    }
}

/// What follows `exports`: a member that is assigned, or an assignment of the whole.
fn assignment(tokens: &[Token<'_>], at: usize, found: &mut Found) -> Option<usize> {
    match (tokens.get(at)?, tokens.get(at + 1)?) {
        (Token::Mark('.'), Token::Word(name)) if tokens.get(at + 2) == Some(&Token::Mark('=')) => {
            found.names.push((*name).to_owned());
            Some(at + 3)
        }
        (Token::Mark('['), Token::Text(name)) => {
            let end = expect(tokens, at + 2, &[Token::Mark(']'), Token::Mark('=')])?;
            found.names.push((*name).to_owned());
            Some(end)
        }
        (Token::Mark('='), Token::Mark('{')) => Some(object_literal(tokens, at + 2, found)),
        (Token::Mark('='), Token::Word("require")) => required(tokens, at + 1, found),
        _ => None,
    }
}

/// `require("…")`: a re-export.
fn required(tokens: &[Token<'_>], at: usize, found: &mut Found) -> Option<usize> {
    let end = expect(tokens, at, &[Token::Word("require"), Token::Mark('(')])?;
    let Token::Text(specifier) = tokens.get(end)? else { return None };
    found.reexports.push((*specifier).to_owned());
    Some(end + 1)
}

/// The keys of an object literal whose brace has just been passed.
fn object_literal(tokens: &[Token<'_>], mut at: usize, found: &mut Found) -> usize {
    loop {
        match tokens.get(at) {
            Some(Token::Word("get" | "set" | "async"))
                if matches!(tokens.get(at + 1), Some(Token::Word(_) | Token::Text(_))) =>
            {
                at += 1;
            }
            Some(Token::Word(name) | Token::Text(name)) => {
                found.names.push((*name).to_owned());
                at = skip_value(tokens, at + 1);
            }
            Some(Token::Mark('.')) => {
                // `...require("…")`
                if let Some(end) = expect(tokens, at, &[Token::Mark('.'); 3]) {
                    required(tokens, end, found);
                }
                at = skip_value(tokens, at + 1);
            }
            Some(Token::Mark(',')) => at += 1,
            Some(Token::Mark('}')) | None => return at + 1,
            Some(Token::Mark(_)) => at = skip_value(tokens, at),
        }
    }
}

/// From within a property to the comma or brace that ends it.
fn skip_value(tokens: &[Token<'_>], mut at: usize) -> usize {
    let mut depth = 0usize;
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') if depth > 0 => depth -= 1,
            Token::Mark(',' | ')' | ']' | '}') if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

fn expect(tokens: &[Token<'_>], at: usize, wanted: &[Token<'_>]) -> Option<usize> {
    let end = at + wanted.len();
    (tokens.get(at..end)? == wanted).then_some(end)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Token<'a> {
    /// An identifier, a keyword or a number.
    Word(&'a str),
    /// The content of a string literal, as written.
    Text(&'a str),
    /// Any other character; `=` only where it assigns.
    Mark(char),
}

/// Splits JavaScript into tokens: comments and regular expressions are passed over, and a template counts as one mark.
struct Tokens<'a> {
    source: &'a str,
    at: usize,
    /// Whether a `/` here would begin a regular expression.
    operand: bool,
}

impl<'a> Tokens<'a> {
    fn new(source: &'a str) -> Tokens<'a> {
        Tokens { source, at: 0, operand: true }
    }

    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    /// Passes over everything up to and including `end`.
    fn skip_past(&mut self, end: &str) {
        self.at = self.rest().find(end).map_or(self.source.len(), |found| self.at + found + end.len());
    }

    /// Passes over a string, template or regular expression; `self.at` is behind its opening.
    fn skip_quoted(&mut self, quote: u8) -> &'a str {
        let start = self.at;
        let bytes = self.source.as_bytes();
        let mut in_class = false;
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'\\' => self.at += 1,
                b'\n' if quote != b'`' => break,
                b'[' if quote == b'/' => in_class = true,
                b']' if quote == b'/' => in_class = false,
                byte if byte == quote && !in_class => {
                    let text = &self.source[start..self.at];
                    self.at += 1;
                    return text;
                }
                b'$' if quote == b'`' && bytes.get(self.at + 1) == Some(&b'{') => {
                    self.at += 2;
                    self.skip_substitution();
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        self.at = self.at.min(self.source.len());
        while !self.source.is_char_boundary(self.at) {
            self.at += 1;
        }
        &self.source[start..self.at]
    }

    /// Passes over the code in a template, up to and including its brace.
    fn skip_substitution(&mut self) {
        let mut depth = 0usize;
        self.operand = true;
        for token in self.by_ref() {
            match token {
                Token::Mark('{') => depth += 1,
                Token::Mark('}') if depth == 0 => return,
                Token::Mark('}') => depth -= 1,
                _ => {}
            }
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = self.rest();
            let first = rest.chars().next()?;
            match first {
                _ if rest.starts_with("//") || (self.at == 0 && rest.starts_with("#!")) => self.skip_past("\n"),
                _ if rest.starts_with("/*") => {
                    self.at += 2;
                    self.skip_past("*/");
                }
                '/' if self.operand => {
                    self.at += 1;
                    self.skip_quoted(b'/');
                    self.operand = false;
                }
                '"' | '\'' => {
                    self.at += 1;
                    self.operand = false;
                    return Some(Token::Text(self.skip_quoted(first as u8)));
                }
                '`' => {
                    self.at += 1;
                    self.skip_quoted(b'`');
                    self.operand = false;
                    return Some(Token::Mark('`'));
                }
                _ if first.is_alphanumeric() || first == '_' || first == '$' => {
                    let end = rest
                        .find(|character: char| !(character.is_alphanumeric() || character == '_' || character == '$'))
                        .unwrap_or(rest.len());
                    self.at += end;
                    let word = &rest[..end];
                    self.operand = matches!(
                        word,
                        "return"
                            | "typeof"
                            | "case"
                            | "in"
                            | "of"
                            | "delete"
                            | "void"
                            | "throw"
                            | "new"
                            | "else"
                            | "do"
                    );
                    return Some(Token::Word(word));
                }
                _ if first.is_whitespace() => self.at += first.len_utf8(),
                '=' => {
                    // `==`, `===` and `=>` assign nothing.
                    let run = rest.bytes().take_while(|byte| matches!(byte, b'=' | b'>')).count();
                    self.at += run;
                    self.operand = true;
                    return Some(Token::Mark(if run == 1 { '=' } else { '\u{2260}' }));
                }
                '!' | '<' | '>' if rest[1..].starts_with('=') => {
                    let run = 1 + rest[1..].bytes().take_while(|byte| *byte == b'=').count();
                    self.at += run;
                    self.operand = true;
                    return Some(Token::Mark(first));
                }
                _ => {
                    self.at += first.len_utf8();
                    self.operand = !matches!(first, ')' | ']' | '}');
                    return Some(Token::Mark(first));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::scan;

    fn names(source: &str) -> Vec<String> {
        scan(source).names
    }

    #[test]
    fn members() {
        assert_eq!(
            names("exports.a = 1; module.exports.b = 2; exports['c-d'] = 3; exports.e == 4; x.exports.f = 5"),
            ["a", "b", "c-d"]
        );
        assert_eq!(names("exports.a = exports.b = void 0;"), ["a", "b"]);
    }

    #[test]
    fn defined_properties() {
        assert_eq!(names("Object.defineProperty(exports, '__esModule', { value: true });"), ["__esModule"]);
        assert_eq!(names("Object.defineProperty(module.exports, \"a\", { get() { return 1 } });"), ["a"]);
    }

    #[test]
    fn object_literals() {
        let source = "module.exports = { a, 'b': f(1, [2, 3]), c: { d: 1 }, get e() { return {} }, async f() {}, ...require('./x') }";
        let found = scan(source);
        assert_eq!(found.names, ["a", "b", "c", "e", "f"]);
        assert_eq!(found.reexports, ["./x"]);
        assert_eq!(names("0 && (module.exports = { a, b });"), ["a", "b"]);
    }

    #[test]
    fn reexports() {
        assert_eq!(scan("module.exports = require('./a');").reexports, ["./a"]);
        assert_eq!(
            scan("__exportStar(require(\"./b\"), exports); tslib_1.__exportStar(require('./c'), exports)").reexports,
            ["./b", "./c"]
        );
    }

    #[test]
    fn what_is_not_code_is_passed_over() {
        assert_eq!(
            names(
                "// exports.a = 1\n/* exports.b = 1 */ 'exports.c = 1'; /exports.d = 1/; `exports.e = ${{f: 1}} 1`; exports.g = 1"
            ),
            ["g"]
        );
        assert_eq!(names("a = b / 2; exports.c = d / 3"), ["c"]);
    }

    #[test]
    fn text_that_ends_too_early_is_no_trouble() {
        for source in
            ["exports.", "exports[", "'", "`${", "/", "module.exports = {", "\\", "\"\\", "'é\\", "exports['é\\"]
        {
            scan(source);
        }
    }
}
