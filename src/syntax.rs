//! The call syntax that workloads and failures are written in, with the place of every part.
//!
//! `put('movie','star'); get('movie')` — names, brackets, arguments in quotes or bare; calls are
//! joined by commas, entries parted by semicolons. White space and empty entries mean nothing.
//! What the names mean is the business of whoever reads the calls.

use std::ops::Range;

/// A name with arguments, or a bare word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The name before the bracket.
    pub name: String,
    /// Where the name stands.
    pub name_span: Range<usize>,
    /// What stands in the brackets; empty for a bare word.
    pub arguments: Vec<Argument>,
    /// From the name to the closing bracket.
    pub span: Range<usize>,
}

impl Call {
    /// The arguments without their quotes.
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        self.arguments.iter().map(|argument| argument.text.as_str()).collect()
    }
}

/// One argument of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The text, quotes and escapes taken off.
    pub text: String,
    /// Whether it stood in quotes.
    pub quoted: bool,
    /// Where it stands, quotes included.
    pub span: Range<usize>,
}

/// Calls that are joined by commas: one entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The calls, at least one.
    pub calls: Vec<Call>,
    /// From the first to the last of them.
    pub span: Range<usize>,
}

/// Why a text is no list of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where reading stopped.
    pub span: Range<usize>,
    /// What is wrong there.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// Reads entries that are parted by semicolons.
///
/// # Errors
/// The first place that does not follow the syntax.
pub fn list(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    let mut cursor = Cursor::new(text);
    let mut entries = Vec::new();
    loop {
        cursor.skip_space();
        match cursor.peek() {
            None => return Ok(entries),
            Some(';') => cursor.advance(),
            Some(_) => {
                entries.push(cursor.entry()?);
                if !matches!(cursor.peek(), None | Some(';')) {
                    return Err(cursor.unexpected("a semicolon `;` or the end"));
                }
            }
        }
    }
}

/// Reads exactly one call.
///
/// # Errors
/// The first place that does not follow the syntax.
pub fn call(text: &str) -> Result<Call, SyntaxError> {
    let mut cursor = Cursor::new(text);
    cursor.skip_space();
    let call = cursor.call()?;
    match cursor.peek() {
        None => Ok(call),
        Some(_) => {
            let help = "one call stands here; write any other apart".to_owned();
            Err(SyntaxError { help, ..cursor.unexpected("the end") })
        }
    }
}

/// Reads values in quotes or bare, parted by any of `separators`; the separator behind each value
/// comes with it.
///
/// # Errors
/// The first place that does not follow the syntax.
pub fn values(
    text: &str,
    separators: &[char],
) -> Result<Vec<(Argument, Option<char>)>, SyntaxError> {
    let mut cursor = Cursor::new(text);
    let mut found = Vec::new();
    loop {
        cursor.skip_space();
        if cursor.peek().is_none() {
            return Ok(found);
        }
        let value = match cursor.peek() {
            Some('\'' | '"') => cursor.argument()?,
            _ => cursor.phrase(separators),
        };
        cursor.skip_space();
        let separator = cursor.peek();
        match separator {
            None => {}
            Some(c) if separators.contains(&c) => cursor.advance(),
            Some(_) => return Err(cursor.unexpected("a separator or the end")),
        }
        found.push((value, separator));
    }
}

/// `text` between single quotes, with everything escaped that would end it or a line.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        match c {
            '\'' => quoted.push_str("\\'"),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if c.is_control() => quoted.extend(c.escape_unicode()),
            _ => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn advance(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take_while(&mut self, holds: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = rest.len() - rest.trim_start_matches(holds).len();
        self.at += taken;
        &rest[..taken]
    }

    /// One character, or nothing at the end.
    fn here(&self) -> Range<usize> {
        self.at..self.at + self.peek().map_or(0, char::len_utf8)
    }

    fn unexpected(&self, wanted: &str) -> SyntaxError {
        let message = match self.peek() {
            None => format!("expected {wanted}, but the text ends here"),
            Some(c) => format!("expected {wanted}, found `{c}`"),
        };
        let help = match self.peek() {
            Some('\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}') => {
                "use the plain quote ' instead of a typographic one"
            }
            _ => "calls look like name('text','text') or name(1,2)",
        };
        SyntaxError { span: self.here(), message, help: help.to_owned() }
    }

    fn entry(&mut self) -> Result<Entry, SyntaxError> {
        let mut calls = vec![self.call()?];
        while self.peek() == Some(',') {
            self.advance();
            self.skip_space();
            calls.push(self.call()?);
        }
        let start = calls.first().map_or(0, |call| call.span.start);
        let end = calls.last().map_or(start, |call| call.span.end);
        Ok(Entry { calls, span: start..end })
    }

    fn call(&mut self) -> Result<Call, SyntaxError> {
        let start = self.at;
        let name = self.take_while(|c| c.is_alphanumeric() || c == '_').to_owned();
        if name.is_empty() {
            return Err(self.unexpected("a name"));
        }
        let name_span = start..self.at;
        let mut end = self.at;
        self.skip_space();
        let mut arguments = Vec::new();
        if self.peek() == Some('(') {
            self.advance();
            arguments = self.arguments()?;
            end = self.at;
            self.skip_space();
        }
        Ok(Call { name, name_span, arguments, span: start..end })
    }

    /// Up to and including the closing bracket.
    fn arguments(&mut self) -> Result<Vec<Argument>, SyntaxError> {
        let mut arguments = Vec::new();
        self.skip_space();
        while self.peek() != Some(')') {
            arguments.push(self.argument()?);
            self.skip_space();
            match self.peek() {
                Some(',') => {
                    self.advance();
                    self.skip_space();
                    if self.peek() == Some(')') {
                        return Err(self.unexpected("an argument"));
                    }
                }
                Some(')') => {}
                _ => return Err(self.unexpected("a comma `,` or the bracket `)`")),
            }
        }
        self.advance();
        Ok(arguments)
    }

    fn argument(&mut self) -> Result<Argument, SyntaxError> {
        let start = self.at;
        if let Some(quote @ ('\'' | '"')) = self.peek() {
            let text = self.quoted(quote)?;
            return Ok(Argument { text, quoted: true, span: start..self.at });
        }
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.');
        let text = self.take_while(word).to_owned();
        if text.is_empty() {
            return Err(self.unexpected("an argument"));
        }
        Ok(Argument { text, quoted: false, span: start..self.at })
    }

    fn phrase(&mut self, separators: &[char]) -> Argument {
        let start = self.at;
        let text = self.take_while(|c| !separators.contains(&c)).trim_end();
        Argument { text: text.to_owned(), quoted: false, span: start..start + text.len() }
    }

    fn quoted(&mut self, quote: char) -> Result<String, SyntaxError> {
        let opened = self.here();
        self.advance();
        let mut text = String::new();
        loop {
            match self.peek() {
                None => {
                    return Err(SyntaxError {
                        span: opened,
                        message: "the quote that opens here is never closed".to_owned(),
                        help: format!("add a {quote} at the end of the text it opens"),
                    });
                }
                Some('\\') => text.push(self.escape()?),
                Some(c) => {
                    self.advance();
                    if c == quote {
                        return Ok(text);
                    }
                    text.push(c);
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, SyntaxError> {
        let start = self.at;
        self.advance();
        let kind = self.peek();
        self.advance();
        let plain = match kind {
            Some(c @ ('\'' | '"' | '\\')) => Some(c),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('u') => self.code_point(),
            _ => None,
        };
        plain.ok_or_else(|| SyntaxError {
            span: start..self.at,
            message: "there is no such escape".to_owned(),
            help: r"the escapes are \' \\ \n \r \t and \u{2019}; a backslash itself is \\"
                .to_owned(),
        })
    }

    fn code_point(&mut self) -> Option<char> {
        let digits = self.rest().strip_prefix('{')?.split_once('}')?.0;
        let value = u32::from_str_radix(digits, 16).ok()?;
        let found = char::from_u32(value)?;
        self.at += digits.len() + 2;
        Some(found)
    }
}

/// The word among `known` that `written` was probably meant to be.
#[must_use]
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written: Vec<char> = written.chars().take(64).collect();
    let allowed = (written.len() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|word| (distance(&written, word), word))
        .filter(|(distance, word)| *distance <= allowed && *distance < word.chars().count())
        .min()
        .map(|(_, word)| word)
}

/// How many letters to add, drop, change or swap with the next, to get from one to the other.
fn distance(from: &[char], to: &str) -> usize {
    let to: Vec<char> = to.chars().take(64).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let change = last[j] + usize::from(!a.eq_ignore_ascii_case(b));
            let mut best = change.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && from[i - 1] == *b && to[j - 1] == *a {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match list(text) {
            Err(error) => format!("{:?} {}", error.span, error.message),
            Ok(entries) => entries
                .iter()
                .map(|entry| {
                    let calls = entry.calls.iter();
                    calls
                        .map(|call| format!("{}{:?}", call.name, call.texts()))
                        .collect::<Vec<_>>()
                        .join("+")
                })
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    #[test]
    fn white_space_and_empty_entries_mean_nothing() {
        let text = " ; put( 'a' ,'b c' ) ;; get('a')\t;reconfig ; ";
        assert_eq!(shown(text), r#"put["a", "b c"] get["a"] reconfig[]"#);
        assert_eq!(shown("shuttle(0, 3), drop() ;"), r#"shuttle["0", "3"]+drop[]"#);
        assert_eq!(shown(""), "");
    }

    #[test]
    fn quotes_hold_separators_and_escapes() {
        assert_eq!(shown(r"put('a;,)','\'\\\u{e9}')"), "put[\"a;,)\", \"'\\\\é\"]");
        assert_eq!(shown(r#"put("it's",'x')"#), r#"put["it's", "x"]"#);
    }

    #[test]
    fn errors_say_where() {
        assert_eq!(shown("put('a,'b')"), "8..9 expected a comma `,` or the bracket `)`, found `b`");
        assert_eq!(shown("get('a"), "4..5 the quote that opens here is never closed");
        assert_eq!(
            shown("get('a') get('b')"),
            "9..10 expected a semicolon `;` or the end, found `g`"
        );
        assert_eq!(shown(r"get('\q')"), "5..7 there is no such escape");
        assert_eq!(shown("get('a',)"), "8..9 expected an argument, found `)`");
    }

    #[test]
    fn near_misses_are_recognised_and_strangers_are_not() {
        let known = ["timeouts", "client", "limits", "t"];
        assert_eq!(nearest("timeout", known), Some("timeouts"));
        assert_eq!(nearest("cleint", known), Some("client"));
        assert_eq!(nearest("logfile_path", known), None);
        assert_eq!(nearest("x", known), None);
    }
}
