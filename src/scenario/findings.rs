//! What a reader carries along: the text, how forgiving to be, and what it has found so far.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use super::diagnosis::{Diagnosis, Severity, Source};
use crate::fault::CallError;
use crate::syntax::SyntaxError;

/// A place in the text that is read, in bytes.
pub(super) type Span = Range<usize>;

/// More findings than these are not kept.
const MOST_FINDINGS: usize = 100;

/// More findings than these are not told of one line, but for the first error of all.
const MOST_IN_A_LINE: usize = 10;

/// The findings of one reading.
#[derive(Debug)]
pub(super) struct Findings {
    /// The file.
    source: Source,
    /// Texts that stand outside the file, each read as if it stood behind all before it.
    appended: Vec<Source>,
    /// Whether to repair what is clearly a slip.
    pub(super) lenient: bool,
    found: RefCell<Vec<Diagnosis>>,
    failed: Cell<bool>,
}

impl Findings {
    pub(super) fn new(source: Source, lenient: bool) -> Self {
        let (found, failed) = (RefCell::default(), Cell::new(false));
        Self { source, appended: Vec::new(), lenient, found, failed }
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// Takes in a text from outside the file; its places begin at the number returned.
    pub(super) fn append(&mut self, source: Source) -> usize {
        let start = self.end();
        self.appended.push(source);
        start
    }

    /// Behind all texts, with a byte in between that belongs to none.
    fn end(&self) -> usize {
        let lengths = self.appended.iter().map(|source| source.text().len() + 1);
        self.source.text().len() + 1 + lengths.sum::<usize>()
    }

    /// The text that a place is in, and the place as counted there.
    fn locate(&self, span: Span) -> (&Source, Span) {
        let mut start = 0;
        let all = std::iter::once(&self.source).chain(&self.appended);
        for source in all {
            let next = start + source.text().len() + 1;
            if span.start < next {
                return (source, span.start - start..span.end.saturating_sub(start));
            }
            start = next;
        }
        (&self.source, span)
    }

    /// The characters at a place.
    pub(super) fn text(&self, span: Span) -> &str {
        let (source, span) = self.locate(span);
        source.text().get(span).unwrap_or_default()
    }

    /// Keeps a finding; those after the first hundred only if none before is an error.
    fn push(&self, diagnosis: Diagnosis) {
        let is_error = diagnosis.severity() == Severity::Error;
        if !self.is_full() || (is_error && !self.failed.get()) {
            self.found.borrow_mut().push(diagnosis);
        }
        self.failed.set(self.failed.get() || is_error);
    }

    fn is_full(&self) -> bool {
        self.found.borrow().len() >= MOST_FINDINGS
    }

    /// Whether the file is refused with more findings than anybody would read.
    pub(super) fn is_done(&self) -> bool {
        self.is_full() && self.failed.get()
    }

    fn at(&self, severity: Severity, span: Span, message: String) -> Diagnosis {
        let (source, span) = self.locate(span);
        Diagnosis::new(source, severity, span, message)
    }

    fn note(
        &self,
        severity: Severity,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        if !self.is_done() {
            self.push(self.at(severity, span, message.into()).help(help));
        }
    }

    pub(super) fn error(&self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.note(Severity::Error, span, message, help);
    }

    pub(super) fn warn(&self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.note(Severity::Warning, span, message, help);
    }

    /// A slip whose meaning is clear: a warning if one is lenient, and an error otherwise.
    pub(super) fn slip(&self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        let severity = if self.lenient { Severity::Warning } else { Severity::Error };
        self.note(severity, span, message, help);
    }

    /// A finding about two places.
    pub(super) fn twice(
        &self,
        severity: Severity,
        (first, second): (Span, Span),
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (_, first) = self.locate(first);
        let found = self.at(severity, second, message.into()).label("again here");
        self.push(found.also(first, "first here").help(help));
    }

    /// Whether the file cannot be used.
    pub(super) fn failed(&self) -> bool {
        self.failed.get()
    }

    /// All findings, those of each text in the order of their places.
    pub(super) fn into_diagnoses(self) -> Vec<Diagnosis> {
        let mut found = self.found.into_inner();
        let name = self.source.name();
        found.sort_by_key(|one| (one.source().name() != name, one.span().start));
        let mut in_line = (None, 0);
        let mut has_error = false;
        found.retain(|one| {
            let line = Some((one.source().name().to_owned(), one.line_and_column().0));
            in_line = if in_line.0 == line { (line, in_line.1 + 1) } else { (line, 1) };
            let is_first_error = one.severity() == Severity::Error && !has_error;
            has_error |= is_first_error;
            in_line.1 <= MOST_IN_A_LINE || is_first_error
        });
        found
    }
}

/// A piece of text in the file, with what is needed to find its parts again.
#[derive(Clone, Debug)]
pub(super) struct Located<'a> {
    /// The text.
    pub(super) text: &'a str,
    /// Where it stands.
    span: Span,
    /// Where its first byte stands, if the file says it letter by letter.
    start: Option<usize>,
}

impl<'a> Located<'a> {
    /// A text that stands in the file as it is.
    pub(super) fn verbatim(text: &'a str, start: usize) -> Self {
        Self { text, span: start..start + text.len(), start: Some(start) }
    }

    /// A text that stands in the file in quotes, perhaps with escapes.
    pub(super) fn quoted(text: &'a str, span: Span, findings: &Findings) -> Self {
        let raw = findings.text(span.clone());
        let opened = match raw {
            _ if raw == text => Some(0),
            _ if raw.starts_with("\"\"\"") || raw.starts_with("'''") => {
                let inner = raw.get(3..).unwrap_or_default();
                let inner = inner.strip_prefix('\r').unwrap_or(inner);
                let inner = inner.strip_prefix('\n').unwrap_or(inner);
                inner.starts_with(text).then(|| raw.len() - inner.len())
            }
            _ => raw.get(1..).is_some_and(|inner| inner.starts_with(text)).then_some(1),
        };
        let start = opened.map(|offset| span.start + offset);
        Self { text, span, start }
    }

    /// Another text for the same place, such as a repaired one.
    pub(super) fn instead<'b>(&self, text: &'b str) -> Located<'b> {
        Located { text, span: self.span.clone(), start: None }
    }

    /// Where all of it stands.
    pub(super) fn whole(&self) -> Span {
        self.span.clone()
    }

    /// Where a part of it stands; all of it, if that is the most that can be said.
    pub(super) fn part(&self, part: Span) -> Span {
        match self.start {
            Some(start) => start + part.start..start + part.end,
            None => self.span.clone(),
        }
    }

    pub(super) fn syntax_error(&self, findings: &Findings, error: SyntaxError) {
        findings.error(self.part(error.span), error.message, error.help);
    }

    /// Reports a call that means nothing, unless what was meant is clear and one is lenient.
    pub(super) fn call_error<T>(&self, findings: &Findings, error: CallError<T>) -> Option<T> {
        let span = self.part(error.span);
        match error.repair {
            Some(repair) => {
                findings.slip(span, error.message, error.help);
                Some(repair)
            }
            None => {
                findings.error(span, error.message, error.help);
                None
            }
        }
    }
}
