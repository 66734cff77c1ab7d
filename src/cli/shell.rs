//! What the command line writes to, and whether it may use colours there.

use std::io::{self, IsTerminal as _, Write};

/// Standard output and standard error.
pub(super) struct Shell {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Whether standard error may be coloured.
    colours: bool,
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
        }
    }

    /// Whether diagnostics may be coloured.
    pub(super) fn colours(&self) -> bool {
        self.colours
    }

    /// Says something to the user beside the output, after what was put out so far.
    pub(super) fn say(&mut self, text: &str) {
        // Where nobody listens, nothing is said.
        let _ = self.out.flush();
        let _ = writeln!(self.err, "{}", text.trim_end());
    }

    /// Says what is wrong.
    pub(super) fn complain(&mut self, text: &str) {
        self.say(&format!("error: {text}"));
    }
}

impl Write for Shell {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
