//! The outcome of a suite in the XML form that build servers read.

use std::fmt::{self, Display, Write};
use std::path::Path;

use super::test::{Case, Found};

/// The whole file.
pub(super) struct JUnit<'a>(pub(super) &'a [Case]);

impl Display for JUnit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count =
            |wanted: fn(&Found) -> bool| self.0.iter().filter(|case| wanted(&case.found)).count();
        let failures = count(|found| matches!(found, Found::Failed(_)));
        let errors = count(|found| matches!(found, Found::Refused(_) | Found::Panicked));
        let tests = self.0.len();
        let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"");
        writeln!(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(f, "<testsuites name=\"perjury\" {counts}>")?;
        writeln!(f, "  <testsuite name=\"perjury\" {counts}>")?;
        self.0.iter().try_for_each(|case| write_case(f, case))?;
        writeln!(f, "  </testsuite>")?;
        writeln!(f, "</testsuites>")
    }
}

fn write_case(f: &mut fmt::Formatter<'_>, case: &Case) -> fmt::Result {
    let path = Path::new(&case.path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = path.parent().unwrap_or(Path::new("")).display().to_string();
    let (name, folder) = (Escaped(&name), Escaped(&folder));
    write!(f, "    <testcase classname=\"{folder}\" name=\"{name}\"")?;
    let (tag, word) = match &case.found {
        Found::AsExpected(_) => return writeln!(f, "/>"),
        Found::BeyondTolerance(_) => ("system-out", None),
        Found::Failed(_) => ("failure", Some("not as expected")),
        Found::Refused(_) => ("error", Some("refused")),
        Found::Panicked => ("error", Some("panicked")),
    };
    writeln!(f, ">")?;
    write!(f, "      <{tag}")?;
    if let Some(word) = word {
        write!(f, " message=\"{word}\"")?;
    }
    writeln!(f, ">{}</{tag}>", Escaped(&case.details()))?;
    writeln!(f, "    </testcase>")
}

/// A text as XML takes it; characters that XML does not know are replaced.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\n' | '\t' => f.write_char(c)?,
                '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                _ if c.is_control() => f.write_char('\u{fffd}')?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::test::Reason;

    #[test]
    fn what_xml_does_not_take_is_escaped() {
        let text = Escaped("a<b> & \"c\"\u{1b}[0m\r").to_string();
        assert_eq!(text, "a&lt;b&gt; &amp; &quot;c&quot;\u{fffd}[0m\u{fffd}");
    }

    #[test]
    fn a_suite_is_well_formed() {
        let case = |path: &str, found| Case {
            path: path.into(),
            found,
            reached: Default::default(),
            again: "perjury run".into(),
        };
        let cases = [
            case("scenarios/a.toml", Found::AsExpected("held".into())),
            case("b&b.toml", Found::Refused(vec![Reason::of_all("no < t".into())])),
            case("c.toml", Found::Panicked),
        ];
        let text = JUnit(&cases).to_string();
        assert!(text.contains("tests=\"3\" failures=\"0\" errors=\"2\""), "{text}");
        assert!(text.contains("classname=\"scenarios\" name=\"a.toml\"/>"), "{text}");
        assert!(text.contains("name=\"b&amp;b.toml\">"), "{text}");
        assert!(text.contains("no &lt; t"), "{text}");
        assert_eq!(text.matches("<testcase").count(), 3);
        assert_eq!(text.matches("</testcase>").count(), 2);
    }
}
