//! What is wrong with a scenario file: where, why, and what to write instead.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{LabeledSpan, NamedSource, SourceCode};

/// A text and the name by which its user knows it.
#[derive(Clone, Debug)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// This text under this name.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into() }
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
            source: NamedSource::new(&source.name, source.clone()),
            severity,
            message,
            label: String::new(),
            help: String::new(),
            span: start..stop.max(start),
            also: Vec::new(),
        }
    }

    /// With this remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
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

    /// Line and column, both from 1.
    #[must_use]
    pub fn line_and_column(&self) -> (usize, usize) {
        self.source.inner().line_and_column(self.span.start)
    }

    /// In one line: `file:line:col: warning: … (help: …)`.
    #[must_use]
    pub fn compact(&self) -> String {
        let (line, column) = self.line_and_column();
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let name = self.source.name();
        let mut text = format!("{name}:{line}:{column}: {severity}: {}", self.message);
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
        let main = LabeledSpan::new_primary_with_span(label, self.span.clone());
        let also = self
            .also
            .iter()
            .map(|(span, label)| LabeledSpan::new_with_span(Some(label.clone()), span.clone()));
        Some(Box::new(std::iter::once(main).chain(also)))
    }
}

impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        self.text.read_span(span, lines_before, lines_after)
    }
}
