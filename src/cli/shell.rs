//! What the command line writes to, and whether it may use colours there.
//!
//! What a file says may be shown, but not obeyed: control characters reach a terminal as the text
//! `\u001b`, which JSON and TOML read as the same character. Where nobody reads our output any
//! more, it goes nowhere: that changes neither the run nor the exit code.

use std::io::{self, IsTerminal as _, Write};

/// Standard output and standard error.
pub(super) struct Shell {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// Whether standard error may be coloured.
    colours: bool,
    /// Whether nobody reads standard output any more.
    closed: bool,
}

impl Shell {
    /// This process's own; colours only on a terminal, and not where `NO_COLOR` is set.
    pub(super) fn of_this_process() -> Shell {
        #[expect(clippy::disallowed_methods, reason = "colours are no part of a run")]
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Shell {
            out: Box::new(io::BufWriter::with_capacity(1 << 16, io::stdout())),
            err: Box::new(io::stderr()),
            colours: io::stderr().is_terminal() && !plain,
            closed: false,
        }
    }

    /// Hands it over to somebody else. What is said here meanwhile goes to standard error alone.
    pub(super) fn lend(&mut self) -> Shell {
        let (out, err) = (Box::new(io::sink()), Box::new(io::stderr()));
        std::mem::replace(self, Shell { out, err, colours: self.colours, closed: self.closed })
    }

    /// Whether diagnostics may be coloured.
    pub(super) fn colours(&self) -> bool {
        self.colours
    }

    /// Whether nobody reads the output any more, so that none need be made.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Says something to the user beside the output, after what was put out so far.
    pub(super) fn say(&mut self, text: &str) {
        let mut plain = Vec::new();
        // A vector takes everything.
        let _ = write_plain(&mut plain, text.as_bytes());
        self.show(&String::from_utf8_lossy(&plain));
    }

    /// The same for a text that is made for a terminal, and has nothing in it that a file says.
    pub(super) fn show(&mut self, text: &str) {
        // Where nobody listens, nothing is said.
        let _ = self.flush();
        let _ = writeln!(self.err, "{}", text.trim_end());
    }

    /// Says what is wrong.
    pub(super) fn complain(&mut self, text: &str) {
        self.say(&format!("error: {text}"));
    }

    /// A closed pipe is no failure.
    fn unless_closed(&mut self, done: io::Result<()>) -> io::Result<()> {
        match done {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            done => done,
        }
    }
}

impl Write for Shell {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.closed {
            let done = write_plain(&mut self.out, bytes);
            self.unless_closed(done)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let done = self.out.flush();
        self.unless_closed(done)
    }
}

/// Writes text, with control characters other than line ends and tabs spelled out.
fn write_plain(out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while let Some(place) = rest.iter().position(|byte| is_suspect(*byte)) {
        let (plain, suspect) = rest.split_at(place);
        out.write_all(plain)?;
        let (length, code) = match suspect {
            // The upper control characters, in two bytes.
            [0xc2, low @ 0x80..=0x9f, ..] => (2, Some(*low)),
            [0xc2, ..] => (1, None),
            [low, ..] => (1, Some(*low)),
            [] => break,
        };
        match code {
            Some(code) => write!(out, "\\u{code:04x}")?,
            None => out.write_all(&suspect[..length])?,
        }
        rest = &suspect[length..];
    }
    out.write_all(rest)
}

fn is_suspect(byte: u8) -> bool {
    matches!(byte, 0..=8 | 11..=31 | 127 | 0xc2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        let mut out = Vec::new();
        write_plain(&mut out, text.as_bytes()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn control_characters_are_spelled_out_and_nothing_else_is() {
        assert_eq!(plain("a\tb\n"), "a\tb\n");
        assert_eq!(plain("\u{1b}[2J\u{7}\r\u{7f}"), "\\u001b[2J\\u0007\\u000d\\u007f");
        assert_eq!(plain("\u{9b}31m © µ …"), "\\u009b31m © µ …");
        let json = plain(&serde_json::json!("\u{1b}\u{7f}\u{85}").to_string());
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), "\u{1b}\u{7f}\u{85}");
    }
}
