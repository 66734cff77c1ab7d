//! What is wrong with a scenario file: where, why, and what to write instead.
//!
//! A finding shows what the file says, but not more of a long line than a reader wants, and no
//! character that a terminal would obey.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{LabeledSpan, MietteError, MietteSpanContents, NamedSource, SourceCode, SourceSpan};

/// So many bytes of a line are shown before a place and behind it, where the line is long.
const AROUND: usize = 100;
/// So many bytes of a place are shown.
const LONGEST_PLACE: usize = 200;
/// More is not shown at once.
const LONGEST_EXCERPT: usize = 1_000;
/// So many characters a message has, or a remedy.
const LONGEST_MESSAGE: usize = 600;

/// A text and the name by which its user knows it.
#[derive(Clone, Debug)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    /// The same text to the byte, with other characters where it has control characters.
    shown: Arc<str>,
}

impl Source {
    /// This text under this name.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        let is_harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
        let text: Arc<str> = text.into();
        let shown = if text.chars().all(is_harmless) { Arc::clone(&text) } else { tamed(&text) };
        Self { name: name.into(), text, shown }
    }

    /// The name: usually a file's.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line and column of a place, both from 1; columns count characters.
    #[must_use]
    pub fn line_and_column(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (line, before[start..].chars().count() + 1)
    }
}

/// The text with other characters of the same length in place of control characters.
fn tamed(text: &str) -> Arc<str> {
    let mut tamed = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        tamed.push(match c {
            '\n' | '\t' => c,
            '\r' if characters.peek() == Some(&'\n') => c,
            _ if !c.is_control() => c,
            _ if c.len_utf8() == 1 => '?',
            _ => '¿',
        });
    }
    tamed.into()
}

/// A message with nothing in it that a terminal would obey, not longer than a reader wants.
fn readable(text: &str) -> String {
    let mut readable = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == LONGEST_MESSAGE {
            readable.push('…');
            break;
        }
        match c {
            '\n' => readable.push(c),
            _ if c.is_control() => readable.extend(c.escape_unicode()),
            _ => readable.push(c),
        }
    }
    readable
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file can be used, but may not mean what its author thinks.
    Warning,
    /// The file cannot be used.
    Error,
}

/// One finding in a scenario file.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    source: NamedSource<Source>,
    severity: Severity,
    message: String,
    label: String,
    help: String,
    span: Range<usize>,
    also: Vec<(Range<usize>, String)>,
}

impl Diagnosis {
    /// A finding of this weight at this place. The label says in a few words what is there, the
    /// help what to do.
    #[must_use]
    pub fn new(source: &Source, severity: Severity, span: Range<usize>, message: String) -> Self {
        let end = source.text.len();
        let (start, stop) = (span.start.min(end), span.end.min(end));
        Self {
            source: NamedSource::new(readable(&source.name), source.clone()),
            severity,
            message: readable(&message),
            label: String::new(),
            help: String::new(),
            span: start..stop.max(start),
            also: Vec::new(),
        }
    }

    /// With this remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = readable(&help.into());
        self
    }

    /// With these words at the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With another place that has to do with it.
    #[must_use]
    pub fn also(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.also.push((span, label.into()));
        self
    }

    /// How much it weighs.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do; never empty for an error.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.help
    }

    /// The place in the file, in bytes.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &Source {
        self.source.inner()
    }

    /// As much of a place as is shown.
    fn shown(&self, span: &Range<usize>) -> Range<usize> {
        let most = floor(self.source().text(), span.start + LONGEST_PLACE);
        span.start..span.end.min(most)
    }

    /// Line and column, both from 1.
    #[must_use]
    pub fn line_and_column(&self) -> (usize, usize) {
        self.source.inner().line_and_column(self.span.start)
    }

    /// In one line: `file:line:col: warning: … (help: …)`.
    #[must_use]
    pub fn compact(&self) -> String {
        let (line, column) = self.line_and_column();
        format!("{}:{line}:{column}: {}", self.source.name(), self.placeless()).replace('\n', " ")
    }

    /// The same without the place: `warning: … (help: …)`.
    #[must_use]
    pub fn placeless(&self) -> String {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let mut text = format!("{severity}: {}", self.message);
        if !self.help.is_empty() {
            text.push_str(&format!(" (help: {})", self.help));
        }
        text.replace('\n', " ")
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnosis {}

impl miette::Diagnostic for Diagnosis {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = (!self.label.is_empty()).then(|| self.label.clone());
        let main = LabeledSpan::new_primary_with_span(label, self.shown(&self.span));
        let also = self
            .also
            .iter()
            .map(|(span, label)| LabeledSpan::new_with_span(Some(label.clone()), self.shown(span)));
        Some(Box::new(std::iter::once(main).chain(also)))
    }
}

impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, MietteError> {
        let lines = self.shown.read_span(span, lines_before, lines_after)?;
        if lines.data().len() <= LONGEST_EXCERPT {
            return Ok(lines);
        }
        // Places that are far apart are shown each by itself.
        if span.len() > LONGEST_EXCERPT {
            return Err(MietteError::OutOfBounds);
        }
        let (first, last) = (lines.span().offset(), lines.span().offset() + lines.span().len());
        let start = floor(&self.shown, span.offset().saturating_sub(AROUND)).max(first);
        let end = floor(&self.shown, span.offset() + span.len() + AROUND).min(last);
        let (line, column) = self.line_and_column(start);
        Ok(Box::new(MietteSpanContents::new(
            &self.shown.as_bytes()[start..end],
            (start, end - start).into(),
            line - 1,
            column - 1,
            lines.line_count(),
        )))
    }
}

/// The place where a character begins, here or next before.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
