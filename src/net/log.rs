//! The log of a process that runs for real: the simulator's lines, each with the time of the
//! calendar, in a file of its own.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use serde_json::json;

use crate::crypto::Notary;
use crate::identity::Address;
use crate::process::Protocol;
use crate::trace::{Event, FORMAT, Line, Ordinals, Watch};

use super::clock;
use super::roster::{Notice, Notices};
use super::seat::Keep;

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogForm {
    /// One line an event, behind its time in seconds since 1970.
    Text,
    /// One JSON object a line, with its time as `wall_ns`.
    Json,
}

/// Where logs go.
#[derive(Clone, Debug)]
pub struct LogFolder {
    /// The folder; made where it is not.
    pub folder: PathBuf,
    /// How events are written.
    pub form: LogForm,
}

impl LogFolder {
    /// The log of one process.
    pub(super) fn open(&self, process: Address, notices: &Notices) -> io::Result<Log> {
        fs::create_dir_all(&self.folder)?;
        let ending = match self.form {
            LogForm::Text => "log",
            LogForm::Json => "jsonl",
        };
        let name = process.to_string().replace([' ', '.'], "-");
        let file = File::create(self.folder.join(format!("{name}.{ending}")))?;
        let mut file = BufWriter::new(file);
        if self.form == LogForm::Json {
            let process = process.to_string();
            writeln!(file, "{}", json!({ "format": FORMAT, "process": process }))?;
        }
        let (form, ordinals) = (self.form, Ordinals::default());
        Ok(Log { form, file: Some(file), ordinals, notices: notices.clone() })
    }
}

/// Writes what happens to one process.
#[derive(Debug)]
pub(super) struct Log {
    form: LogForm,
    /// None once it could not be written.
    file: Option<BufWriter<File>>,
    ordinals: Ordinals,
    notices: Notices,
}

impl Log {
    /// Tries it. A log that cannot be written does not stop the process that it is about.
    fn write(&mut self, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = write(file) {
            self.file = None;
            self.notices.tell(Notice::Unlogged { why: error.to_string() });
        }
    }
}

impl<P: Protocol> Keep<P> for Log {
    fn flush(&mut self) {
        self.write(BufWriter::flush);
    }
}

impl<P: Protocol> Watch<P> for Log {
    fn see(&mut self, event: &Event<'_, P>, notary: &Notary) {
        let line = Line::of(event, notary, &mut self.ordinals);
        let wall_ns = clock::wall_ns();
        let form = self.form;
        self.write(|file| match form {
            LogForm::Text => {
                writeln!(file, "{}.{:09} {line}", wall_ns / 1_000_000_000, wall_ns % 1_000_000_000)
            }
            LogForm::Json => {
                let mut object = line.to_json();
                object["wall_ns"] = json!(wall_ns);
                writeln!(file, "{object}")
            }
        });
    }
}
