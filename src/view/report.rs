//! Reports as pages: of campaigns, of sweeps, of hunts for seeded bugs. They look like the picture
//! of a run, load nothing, and need no script.

use std::fmt::{Display, Write as _};

/// A page that is being written, section by section.
#[derive(Clone, Debug)]
pub struct Report {
    title: String,
    body: String,
}

const STYLE: &str = include_str!("report.css");

const TAKES_ALL: &str = "a string takes all that is written";

impl Report {
    /// An empty page.
    #[must_use]
    pub fn new(title: &str) -> Report {
        Report { title: title.to_owned(), body: String::new() }
    }

    /// The page.
    #[must_use]
    pub fn page(&self) -> String {
        let title = escaped(&self.title);
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{title}</title><style>{STYLE}</style></head>\n\
             <body>\n<h1>{title}</h1>\n{}</body></html>\n",
            self.body
        )
    }

    /// A heading.
    pub fn heading(&mut self, text: &str) {
        self.put(format_args!("<h2>{}</h2>\n", escaped(text)));
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        self.put(format_args!("<p>{}</p>\n", escaped(text)));
    }

    /// A text that keeps its lines, as in a terminal.
    pub fn lines(&mut self, text: &str) {
        self.put(format_args!("<pre>{}</pre>\n", escaped(text)));
    }

    /// The same, shown when somebody asks for it.
    pub fn hidden_lines(&mut self, summary: &str, text: &str) {
        let (summary, text) = (escaped(summary), escaped(text));
        self.put(format_args!(
            "<details><summary>{summary}</summary><pre>{text}</pre></details>\n"
        ));
    }

    /// A link to a page in the same folder, or below it.
    pub fn link(&mut self, path: &str, text: &str) {
        let (path, text) = (escaped(path), escaped(text));
        self.put(format_args!("<p><a href=\"{path}\">{text}</a></p>\n"));
    }

    /// How much of something there is of all.
    pub fn share(&mut self, some: usize, all: usize, what: &str) {
        let what = escaped(what);
        let meter = format!("<meter min=\"0\" max=\"{all}\" value=\"{some}\"></meter>");
        self.put(format_args!("<p>{meter} {some} of {all} {what}</p>\n"));
    }

    /// A table; columns of numbers stand right.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let is_number = |column: usize| {
            let number = |text: &String| text.parse::<f64>().is_ok();
            !rows.is_empty() && rows.iter().all(|row| row.get(column).is_some_and(number))
        };
        let class = |column| if is_number(column) { " class=\"number\"" } else { "" };
        self.body.push_str("<table>\n<tr>");
        for (column, name) in head.iter().enumerate() {
            self.put(format_args!("<th{}>{}</th>", class(column), escaped(name)));
        }
        self.body.push_str("</tr>\n");
        for row in rows {
            self.body.push_str("<tr>");
            for (column, text) in row.iter().enumerate() {
                self.put(format_args!("<td{}>{}</td>", class(column), escaped(text)));
            }
            self.body.push_str("</tr>\n");
        }
        self.body.push_str("</table>\n");
    }

    /// Something in HTML, of which whoever puts it in says that it is safe.
    pub fn raw(&mut self, html: &str) {
        self.body.push_str(html);
    }

    fn put(&mut self, text: impl Display) {
        write!(self.body, "{text}").expect(TAKES_ALL);
    }
}

/// A text as HTML takes it, in an attribute too.
#[must_use]
pub fn escaped(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    escaped.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_told_becomes_a_part_of_the_page() {
        let mut report = Report::new("<script>1</script>");
        report.heading("a & b");
        report.link("x\" onclick=\"y", "<b>");
        report.table(&["<i>", "count"], &[vec!["</td>".into(), "12".into()]]);
        report.hidden_lines("</summary>", "</pre><script>");
        let page = report.page();
        assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains("<i>"));
        assert!(page.contains("a &amp; b") && page.contains("x&quot; onclick=&quot;y"), "{page}");
        assert!(page.contains("<th class=\"number\">count</th>"), "{page}");
        assert_eq!(page.matches("</pre>").count(), 1);
    }
}
